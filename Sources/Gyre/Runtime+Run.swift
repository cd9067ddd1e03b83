import GyreCore

extension Runtime {
    /// Runs an async closure on the workers and returns its value.
    ///
    /// It is the caller's own task that runs there: cancellation, priority and task-locals are those of the caller,
    /// and child tasks of the body run on the workers too. Nothing is queued beyond the caller itself, so this is
    /// never refused for lack of room.
    ///
    /// - Throws: The body's own error unchanged; ``GyreError`` with the code `closed` after ``drain(soft:hard:)``
    ///   began.
    /// - Complexity: Two hops between executors, none when the caller's task prefers the workers already.
    @inlinable
    public nonisolated func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        let visit = try beginRun()
        // Preferring the workers once more changes nothing, and costs two records in a locked list of the task.
        if isPreferredByCaller() { return try await attend(visit, body) }
        return try await withTaskExecutorPreference(pool) { try await attend(visit, body) }
    }

    /// Runs an async closure on the workers, and gives it up at a deadline.
    ///
    /// The body runs on a task of its own, so that it can be cancelled apart from the caller: task-locals are not
    /// inherited. Cancelling the caller cancels the body. At the deadline the call throws at once; the body is
    /// cancelled and may still run until it notices.
    ///
    /// - Throws: The body's own error unchanged, but for the `CancellationError` of a body that was cancelled;
    ///   ``GyreError`` with the codes `deadlineExceeded`, `cancelled`, or
    ///   `closed` after ``drain(soft:hard:)`` began, or `full` when no record or timer is free.
    @inlinable
    public nonisolated func run<Value: Sendable>(
        lane: Lane = .normal, deadline: MonotonicInstant,
        _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let handle: TaskHandle<Value>
        do {
            handle = try post(lane: lane, deadline: deadline, body)
        } catch {
            throw GyreError(refusal: error)
        }
        return try await withTaskCancellationHandler {
            try await handle.value
        } onCancel: {
            handle.cancel()
        }
    }

    /// The body between its stamps.
    @inlinable
    @inline(__always)
    nonisolated func attend<Value: Sendable>(
        _ visit: RunVisit, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let started = startRun(visit)
        do {
            let value = try await body()
            endRun(visit, started: started, failed: false)
            return value
        } catch {
            endRun(visit, started: started, failed: true)
            throw error
        }
    }

    /// Whether what the calling task runs outside of actors runs on the workers as it is.
    @usableFromInline
    func isPreferredByCaller() -> Bool {
        withUnsafeCurrentTask { $0?.unownedTaskExecutor == pool.asUnownedTaskExecutor() }
    }

    @usableFromInline
    func beginRun() throws(GyreError) -> RunVisit {
        guard let stripe = intake.enter() else { throw GyreError(code: .closed) }
        return RunVisit(stripe: stripe, submitted: pool.stampForSubmit())
    }

    @usableFromInline
    func startRun(_ visit: RunVisit) -> UInt64 { visit.submitted == 0 ? 0 : pool.clock.now.nanoseconds }

    @usableFromInline
    func endRun(_ visit: RunVisit, started: UInt64, failed: Bool) {
        pool.recordAsyncDone(failed: failed, submitted: visit.submitted, started: started)
        intake.leave(visit.stripe)
    }
}

/// A caller's stay in the runtime.
@usableFromInline
struct RunVisit: Sendable {
    let stripe: UInt32
    let submitted: UInt64
}
