// The writer of JSON, read back by Foundation's parser. Input: a value, one byte for each choice.

import Foundation

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var bytes = Bytes(data, count)
    let written = object(&bytes, depth: 0)
    precondition(!written.line.utf8.contains(UInt8(ascii: "\n")), "a line is one line")
    for text in [written.text, written.line] {
        do {
            let read = try JSONSerialization.jsonObject(with: Data(text.utf8))
            precondition(isSame(.object(written), read), text)
        } catch {
            preconditionFailure("\(error) in \(text)")
        }
    }
    return 0
}

private func object(_ bytes: inout Bytes, depth: Int) -> JSONObject {
    var object = JSONObject()
    for _ in 0..<(bytes.byte() % 5) { object[string(&bytes)] = value(&bytes, depth: depth) }
    return object
}

private func value(_ bytes: inout Bytes, depth: Int) -> JSONValue {
    switch bytes.byte() % (depth < 6 ? 8 : 6) {
    case 0: .null
    case 1: .bool(bytes.byte() % 2 == 1)
    case 2: .integer(bytes.number())
    case 3: .signed(Int64(bitPattern: bytes.number()))
    case 4: .number(Double(bitPattern: bytes.number()))
    case 5: .string(string(&bytes))
    case 6: .array((0..<(bytes.byte() % 4)).map { _ in value(&bytes, depth: depth + 1) })
    default: .object(object(&bytes, depth: depth + 1))
    }
}

private func string(_ bytes: inout Bytes) -> String {
    var scalars = String.UnicodeScalarView()
    for _ in 0..<(bytes.byte() % 9) {
        let code = bytes.byte() < 192 ? UInt32(bytes.byte()) : UInt32(truncatingIfNeeded: bytes.number() % 0x11_0000)
        // Foundation takes U+FEFF for a byte order mark at the beginning of every string, and drops it.
        if let scalar = Unicode.Scalar(code), code != 0xFEFF { scalars.append(scalar) }
    }
    return String(scalars)
}

private func isSame(_ written: JSONValue, _ read: Any) -> Bool {
    switch written {
    case .null: return read is NSNull
    case .bool(let value): return read as? Bool == value
    case .integer(let value): return (read as? NSNumber)?.uint64Value == value
    case .signed(let value): return (read as? NSNumber)?.int64Value == value
    case .number(let value):
        guard value.isFinite else { return read is NSNull }
        // Foundation reads numbers such as 3.5932934652794218e-68 as one of their neighbours; Swift reads them exactly.
        guard let read = (read as? NSNumber)?.doubleValue, Double(value.description) == value else { return false }
        return abs(read - value) <= abs(value) * 1e-13 + Double.leastNormalMagnitude
    case .string(let value): return (read as? String).map { isSame($0, value) } ?? false
    case .array(let values):
        guard let read = read as? [Any], read.count == values.count else { return false }
        return zip(values, read).allSatisfy { isSame($0, $1) }
    case .object(let object):
        // Keys that Foundation takes for one, such as a letter with its accent and both in one, are not looked at.
        guard let read = read as? [String: Any], read.count <= object.keys.count else { return false }
        guard read.count == object.keys.count else { return Set(object.keys).count < object.keys.count }
        return object.keys.allSatisfy { key in
            guard let value = object[key], let other = read[key] else { return false }
            return isSame(value, other)
        }
    }
}

/// Scalar by scalar: strings that look the same are equal otherwise.
private func isSame(_ left: String, _ right: String) -> Bool { left.unicodeScalars.elementsEqual(right.unicodeScalars) }
