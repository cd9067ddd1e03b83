public import GyreCore
public import GyrePolicy

/// One attempt of a call, for the work.
public struct Attempt: Sendable, Hashable {
    /// Counted from 1. An attempt that was snoozed does not count, so the next has its number.
    public let number: Int
    /// When it is given up: hand it on to whatever the work calls.
    public let deadline: Deadline
    /// Whether it runs beside the same attempt, which was slow.
    public var isHedge = false
}

extension Dependency {
    /// Does `work` under the policies of this dependency and returns its value.
    ///
    /// Without a deadline or a timeout an attempt runs on the workers in the caller's own task. With one it runs on a
    /// task of its own, as ``Runtime/run(lane:deadline:_:)`` does: task-locals are not inherited, and at that instant
    /// the call goes on while the work is cancelled and may still run until it notices.
    ///
    /// Cancelling the caller's task cancels the work, or ends a pause at once; a cancelled call counts as nothing.
    /// After ``Runtime/drain(soft:hard:)`` began no further attempt starts, and pauses end with the runtime.
    ///
    /// - Parameters:
    ///   - cost: What each attempt takes of the rate limit, in its units, and of a turn in the fair queue. A retry pays
    ///     again.
    ///   - deadline: The deadline of whoever waits for the value; the earlier of it and the policies' own holds.
    ///   - priority: Its place among calls that wait for a permit.
    ///   - tenant: Whose call it is: tenants take turns. Any number; 0 when there is only one.
    ///   - weight: The tenant's share relative to others.
    ///   - isIdempotent: Whether doing the work twice does no harm. Only such calls are hedged.
    ///   - work: Sync or async. Tried again after an error, as ``RetryPolicy`` says.
    /// - Returns: What the first attempt returned that did not throw.
    /// - Throws: The work's own error unchanged, of several attempts the last one's, but for the `CancellationError` of
    ///   work that was cancelled with its caller. ``GyreError`` with the codes
    ///   `rejected` (a policy refused before the work was tried; ``GyreError/policy`` says which),
    ///   `deadlineExceeded`, `cancelled`, `closed`, or `full` when no record or timer is free.
    /// - Complexity: A call that is admitted at once and succeeds moves each policy's word once or twice and allocates
    ///   nothing beyond what running its work does. One that waits for a permit takes a short lock, O(log n) of those
    ///   who wait.
    /// - Concurrency: From any task. Never blocks a thread.
    public nonisolated(nonsending) func call<Value: Sendable>(
        cost: UInt64 = 1, deadline: MonotonicInstant = .distantFuture, priority: PriorityClass = .normal,
        tenant: UInt64 = 0, weight: UInt32 = 1, isIdempotent: Bool = false,
        _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) async throws -> Value {
        let options = CallOptions(
            cost: cost, deadline: deadline, priority: priority, tenant: tenant, weight: weight,
            isIdempotent: isIdempotent)
        var pass = try await enter(options)
        defer { leave(&pass) }
        return try await attempts(&pass, options, work)
    }

    /// Admits a call, for which it may have to wait.
    @inline(__always)
    nonisolated(nonsending) func enter(_ options: CallOptions) async throws(GyreError) -> CallPass {
        var pass = try enter(at: clock.now, parent: options.deadline)
        if pass.mustWait {
            try await waitForPermit(&pass, options)
            enterAfterWait(&pass)
        }
        return pass
    }

    /// Attempts of an admitted call until one succeeds or there is no further one.
    nonisolated(nonsending) func attempts<Value: Sendable>(
        _ pass: inout CallPass, _ options: CallOptions,
        _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) async throws -> Value {
        while true {
            do {
                return try await attempt(pass, options, work)
            } catch {
                endRetry(&pass)
                try await pause(after: error, &pass, options)
            }
        }
    }

    /// One attempt, from the hedge inwards.
    @inline(__always)
    private nonisolated(nonsending) func attempt<Value: Sendable>(
        _ pass: CallPass, _ options: CallOptions,
        _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) async throws -> Value {
        var now = clock.now
        var start = try admit(pass, cost: options.cost, at: now)
        if start == nil {
            let granted = try await waitForTurn(pass, options)
            now = clock.now
            do throws(GyreError) {
                start = try admit(pass, cost: options.cost, isPaid: true, at: now)
            } catch {
                if let granted { returnTurn(granted, cost: options.cost) }
                throw error
            }
        }
        guard let (lease, deadline) = start else { preconditionFailure("whose turn it is waits no more") }
        let began = now
        let attempt = Attempt(number: pass.retry.attempts + 1, deadline: deadline)
        if options.isIdempotent, let due = hedgeDue(attempt, began, pass) {
            return try await hedged(attempt, lease, began, due, options, work)
        }
        do {
            let value = try await perform(attempt, work)
            let now = clock.now
            end(lease, failure: nil, nanoseconds: now.nanoseconds(since: began), at: now)
            return value
        } catch {
            let now = clock.now
            end(lease, failure: errorClass(of: error), nanoseconds: now.nanoseconds(since: began), at: now)
            throw error
        }
    }

    /// Passes the breaker and the rate limit. `nil` when the attempt must wait for its turn.
    private func admit(
        _ pass: CallPass, cost: UInt64, isPaid: Bool = false, at now: MonotonicInstant
    ) throws(GyreError) -> (BreakerLease?, Deadline)? {
        if Task.isCancelled { throw refusal(.cancelled) }
        if let late = late(pass, at: now) { throw late }
        let (verdict, deadline) = admit(cost: cost, isPaid: isPaid, at: now, within: pass.deadline)
        switch verdict {
        case .admitted(let lease): return (lease, deadline)
        case .wait: return nil
        case .rejected(let policy, let retryAt):
            throw refusal(.rejected, by: policy, retryAfter: retryAt.map { max(.zero, now.duration(to: $0)) })
        case .tooLarge(let cost):
            throw refusal(.rejected, by: .rateLimit, cause: cost)
        }
    }

    /// Whether an attempt of `pass` that starts at `instant` may end in time, and starts in time where it is the first.
    func mayStart(_ pass: CallPass, at instant: MonotonicInstant) -> Bool {
        window(of: pass).fits(instant) && !(pass.isFirst && pass.startBy.hasPassed(at: instant))
    }

    /// Why no attempt of `pass` may start now, if time is the reason.
    private func late(_ pass: CallPass, at now: MonotonicInstant) -> GyreError? {
        let isLate = pass.isFirst && pass.startBy.hasPassed(at: now) || !window(of: pass).fits(now)
        return isLate ? tooLate : nil
    }

    /// Runs the work on the workers, until the deadline where there is one.
    @inline(__always)
    private nonisolated(nonsending) func perform<Value: Sendable>(
        _ attempt: Attempt, _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) async throws -> Value {
        guard attempt.deadline.instant != .distantFuture else {
            // Who is on the workers already stays where he is.
            if isOnTheWorkers(#isolation) { return try await performHere(attempt, work) }
            return try await runtime.run { try await work(attempt) }
        }
        let handle = try post(attempt, work)
        let outcome = await withTaskCancellationHandler {
            await handle.settled
        } onCancel: {
            handle.cancel()
        }
        return try value(of: outcome, attempt)
    }

    /// Whether what is outside of `actor` runs on the workers as it is.
    private func isOnTheWorkers(_ actor: (any Actor)?) -> Bool { actor == nil && runtime.isPreferredByCaller() }

    /// As `Runtime.run`, without its hops, each of which takes a lock of the task.
    @inline(__always)
    private nonisolated(nonsending) func performHere<Value: Sendable>(
        _ attempt: Attempt, _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) async throws -> Value {
        let visit = try runtime.beginRun()
        let started = runtime.startRun(visit)
        do {
            let value = try await work(attempt)
            runtime.endRun(visit, started: started, failed: false)
            return value
        } catch {
            runtime.endRun(visit, started: started, failed: true)
            throw error
        }
    }

    /// Queues the work as a task of its own, which ends at the attempt's deadline.
    nonisolated func post<Value: Sendable>(
        _ attempt: Attempt, _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) throws(GyreError) -> TaskHandle<Value> {
        let deadline = attempt.deadline.instant
        do {
            return try runtime.post(deadline: deadline == .distantFuture ? nil : deadline) { try await work(attempt) }
        } catch {
            throw refusal(GyreError.Code(refusal: error), by: error == .late ? attempt.policy : nil)
        }
    }

    /// What an attempt on a task of its own came to.
    nonisolated func value<Value>(of outcome: Outcome<Value>, _ attempt: Attempt) throws -> Value {
        switch outcome {
        case .timedOut: throw refusal(.deadlineExceeded, by: attempt.policy)
        case .cancelled(let reason): throw refusal(reason == .shutdown ? .closed : .cancelled)
        default: return try outcome.get()
        }
    }

    // MARK: - After a failure

    /// Decides what follows a failed attempt, and sleeps until the next one may start.
    ///
    /// - Throws: The call's outcome, when there is no next one.
    private nonisolated(nonsending) func pause(
        after error: any Error, _ pass: inout CallPass, _ options: CallOptions
    ) async throws {
        let kind = errorClass(of: error)
        let outcome = self.outcome(error, kind, pass)
        let hasWorked = pass.workError != nil || (error as? GyreError)?.isBeforeAttempt != true
        if kind.isOfWork { pass.workError = error }
        let now = clock.now
        let failed = FailedAttempt(
            kind, decision: decide?(error, pass.retry.attempts + 1), at: now, window: window(of: pass))
        let next = reading { plan in plan.policies.retry?.verdict(after: failed, in: pass.retry, draw: draw()) }
        if let next { pass.retry = next.state }
        var stop: RetryStop?
        var resume: MonotonicInstant?
        switch next?.verdict {
        case .interrupted: throw outcome
        case nil: break
        case .stop(let reason): stop = reason
        case .snooze(let until): resume = until
        case .retry(let due): if beginRetry(&pass) { resume = due } else { stop = .budget }
        }
        if let resume {
            if resume > now { try await sleep(until: resume, instead: pass.workError) }
            if window(of: pass).fits(clock.now) { return }
            // Who slept has slept longer.
            stop = .deadline
        }
        if hasWorked { giveUp(outcome, stop, failed.decision ?? kind.decision, pass, options, at: clock.now) }
        throw outcome
    }

    /// What the call ends with when `error` was its last attempt's: that, unless a policy refused to make the attempt
    /// and the one before it says more.
    private func outcome(_ error: any Error, _ kind: ErrorClass, _ pass: CallPass) -> any Error {
        switch kind {
        case .rejected: return pass.workError ?? error
        case .cancelled where error is CancellationError && Task.isCancelled:
            return refusal(.cancelled, cause: pass.workError)
        case .transient, .timedOut, .overloaded, .throttled, .permanent, .budgetExhausted, .cancelled, .interrupted:
            guard let own = error as? GyreError, own.cause == nil, let before = pass.workError else { return error }
            return own.after(before)
        }
    }

    /// The engine's own errors know their class. A caller that is cancelled has its reasons, whatever the work makes of
    /// it.
    nonisolated func errorClass(of error: any Error) -> ErrorClass {
        if Task.isCancelled { return .cancelled }
        if let own = error as? GyreError { return own.errorClass }
        return classify(error)
    }

    /// There is no time left for an attempt.
    var tooLate: GyreError {
        GyreError(code: .deadlineExceeded, dependency: name, policy: .deadline, isBeforeAttempt: true)
    }

    func refusal(
        _ code: GyreError.Code, by policy: PolicyKind? = nil, retryAfter: Duration? = nil, cause: (any Error)? = nil
    ) -> GyreError {
        GyreError(code: code, dependency: name, policy: policy, retryAfter: retryAfter, cause: cause)
    }

    private nonisolated(nonsending) func sleep(
        until instant: MonotonicInstant, instead cause: (any Error)? = nil
    ) async throws {
        do {
            try await runtime.sleep(until: instant)
        } catch let error as SubmitError {
            throw refusal(GyreError.Code(refusal: error), cause: cause)
        } catch {
            throw refusal(Task.isCancelled ? .cancelled : .closed, cause: cause)
        }
    }
}

extension Attempt {
    /// Whose the deadline is.
    fileprivate var policy: PolicyKind { deadline.limit == .attempt ? .attemptTimeout : .deadline }
}

extension GyreError {
    /// The same error, with what the attempt before it ended with.
    fileprivate func after(_ cause: any Error) -> GyreError {
        guard let dependency else { return self }
        return GyreError(code: code, dependency: dependency, policy: policy, retryAfter: retryAfter, cause: cause)
    }
}
