// The parser of conditions. Input: the text of one.

import GyreBench
import GyreCore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let text = String(decoding: Bytes(data, count).array, as: UTF8.self)
    do {
        check(try Condition(text), text)
    } catch {
        precondition((1...text.count + 1).contains(error.column) && !error.reason.isEmpty, "\(error)")
    }
    return 0
}

private func check(_ condition: Condition, _ text: String) {
    precondition(condition.text == text)
    // Written from its parts and read again it is the same.
    let unit: String
    let number: Double
    switch condition.bound {
    case .nanoseconds(let value): (number, unit) = (value, "ns")
    case .plain(let value): (number, unit) = (value, "")
    case .times(let value): (number, unit) = (value, "x")
    }
    precondition(number.isFinite && number >= 0)
    precondition(unit == "x" || condition.figure.isTime == (unit == "ns"))
    let written = number.description
    guard !written.contains("e"), written.count <= 16, !condition.figure.name.contains("e-") else { return }
    do {
        let again = try Condition("\(condition.figure.name) \(condition.comparison.rawValue) \(written)\(unit)")
        precondition(again.figure == condition.figure && again.comparison == condition.comparison)
        precondition(again.bound == condition.bound)
    } catch {
        preconditionFailure("\(error): \(text)")
    }
}
