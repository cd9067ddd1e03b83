import GyreCore

/// A task that was queued, for whoever wants its value. Copies name the same task.
///
/// A handle settles exactly once; its outcome never changes. Nothing happens to the task when all its handles are gone.
public struct TaskHandle<Value: Sendable>: Sendable {
    /// Safe to share: see ``TaskCore``.
    nonisolated(unsafe) let task: TypedTask<Value>

    init(_ task: TypedTask<Value>) { self.task = task }

    /// What became of the task, or `nil` while it is not settled.
    ///
    /// - Concurrency: Any thread. Wait-free.
    public var outcome: Outcome<Value>? { task.words.isSettled ? task.outcome : nil }

    /// Waits for the task without blocking a thread.
    ///
    /// Cancelling the waiting Swift task does not cancel this one; ``cancel()`` does.
    public var settled: Outcome<Value> {
        get async {
            if !task.words.isSettled {
                await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
                    task.words.whenSettled { continuation.resume() }
                }
            }
            return task.outcome
        }
    }

    /// The task's value.
    ///
    /// - Throws: The body's own error unchanged, or a ``GyreError`` if it was cancelled, late or closed over.
    public var value: Value {
        get async throws { try await settled.get() }
    }

    /// Waits for the task. On a worker, other tasks are run meanwhile, at most 16 deep; then a spare worker stands in.
    ///
    /// - Throws: As ``value``.
    /// - Concurrency: Blocks. Not for async functions, which use ``value``.
    @available(*, noasync, message: "use value, which suspends instead of blocking a thread")
    public func wait() throws -> Value {
        task.pool.waitHelping { self.task.words.isSettled }
        return try task.outcome.get()
    }

    /// Asks the task to stop.
    ///
    /// A queued task is settled as cancelled at once and will not run. A running one is asked: an async body by Swift's own
    /// cancellation, a synchronous one through ``AgentTask/isCancelled``; what it then returns or throws is its outcome.
    ///
    /// - Returns: True when this call settled it or asked it. False when it was asked before or is settled.
    /// - Concurrency: Any thread. Lock-free.
    @discardableResult
    public func cancel() -> Bool {
        switch task.words.requestCancel() {
        case .claimed:
            task.settle(.cancelled(.user))
            return true
        case .requested:
            task.interrupt()
            return true
        case .lost: return false
        }
    }
}

/// A task whose value has a type. The payload lies behind the words of ``TaskCore``.
class TypedTask<Value: Sendable>: TaskCore {
    struct Payload {
        var outcome: Outcome<Value>?
        /// The body, until it was run or the task was settled without running.
        var body: Body?
        /// Runs the async body, while it runs.
        var runner: AsyncRunner?
        let submitted: UInt64
    }

    enum Body {
        case sync(@Sendable () throws -> Value)
        case async(@Sendable () async throws -> Value)
    }

    /// Units of 16 bytes in the tail; a payload that is aligned above that gets room to be moved up.
    static var capacity: Int {
        let alignment = MemoryLayout<Payload>.alignment
        return (TaskWords.bytes + MemoryLayout<Payload>.size + (alignment > 16 ? alignment : 0) + 15) / 16
    }

    /// Fills a task that was just created.
    func open(_ body: Body, submitted: UInt64) {
        words.open()
        payload.initialize(to: Payload(outcome: nil, body: body, runner: nil, submitted: submitted))
    }

    deinit { payload.deinitialize(count: 1) }

    @inline(__always)
    var payload: UnsafeMutablePointer<Payload> {
        (memory + TaskWords.bytes).alignedUp(for: Payload.self).assumingMemoryBound(to: Payload.self)
    }

    /// Only after ``TaskCore/isSettled``.
    var outcome: Outcome<Value> {
        guard let outcome = payload.pointee.outcome else { preconditionFailure("the task is not settled") }
        return outcome
    }

    /// Writes the outcome and publishes it. The caller has claimed the right to.
    func settle(_ outcome: Outcome<Value>) {
        payload.pointee.body = nil
        payload.pointee.outcome = outcome
        switch outcome {
        case .succeeded: words.publish(.succeeded)
        case .failed: words.publish(.failed)
        case .timedOut: words.publish(.timedOut)
        case .cancelled, .skipped: words.publish(.cancelled)
        }
        pool.taskSettled()
    }

    /// Settles a task that its record's verdict keeps from running. A cancel may have been faster.
    func settleUnrun(_ verdict: Verdict) {
        guard words.claim() else { return }
        settle(verdict == .late ? .timedOut : .cancelled(verdict == .closed ? .shutdown : .user))
    }

    /// Tells a running body that it was asked to stop.
    func interrupt() {}
}

/// A synchronous body with a handle.
final class SyncTask<Value: Sendable>: TypedTask<Value> {
    static func make(_ home: TaskHome, body: @escaping @Sendable () throws -> Value) -> SyncTask<Value> {
        let task = unsafeDowncast(SyncTask<Value>.create(minimumCapacity: capacity) { _ in home }, to: SyncTask<Value>.self)
        task.open(.sync(body), submitted: 0)
        return task
    }

    override func execute(_ verdict: Verdict) {
        guard verdict == .run else { return settleUnrun(verdict) }
        guard words.start(), case .sync(let body)? = payload.pointee.body else { return } // cancelled first
        let outer = AgentTask.begin(self)
        defer { AgentTask.end(outer) }
        let outcome: Outcome<Value>
        do {
            outcome = .succeeded(try body())
        } catch {
            pool.recordFailure()
            outcome = .failed(error)
        }
        if words.claim() { settle(outcome) }
    }
}
