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
    /// - Complexity: Two hops between executors, one when the caller is on the workers already.
    @inlinable
    public nonisolated func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        let visit = try beginRun()
        return try await withTaskExecutorPreference(pool) {
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
