/// Reads the fields of a ``CronExpression``.
struct CronParser {
    /// One field of the text.
    struct Field {
        let text: Substring
        /// Where it begins, from 1.
        let column: Int
        var beginsWithStar: Bool { text.first == "*" }
    }

    /// Which values a field may have.
    struct Kind {
        let name: String
        let range: ClosedRange<Int>
        var names: [String] = []
        /// What the first of the names stands for.
        var firstName = 0

        static let minute = Kind(name: "minute", range: 0...59)
        static let hour = Kind(name: "hour", range: 0...23)
        static let day = Kind(name: "day of the month", range: 1...31)
        static let month = Kind(
            name: "month", range: 1...12,
            names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], firstName: 1)
        static let weekday = Kind(
            name: "day of the week", range: 0...7, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])
    }

    private let text: String
    private static let macros = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]
    private static let longest = 256

    init(_ text: String) { self.text = text }

    mutating func fields() throws(CronError) -> [Field] {
        guard text.utf8.count <= Self.longest else {
            throw whole("it has more than \(Self.longest) bytes; use ranges and steps in place of lists")
        }
        let words = Self.words(text)
        if let first = words.first, first.text.first == "@" {
            guard let meaning = Self.macros[first.text.lowercased()], words.count == 1 else {
                throw CronError(
                    column: first.column, field: "expression",
                    reason: "it is no word of these: \(Self.macros.keys.sorted().joined(separator: ", "))")
            }
            return Self.words(meaning)
        }
        guard words.count == 5 else {
            throw whole(
                "it has \(words.count) fields; write five: minute, hour, day of the month, month, day of the week")
        }
        return words
    }

    private func whole(_ reason: String) -> CronError { CronError(column: 1, field: "expression", reason: reason) }

    private static func words(_ text: String) -> [Field] {
        var words: [Field] = []
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\t" }) {
            words.append(Field(text: word, column: text.distance(from: text.startIndex, to: word.startIndex) + 1))
        }
        return words
    }
}

extension CronParser.Field {
    typealias Kind = CronParser.Kind

    /// The values of the field, a bit for each.
    func bits(_ kind: Kind) throws(CronError) -> UInt64 {
        var bits: UInt64 = 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            bits |= try self.bits(of: part, kind)
        }
        return bits
    }

    private func bits(of part: Substring, _ kind: Kind) throws(CronError) -> UInt64 {
        guard !part.isEmpty else { throw error(part, kind, "a value is missing beside a comma") }
        let halves = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var step = 1
        if halves.count == 2 {
            guard let written = number(halves[1]), (1...kind.range.upperBound).contains(written) else {
                throw error(halves[1], kind, "a step is a number from 1 to \(kind.range.upperBound), as in */5")
            }
            step = written
        }
        let range = try self.range(of: halves[0], hasStep: halves.count == 2, kind)
        return stride(from: range.lowerBound, through: range.upperBound, by: step).reduce(0) { $0 | 1 << UInt64($1) }
    }

    private func range(of part: Substring, hasStep: Bool, _ kind: Kind) throws(CronError) -> ClosedRange<Int> {
        if part == "*" {
            // 7 is Sunday once more.
            return kind.range.lowerBound...(kind.range.upperBound == 7 ? 6 : kind.range.upperBound)
        }
        let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let low = try value(ends[0], kind)
        guard ends.count == 2 else {
            guard !hasStep else {
                throw error(part, kind, "a step needs a range: write \(low)-\(kind.range.upperBound)/… or */…")
            }
            return low...low
        }
        let high = try value(ends[1], kind)
        guard low <= high else {
            throw error(part, kind, "the range runs backwards; write it as two, joined by a comma")
        }
        return low...high
    }

    private func value(_ text: Substring, _ kind: Kind) throws(CronError) -> Int {
        if let number = number(text) {
            if kind.range.contains(number) { return number }
            throw error(text, kind, "\(number) is outside \(kind.range.lowerBound) to \(kind.range.upperBound)")
        }
        if let place = kind.names.firstIndex(of: text.uppercased()) { return place + kind.firstName }
        if ["L", "W", "#", "?"].contains(where: { text.uppercased().contains($0) }) {
            throw error(text, kind, "L, W, # and ? of other crons are not understood; write days as numbers, or *")
        }
        let names = kind.names.isEmpty ? "" : ", or a name from \(kind.names[0]) to \(kind.names[kind.names.count - 1])"
        throw error(
            text, kind,
            "\"\(text.prefix(16))\" is no value; write *, or a number from \(kind.range.lowerBound) to "
                + "\(kind.range.upperBound)\(names)")
    }

    /// Digits and nothing else: no sign, and nothing that is too long.
    private func number(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }

    private func error(_ part: Substring, _ kind: Kind, _ reason: String) -> CronError {
        let offset = text.distance(from: text.startIndex, to: part.startIndex)
        return CronError(column: column + offset, field: kind.name, reason: reason)
    }
}
