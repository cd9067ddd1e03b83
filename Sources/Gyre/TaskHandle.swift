/// A task that was queued, for whoever wants its value. Copies name the same task.
///
/// A handle settles exactly once; its outcome never changes. Nothing happens to the task when all its handles are gone.
///
/// The generic part is inlinable, so that it is compiled for the value's type where it is used: looking types up at
/// run time cost a posted task ten times what its queueing does.
public struct TaskHandle<Value: Sendable>: Sendable {
    /// Safe to share: see ``TaskCore``.
    @usableFromInline nonisolated(unsafe) let task: TaskCore

    /// - Parameter task: Its value is a `Value`.
    @inlinable
    init(task: TaskCore) { self.task = task }

    /// What became of the task, or `nil` while it is not settled.
    ///
    /// - Concurrency: Any thread. Wait-free.
    @inlinable
    public var outcome: Outcome<Value>? { task.isSettled ? settledOutcome : nil }

    /// Waits for the task without blocking a thread.
    ///
    /// Cancelling the waiting Swift task does not cancel this one; ``cancel()`` does.
    @inlinable
    public var settled: Outcome<Value> {
        get async {
            await task.waitUntilSettled()
            return settledOutcome
        }
    }

    /// The task's value.
    ///
    /// - Throws: The body's own error unchanged, or a ``GyreError`` if it was cancelled, late or closed over.
    @inlinable
    public var value: Value {
        get async throws { try await settled.get() }
    }

    /// Waits for the task.
    ///
    /// A worker that waits for a synchronous task that has not started runs it on the spot. Otherwise it runs other
    /// tasks meanwhile, at most 16 deep; then it sleeps and a spare worker stands in for it.
    ///
    /// - Throws: As ``value``.
    /// - Concurrency: Blocks. Not for async functions, which use ``value``.
    @available(*, noasync, message: "use value, which suspends instead of blocking a thread")
    @inlinable
    public func wait() throws -> Value {
        task.blockUntilSettled()
        return try settledOutcome.get()
    }

    /// Asks the task to stop.
    ///
    /// A queued task is settled as cancelled at once and will not run. A running one is asked: an async body by
    /// Swift's own cancellation, a synchronous one through ``AgentTask/isCancelled``; what it then returns or throws
    /// is its outcome.
    ///
    /// - Returns: True when this call settled it or asked it. False when it was asked before or is settled.
    /// - Concurrency: Any thread. Lock-free.
    @inlinable
    @discardableResult
    public func cancel() -> Bool { task.cancel() }

    @inlinable
    var settledOutcome: Outcome<Value> {
        switch task.ending {
        case .succeeded:
            return .succeeded(task.value.assumingMemoryBound(to: Value.self).pointee)
        case .failed(let error): return .failed(error)
        case .timedOut: return .timedOut
        case .cancelled(let reason): return .cancelled(reason)
        }
    }
}

/// Where a body leaves its value.
///
/// `@unchecked Sendable`: written by the body, before its task is settled as succeeded; read after that was seen.
@usableFromInline
final class ValueBox<Value: Sendable>: @unchecked Sendable {
    @usableFromInline var value: Value?

    @inlinable
    init() {}
}
