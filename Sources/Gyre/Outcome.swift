public import GyreCore

/// What became of a task. Final: an outcome never changes.
public enum Outcome<Value: Sendable>: Sendable {
    /// The body returned.
    case succeeded(Value)
    /// The body threw, and will not be tried again.
    case failed(any Error)
    /// Its deadline passed, before it started or while it ran.
    case timedOut
    /// Somebody cancelled it, or the runtime ended before it could run.
    case cancelled(CancelReason)
    /// It was not run because a task that it needs did not succeed. Only in graphs.
    case skipped(because: String)

    /// The value, or `nil` for every other outcome.
    public var value: Value? {
        if case .succeeded(let value) = self { return value }
        return nil
    }

    /// The value.
    ///
    /// - Throws: The body's own error unchanged, or a ``GyreError`` for the other outcomes.
    public func get() throws -> Value {
        switch self {
        case .succeeded(let value): return value
        case .failed(let error): throw error
        case .timedOut: throw GyreError(code: .deadlineExceeded)
        case .cancelled(let reason): throw GyreError(code: reason == .shutdown ? .closed : .cancelled)
        case .skipped(let node): throw GyreError(code: .skipped, node: node)
        }
    }
}

/// Who cancelled a task. Work that a shutdown cancelled may be taken up again later.
public enum CancelReason: Sendable, Equatable {
    case user
    case shutdown
}

/// What the engine itself has to say. Errors of task bodies are passed on unchanged.
public struct GyreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What happened. Open: later versions may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        public static let deadlineExceeded = Code(description: "deadline exceeded")
        public static let cancelled = Code(description: "cancelled")
        public static let closed = Code(description: "runtime closed")
        public static let skipped = Code(description: "skipped")
        public static let full = Code(description: "full")
    }

    public let code: Code
    /// The graph node that it is about, if any.
    public let node: String?

    init(code: Code, node: String? = nil) {
        self.code = code
        self.node = node
    }

    /// What a refused submit means to a caller that waits for the outcome.
    @usableFromInline
    init(refusal: SubmitError) {
        switch refusal {
        case .full: self.init(code: .full)
        case .closed: self.init(code: .closed)
        case .late: self.init(code: .deadlineExceeded)
        }
    }

    public var description: String {
        guard let node else { return code.description }
        return "\(code.description): because of \(node)"
    }
}
