/// Why a text is no condition: one line that names the place.
public struct ConditionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where it stopped to make sense: 1 is the first character, one more than there are the end.
    public let column: Int
    public let reason: String

    public var description: String { "column \(column): \(reason)" }
}

extension Condition {
    /// Reads a condition.
    ///
    /// - Throws: ``ConditionError`` for a text that is none, and for a bound whose unit does not suit its figure.
    /// - Complexity: O(length).
    public init(_ text: String) throws(ConditionError) {
        var parser = ConditionParser(text)
        self = try parser.condition()
    }
}

private struct ConditionParser {
    private let text: String
    private let characters: [Character]
    private var position = 0

    init(_ text: String) {
        self.text = text
        characters = Array(text)
    }

    mutating func condition() throws(ConditionError) -> Condition {
        var (name, start) = word()
        let isService = name == "service"
        if isService { (name, start) = word() }
        let figure = LoadFigure(try kind(name, at: start), isService: isService)
        if isService, !figure.isTime { throw error("only times have a service time, \(name) is none", at: start) }
        let comparison = try comparison()
        let bound = try bound(of: figure)
        skipBlanks()
        guard position == characters.count else { throw error("nothing may follow the number") }
        return Condition(figure: figure, comparison: comparison, bound: bound, text: text)
    }

    private func error(_ reason: String, at place: Int? = nil) -> ConditionError {
        ConditionError(column: (place ?? position) + 1, reason: reason)
    }

    private mutating func skipBlanks() {
        while position < characters.count, characters[position] == " " { position += 1 }
    }

    private mutating func take(while isWanted: (Character) -> Bool) -> String {
        let start = position
        while position < characters.count, isWanted(characters[position]) { position += 1 }
        return String(characters[start..<position])
    }

    /// Letters, digits and points, and where they begin.
    private mutating func word() -> (String, Int) {
        skipBlanks()
        let start = position
        return (take { isDigit($0) || $0 == "." || ("a"..."z").contains($0) }, start)
    }

    private func kind(_ name: String, at start: Int) throws(ConditionError) -> LoadFigure.Kind {
        switch name {
        case "min": return .min
        case "mean": return .mean
        case "max": return .max
        case "rate": return .rate
        case "refused": return .refused
        default: break
        }
        guard name.first == "p", name.dropFirst().first.map(isDigit) == true else {
            throw error("a figure is expected: p50, p99.9, min, mean, max, rate or refused", at: start)
        }
        guard let percentile = number(String(name.dropFirst())), percentile <= 100 else {
            throw error("a percentile is a number from 0 to 100", at: start + 1)
        }
        return .percentile(percentile)
    }

    private mutating func comparison() throws(ConditionError) -> Condition.Comparison {
        skipBlanks()
        let start = position
        let sign = take { "<>=".contains($0) }
        guard let comparison = Condition.Comparison(rawValue: sign) else {
            throw error("a comparison is expected: >, >=, < or <=", at: start)
        }
        return comparison
    }

    private mutating func bound(of figure: LoadFigure) throws(ConditionError) -> Condition.Bound {
        skipBlanks()
        let start = position
        guard let value = number(take { isDigit($0) || $0 == "." }) else {
            throw error("a number is expected", at: start)
        }
        let (unit, place) = word()
        switch (unit, figure.isTime) {
        case ("x", _): return .times(value)
        case ("", false): return .plain(value)
        case ("ns", true): return .nanoseconds(value)
        case ("us", true): return .nanoseconds(value * 1e3)
        case ("ms", true): return .nanoseconds(value * 1e6)
        case ("s", true): return .nanoseconds(value * 1e9)
        case ("", true): throw error("a time needs a unit: ns, us, ms, s, or x times the compared run", at: place)
        case (_, true): throw error("\(unit) is no unit of time: ns, us, ms, s or x is", at: place)
        case (_, false): throw error("\(unit) is out of place: this figure has no unit, or x", at: place)
        }
    }

    /// Digits with a point between them or without. At most 15 digits, which a Double keeps exactly.
    private func number(_ text: String) -> Double? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isDigit) }) else { return nil }
        guard text.count <= 16 else { return nil }
        return Double(text)
    }
}

/// An ASCII one: Unicode has many others.
private func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }
