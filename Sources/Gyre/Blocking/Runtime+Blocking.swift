public import GyreCore

extension Runtime {
    /// Queues a closure that may block its thread, on threads that are there for nothing else.
    ///
    /// It is a task as any other: stamped, cancelled through ``AgentTask/isCancelled``, waited for by a drain.
    ///
    /// - Parameters:
    ///   - deadline: The latest instant at which it may start; later it settles as timed out.
    ///   - body: What to run, once. Its thread is its own until it returns.
    /// - Returns: A handle that settles exactly once. An error that `body` throws reaches it.
    /// - Throws: ``GyreCore/SubmitError/full`` when every thread is busy and the queue is full,
    ///   ``GyreCore/SubmitError/closed`` after ``drain(soft:hard:)`` began, ``GyreCore/SubmitError/late`` if `deadline`
    ///   has passed. A call that throws leaves nothing behind.
    /// - Complexity: O(1). Some microseconds; a thread is started for as many bodies as block at once.
    /// - Concurrency: Safe from any thread. Takes a lock.
    public func postBlocking<Value: Sendable>(
        deadline: MonotonicInstant? = nil, _ body: @escaping @Sendable () throws -> Value
    ) throws(SubmitError) -> TaskHandle<Value> {
        let task = try submitBlocking(
            { $0.initializeMemory(as: Value.self, to: try body()) }, .of(Value.self), deadline)
        return TaskHandle(task: task)
    }

    /// Runs a closure that may block its thread, while the caller is suspended.
    ///
    /// Cancelling the caller asks the body to stop, through ``AgentTask/isCancelled``; a body that has not started will
    /// not.
    ///
    /// - Throws: What `body` throws, unchanged; ``GyreError`` with the codes `full`, `closed`, `deadlineExceeded` or
    ///   `cancelled` for a body that did not run.
    public nonisolated func blocking<Value: Sendable>(
        deadline: MonotonicInstant? = nil, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let handle: TaskHandle<Value>
        do {
            handle = try postBlocking(deadline: deadline, body)
        } catch {
            throw GyreError(refusal: error)
        }
        return try await withTaskCancellationHandler {
            try await handle.value
        } onCancel: {
            handle.cancel()
        }
    }

    private func submitBlocking(
        _ body: @escaping @Sendable (UnsafeMutableRawPointer) throws -> Void, _ value: ValueLayout,
        _ deadline: MonotonicInstant?
    ) throws(SubmitError) -> TaskCore {
        guard let stripe = intake.enter() else { throw .closed }
        let home = TaskHome(runtime: .passRetained(self), stripe: stripe)
        let task = TaskCore.make(
            home, .blocking(body), value: value, submitted: pool.stampForSubmit(), deadline: deadline)
        do throws(SubmitError) {
            if let deadline, clock.now > deadline {
                pool.recordUnrun(isLate: true)
                throw .late
            }
            try blockingLane.submit(task)
        } catch {
            _ = task.abandon()
            throw error
        }
        return task
    }

    /// What the threads for blocking bodies do now.
    public func blockingSnapshot() -> BlockingSnapshot { blockingLane.snapshot() }
}
