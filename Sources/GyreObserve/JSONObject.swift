/// A JSON value, built in code.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(UInt64)
    case signed(Int64)
    /// Null in the text when it is not finite, which JSON cannot say.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// A JSON object whose keys keep the order in which they were set, so that two reports can be compared by eye and by
/// line.
public struct JSONObject: Sendable, Equatable {
    private var members: [(key: String, value: JSONValue)] = []

    /// An object without members.
    public init() {}

    /// The value of `key`. Setting a key again keeps its place; setting `nil` removes it.
    ///
    /// - Complexity: O(members).
    public subscript(key: String) -> JSONValue? {
        get { members.first { $0.key == key }?.value }
        set {
            let position = members.firstIndex { $0.key == key }
            switch (position, newValue) {
            case (let position?, let value?): members[position].value = value
            case (let position?, nil): members.remove(at: position)
            case (nil, let value?): members.append((key, value))
            case (nil, nil): break
            }
        }
    }

    /// The keys, in order.
    public var keys: [String] { members.map(\.key) }

    /// Sets all members of `other`, in their order.
    public mutating func merge(_ other: JSONObject) {
        for member in other.members { self[member.key] = member.value }
    }

    /// The object as text: one member a line, indented by two spaces, without a line end after the last brace.
    public var text: String {
        var text = ""
        write(to: &text, indentation: "")
        return text
    }

    /// The object as one line, without blanks between its parts and without a line end: for files of one object a line.
    public var line: String {
        var text = ""
        write(to: &text, indentation: nil)
        return text
    }

    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.elementsEqual(right.members) { $0.key == $1.key && $0.value == $1.value }
    }

    fileprivate func write(to text: inout String, indentation: String?) {
        writeItems("{", members, "}", to: &text, indentation) { member, text, inner in
            writeString(member.key, to: &text)
            text += indentation == nil ? ":" : ": "
            member.value.write(to: &text, indentation: inner)
        }
    }
}

extension JSONValue {
    fileprivate func write(to text: inout String, indentation: String?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .signed(let value): text += String(value)
        case .number(let value): text += value.isFinite ? value.description : "null"
        case .string(let value): writeString(value, to: &text)
        case .object(let value): value.write(to: &text, indentation: indentation)
        case .array(let values):
            writeItems("[", values, "]", to: &text, indentation) { value, text, inner in
                value.write(to: &text, indentation: inner)
            }
        }
    }
}

/// Writes items between brackets: each on a line of its own, two blanks further in, or all on one where there is no
/// indentation.
private func writeItems<Item>(
    _ opening: String, _ items: [Item], _ closing: String, to text: inout String, _ indentation: String?,
    _ write: (Item, inout String, String?) -> Void
) {
    text += opening
    let inner = indentation.map { $0 + "  " }
    for (position, item) in items.enumerated() {
        if position > 0 { text += "," }
        if let inner { text += "\n" + inner }
        write(item, &text, inner)
    }
    if let indentation, !items.isEmpty { text += "\n" + indentation }
    text += closing
}

/// Quotes `string` as RFC 8259 says: only the quote, the backslash and control characters need an escape.
private func writeString(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        case "\u{0}"..."\u{1F}":
            let digits = String(scalar.value, radix: 16)
            text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: text.unicodeScalars.append(scalar)
        }
    }
    text += "\""
}
