import GyreCore

extension Runtime {
    /// Runs an async closure on the workers and returns its value.
    ///
    /// It is the caller's own task that runs there: cancellation, priority and task-locals are those of the caller, and child
    /// tasks of the body run on the workers too. Nothing is queued beyond the caller itself, so this is never refused for lack
    /// of room.
    ///
    /// - Throws: The body's own error unchanged; ``GyreError`` with the code `closed` after ``drain(soft:hard:)`` began.
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
