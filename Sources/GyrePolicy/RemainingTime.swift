public import GyreCore

/// What is left of a deadline, for another process.
///
/// Processes share no clock, so what travels is a length of time and not an instant. The text is that of gRPC's
/// header `grpc-timeout` (github.com/grpc/grpc, PROTOCOL-HTTP2.md): at most eight digits and a unit. Rounded down, so
/// that what arrives is never more than what was left.
public struct RemainingTime: Sendable, Hashable, CustomStringConvertible {
    public let nanoseconds: UInt64

    private static let units: [(letter: Character, nanoseconds: UInt64)] = [
        ("n", 1), ("u", 1_000), ("m", 1_000_000), ("S", 1_000_000_000), ("M", 60_000_000_000),
        ("H", 3_600_000_000_000),
    ]
    private static let digitsMax = 8

    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// What is left of `deadline`; `nil` when it never comes.
    public init?(of deadline: Deadline, at now: MonotonicInstant) {
        guard deadline.instant != .distantFuture else { return nil }
        nanoseconds = deadline.instant.nanoseconds(since: now)
    }

    /// Reads a header. `nil` for anything that is not one: nobody's guess at a deadline is better than none.
    public init?(_ text: some StringProtocol) {
        guard let letter = text.last, let unit = Self.units.first(where: { $0.letter == letter }) else { return nil }
        let digits = text.dropLast()
        guard (1...Self.digitsMax).contains(digits.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let count = UInt64(digits)
        else { return nil }
        let product = count.multipliedReportingOverflow(by: unit.nanoseconds)
        nanoseconds = product.overflow ? .max : product.partialValue
    }

    /// The header: the finest unit that has room in eight digits.
    public var description: String {
        for (letter, unit) in Self.units where nanoseconds / unit < 100_000_000 {
            return "\(nanoseconds / unit)\(letter)"
        }
        return "99999999H"
    }

    /// The deadline that this side keeps.
    ///
    /// - Parameter transit: What the way here took, where that is known.
    public func deadline(received now: MonotonicInstant, transit: Duration = .zero) -> Deadline {
        let left = nanoseconds.subtractingSaturating(transit.wholeNanoseconds)
        return Deadline(MonotonicInstant(nanoseconds: now.nanoseconds.addingSaturating(left)), by: .parent)
    }
}
