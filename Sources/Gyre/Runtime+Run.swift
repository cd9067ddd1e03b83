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
    public nonisolated func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        guard let stripe = intake.enter() else { throw GyreError(code: .closed) }
        defer { intake.leave(stripe) }
        let submitted = pool.stampForSubmit()
        return try await withTaskExecutorPreference(pool) {
            let started = submitted == 0 ? 0 : pool.clock.now.nanoseconds
            do {
                let value = try await body()
                pool.recordAsyncDone(failed: false, submitted: submitted, started: started)
                return value
            } catch {
                pool.recordAsyncDone(failed: true, submitted: submitted, started: started)
                throw error
            }
        }
    }
}
