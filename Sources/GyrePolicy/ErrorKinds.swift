/// Kinds of errors, as a set.
public struct ErrorKinds: OptionSet, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    public static let transient = ErrorKinds(rawValue: 1 << 0)
    public static let timedOut = ErrorKinds(rawValue: 1 << 1)
    public static let overloaded = ErrorKinds(rawValue: 1 << 2)
    public static let throttled = ErrorKinds(rawValue: 1 << 3)
    public static let permanent = ErrorKinds(rawValue: 1 << 4)
    public static let rejected = ErrorKinds(rawValue: 1 << 5)
    public static let budgetExhausted = ErrorKinds(rawValue: 1 << 6)
    public static let cancelled = ErrorKinds(rawValue: 1 << 7)
    public static let interrupted = ErrorKinds(rawValue: 1 << 8)

    /// Everything but what somebody wanted (cancellation, shutdown) and what a further call would make worse (a
    /// budget that is spent).
    public static let recoverable: ErrorKinds = [
        .transient, .timedOut, .overloaded, .throttled, .permanent, .rejected,
    ]

    private static let names: [(kind: ErrorKinds, name: String)] = [
        (.transient, "transient"), (.timedOut, "timedOut"), (.overloaded, "overloaded"), (.throttled, "throttled"),
        (.permanent, "permanent"), (.rejected, "rejected"), (.budgetExhausted, "budgetExhausted"),
        (.cancelled, "cancelled"), (.interrupted, "interrupted"),
    ]

    public var description: String { Self.names.filter { contains($0.kind) }.map(\.name).joined(separator: ", ") }
}

extension ErrorClass {
    /// The kind of the error, without its details.
    public var kind: ErrorKinds {
        switch self {
        case .transient: return .transient
        case .timedOut: return .timedOut
        case .overloaded: return .overloaded
        case .throttled: return .throttled
        case .permanent: return .permanent
        case .rejected: return .rejected
        case .budgetExhausted: return .budgetExhausted
        case .cancelled: return .cancelled
        case .interrupted: return .interrupted
        }
    }
}
