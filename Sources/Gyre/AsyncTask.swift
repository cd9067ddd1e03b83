import GyreCore

/// An async body with a handle, run by an ``AsyncRunner``.
final class AsyncTask<Value: Sendable>: TypedTask<Value> {
    static func make(
        _ home: TaskHome, submitted: UInt64, body: @escaping @Sendable () async throws -> Value
    ) -> AsyncTask<Value> {
        let task = unsafeDowncast(AsyncTask<Value>.create(minimumCapacity: capacity) { _ in home }, to: AsyncTask<Value>.self)
        task.open(.async(body), submitted: submitted)
        return task
    }

    /// On a worker, from the task's record.
    override func execute(_ verdict: Verdict) {
        guard verdict == .run, let seat = WorkerSeat(of: pool) else { return settleUnrun(verdict == .run ? .closed : verdict) }
        header.runners.run(self, seat: seat)
    }

    override func perform(on runner: AsyncRunner) async {
        payload.pointee.runner = runner
        guard words.start(), case .async(let body)? = payload.pointee.body else { return } // cancelled first
        let submitted = payload.pointee.submitted
        let started = submitted == 0 ? 0 : pool.clock.now.nanoseconds
        let outcome: Outcome<Value>
        do {
            outcome = .succeeded(try await body())
        } catch is CancellationError where words.isCancelling || header.isStopping {
            outcome = .cancelled(header.isStopping ? .shutdown : .user)
        } catch {
            outcome = .failed(error)
        }
        recordEnd(outcome, submitted: submitted, started: started)
        if words.claim() { settle(outcome) } // else its deadline was faster
    }

    private func recordEnd(_ outcome: Outcome<Value>, submitted: UInt64, started: UInt64) {
        var failed = false
        if case .failed = outcome { failed = true }
        pool.recordAsyncDone(failed: failed, submitted: submitted, started: started)
    }

    override func interrupt() { payload.pointee.runner?.cancel(self) }

    override func settle(_ outcome: Outcome<Value>) {
        super.settle(outcome)
        header.leave()
    }
}
