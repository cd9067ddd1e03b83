import GyreCore

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
    /// It was not wanted, and that is no failure: the condition or the rule of the named node did not hold, or that
    /// node's body threw a `CancellationError`. Only in graphs.
    case skipped(because: String)
    /// It was not run because a node that it needs failed; the name is of the node that failed. Only in graphs.
    case upstreamFailed(because: String)

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
        case .upstreamFailed(let node): throw GyreError(code: .upstreamFailed, node: node)
        }
    }

    /// The same outcome of another type: there is no value in it.
    @inlinable
    func retyped<Other: Sendable>() -> Outcome<Other> where Value == Never {
        switch self {
        case .failed(let error): return .failed(error)
        case .timedOut: return .timedOut
        case .cancelled(let reason): return .cancelled(reason)
        case .skipped(let node): return .skipped(because: node)
        case .upstreamFailed(let node): return .upstreamFailed(because: node)
        }
    }
}

/// Who cancelled a task. Work that a shutdown cancelled may be taken up again later.
public enum CancelReason: Sendable, Equatable {
    case user
    case shutdown
    /// Another node of its graph failed, in a failure mode that stops the run then.
    case failure
}
