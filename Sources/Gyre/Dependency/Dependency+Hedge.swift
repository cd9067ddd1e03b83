import GyreCore
import GyrePolicy

// Hedging: a slow attempt gets a second one beside it. Each of the two has a lease of its own and is judged by itself;
// the first that succeeds is the attempt's, and the other is cancelled, which counts as nothing.

extension Dependency {
    /// When to look whether an attempt needs a hedge; `nil` when there is no use in looking.
    func hedgeDue(_ attempt: Attempt, _ began: MonotonicInstant, _ pass: CallPass) -> MonotonicInstant? {
        guard pass.isCounted else { return nil }
        return reading { plan in
            guard let hedge = plan.policies.hedge else { return nil }
            switch hedge.planning(hedgeFacts(attempt, plan), started: began) {
            case .success(let due): return due
            case .failure: return nil
            }
        }
    }

    private func hedgeFacts(_ attempt: Attempt, _ plan: DependencyPlan) -> HedgeFacts {
        let limit = permitLimit(plan)
        let inUse = PermitState(word: words.permits.state).inUse
        let breaker = BreakerState(word: words.breaker.state)
        return HedgeFacts(
            isIdempotent: true, breaker: plan.policies.breaker.map { $0.mode(of: breaker, at: clock.now) } ?? .closed,
            limiterShare: limit == .max ? 0 : Double(inUse) / Double(max(1, limit)),
            latency: tuning.controllers.withLock { $0.latency.hedgeLatency },
            window: window(until: attempt.deadline.instant))
    }

    /// One attempt that is hedged if it has not ended at `due`.
    nonisolated(nonsending) func hedged<Value: Sendable>(
        _ attempt: Attempt, _ lease: BreakerLease?, _ began: MonotonicInstant, _ due: MonotonicInstant,
        _ options: CallOptions,
        _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) async throws -> Value {
        let first: HedgeLeg<Value>
        do {
            first = HedgeLeg(handle: try post(attempt, work), attempt: attempt, lease: lease, began: began)
        } catch {
            end(lease, failure: error.errorClass, nanoseconds: 0, at: clock.now)
            throw error
        }
        let isSettled = await waitForOne(of: [first.handle], until: due)
        guard !isSettled, let second = startHedge(attempt, options, work) else {
            if !isSettled { _ = await waitForOne(of: [first.handle], until: nil) }
            return try finish(first).get()
        }
        defer { endHedge(holdsPermit: second.holdsPermit) }
        return try await race(first, second).get()
    }

    /// The result of the one that succeeds first, else the first one's. When this returns, neither goes on unasked.
    private nonisolated(nonsending) func race<Value: Sendable>(
        _ first: HedgeLeg<Value>, _ second: HedgeLeg<Value>
    ) async -> Result<Value, any Error> {
        var running = [first, second]
        var ending: Result<Value, any Error>?
        while !running.isEmpty {
            _ = await waitForOne(of: running.map(\.handle), until: nil)
            for leg in running where leg.handle.outcome != nil {
                running.removeAll { $0.attempt.isHedge == leg.attempt.isHedge }
                let result = finish(leg)
                if case .success = result {
                    for loser in running {
                        loser.handle.cancel()
                        end(loser.lease, failure: .cancelled, nanoseconds: 0, at: clock.now)
                    }
                    return result
                }
                if ending == nil || !leg.attempt.isHedge { ending = result }
            }
        }
        guard let ending else { preconditionFailure("two that have ended have a result") }
        return ending
    }

    /// Waits until one of the handles has settled, at the longest until `due`. False when none has. When the caller is
    /// cancelled, so are they, and all of them are waited for.
    private nonisolated(nonsending) func waitForOne<Value>(
        of handles: [TaskHandle<Value>], until due: MonotonicInstant?
    ) async -> Bool {
        let wait = TimedWait<Void>(timers: runtime.timers)
        for handle in handles { handle.task.whenSettled { _ = wait.wake(()) } }
        switch await wait.wait(until: due) {
        case .woken: return true
        case .due, .full, .closed: return false
        case .cancelled:
            for handle in handles { handle.cancel() }
            for handle in handles { _ = await handle.settled }
            return true
        }
    }

    /// Judges one that has settled.
    private func finish<Value>(_ leg: HedgeLeg<Value>) -> Result<Value, any Error> {
        guard let outcome = leg.handle.outcome else { preconditionFailure("it has settled") }
        let now = clock.now
        let took = now.nanoseconds(since: leg.began)
        do {
            let value = try value(of: outcome, leg.attempt)
            end(leg.lease, failure: nil, nanoseconds: took, at: now)
            return .success(value)
        } catch {
            end(leg.lease, failure: errorClass(of: error), nanoseconds: took, at: now)
            return .failure(error)
        }
    }

    // MARK: - The second one

    /// Starts the second one, if all that have a say agree. What it holds, ``endHedge(holdsPermit:)`` gives back.
    private func startHedge<Value: Sendable>(
        _ attempt: Attempt, _ options: CallOptions,
        _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) -> HedgeLeg<Value>? {
        let now = clock.now
        guard !Task.isCancelled, takeHedge(attempt, at: now) else { return nil }
        let hasLimit = reading { $0.hasPermits }
        let holdsPermit = hasLimit && reading { tryPermit($0) }
        guard holdsPermit == hasLimit,
            case (.admitted(let lease), _) = admit(cost: options.cost, at: now, within: attempt.deadline)
        else {
            endHedge(holdsPermit: holdsPermit)
            return nil
        }
        var second = attempt
        second.isHedge = true
        do {
            return HedgeLeg(
                handle: try post(second, work), attempt: second, lease: lease, began: now, holdsPermit: holdsPermit)
        } catch {
            // No room for a second one: the first goes on alone.
            end(lease, failure: .cancelled, nanoseconds: 0, at: now)
            endHedge(holdsPermit: holdsPermit)
            return nil
        }
    }

    /// Takes a hedge of the budget.
    private func takeHedge(_ attempt: Attempt, at now: MonotonicInstant) -> Bool {
        reading { plan in
            guard let hedge = plan.policies.hedge, let budget = plan.policies.retryBudget else { return false }
            let facts = hedgeFacts(attempt, plan)
            return words.budget.update(RetryBudgetState.self) { state in
                switch hedge.starting(facts, at: now, budget: budget, in: state) {
                case .success(let next): return (next, true)
                case .failure: return (state, false)
                }
            }
        }
    }

    private func endHedge(holdsPermit: Bool) {
        words.budget.update(RetryBudgetState.self) { ($0.endingHedge(), ()) }
        if holdsPermit { returnPermit() }
    }
}

/// One of the two tasks of a hedged attempt.
private struct HedgeLeg<Value: Sendable>: Sendable {
    let handle: TaskHandle<Value>
    let attempt: Attempt
    let lease: BreakerLease?
    let began: MonotonicInstant
    var holdsPermit = false
}
