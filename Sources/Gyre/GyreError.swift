public import GyreCore
public import GyrePolicy

/// What the engine itself has to say. Errors of task bodies are passed on unchanged.
public struct GyreError: Error, Sendable, CustomStringConvertible {
    /// What happened. Open: later versions may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        public static let deadlineExceeded = Code(description: "deadline exceeded")
        public static let cancelled = Code(description: "cancelled")
        public static let closed = Code(description: "runtime closed")
        public static let skipped = Code(description: "skipped")
        public static let upstreamFailed = Code(description: "upstream failed")
        public static let full = Code(description: "full")
        /// A policy refused; the service was not asked.
        public static let rejected = Code(description: "rejected")
    }

    public let code: Code
    /// The graph node that it is about, if any.
    public let node: String?
    /// The dependency whose policy said so, if one did.
    public let dependency: String?
    /// Which policy said so.
    public let policy: PolicyKind?
    /// When another call may help, counted from when this was thrown. `nil` when nobody knows, or nothing will help.
    public let retryAfter: Duration?
    /// What the last attempt before it threw.
    public let cause: (any Error)?
    /// Whether it is why an attempt did not begin.
    let isBeforeAttempt: Bool

    init(code: Code, node: String? = nil) {
        self.code = code
        self.node = node
        dependency = nil
        policy = nil
        retryAfter = nil
        cause = nil
        isBeforeAttempt = false
    }

    init(
        code: Code, dependency: String, policy: PolicyKind? = nil, retryAfter: Duration? = nil,
        cause: (any Error)? = nil, isBeforeAttempt: Bool = false
    ) {
        self.code = code
        node = nil
        self.dependency = dependency
        self.policy = policy
        self.retryAfter = retryAfter
        self.cause = cause
        self.isBeforeAttempt = isBeforeAttempt
    }

    /// What a refused submit means to a caller that waits for the outcome.
    @usableFromInline
    init(refusal: SubmitError) {
        self.init(code: Code(refusal: refusal))
    }

    public var description: String {
        var text = code.description
        if let node { text += ": because of \(node)" }
        if let dependency { text += ": \(dependency)" }
        if let policy { text += ", \(policy)" }
        if let retryAfter { text += ", try again in \(retryAfter)" }
        if let cause { text += " (before it: \(cause))" }
        return text
    }
}

extension GyreError.Code {
    init(refusal: SubmitError) {
        switch refusal {
        case .full: self = .full
        case .closed: self = .closed
        case .late: self = .deadlineExceeded
        }
    }
}

/// Equal when everything is but the causes, which have no equality of their own.
extension GyreError: Equatable {
    public static func == (left: GyreError, right: GyreError) -> Bool {
        left.code == right.code && left.node == right.node && left.dependency == right.dependency
            && left.policy == right.policy && left.retryAfter == right.retryAfter
    }
}

extension GyreError: ClassifiedError {
    /// What it is to the policies of whoever called: a dependency may be called inside the call of another one.
    public var errorClass: ErrorClass {
        switch code {
        case .deadlineExceeded: return .timedOut
        case .cancelled: return .cancelled
        case .closed: return .interrupted
        case .rejected, .full: return .rejected(retryAfter: retryAfter)
        default: return .permanent
        }
    }
}

/// A call costs more than its dependency's rate limit ever grants at once: it would wait for ever.
public struct CostError: Error, Sendable, Hashable, CustomStringConvertible {
    public let asked: UInt64
    /// The most that may be asked for.
    public let burst: UInt64

    public var description: String { "\(asked) asked for, and \(burst) is the most that is ever granted at once" }
}
