import GyreCore
import GyrePolicy

// The admission pass: each policy that is there is asked once, and moves its own word by one exchange. A policy that
// refuses leaves its word as it was; what the policies before it gave is given back.

/// What a caller says about one call.
struct CallOptions: Sendable {
    var cost: UInt64 = 1
    var deadline = MonotonicInstant.distantFuture
    var priority = PriorityClass.normal
    var tenant: UInt64 = 0
    var weight: UInt32 = 1
    var isIdempotent = false
}

/// What a call holds from its admission to its end. Each thing that is taken is marked, so that it is given back
/// whatever the policies are by then.
struct CallPass: Sendable {
    let arrived: MonotonicInstant
    let deadline: Deadline
    /// When the first attempt must have started.
    let startBy: Deadline
    var holdsPermit = false
    /// Whether it has to wait for a permit before anything else.
    var mustWait = false
    /// Whether the call counts as active for the budget.
    var isCounted = false
    /// Whether a retry of the budget is taken.
    var holdsRetry = false
    var retry = RetryState()
    /// What the work ended with last, if it has failed.
    var workError: (any Error)?
}

/// What the policies of an attempt say.
enum AttemptVerdict: Sendable {
    /// Start. The lease is the breaker's, if there is one.
    case admitted(BreakerLease?)
    /// It is not its turn: the rate limit has no room, or others wait already. Nothing is held.
    case wait
    case rejected(by: PolicyKind, retryAt: MonotonicInstant?)
    case tooLarge(CostError)
}

extension CallPass {
    /// Whether nothing has been tried yet.
    var isFirst: Bool { retry.attempts == 0 && workError == nil }
}

extension SharedWord {
    /// ``update(_:)`` of the state of a policy.
    @inline(__always)
    func update<State: PackedState, Verdict>(
        _ type: State.Type, _ transition: (State) -> (state: State, verdict: Verdict)
    ) -> Verdict {
        update { word in
            let (next, verdict) = transition(State(word: word))
            return (next.word, verdict)
        }
    }
}

extension Dependency {
    // MARK: - Calls

    /// Admits a call: deadline, a permit if one is free, and one more for the budget. What it takes, ``leave(_:)``
    /// gives back. Without a permit, where there are some, the call must wait for one (``waitForPermit(_:_:)``).
    ///
    /// - Complexity: O(1) and lock-free. No allocation unless it throws.
    func enter(at now: MonotonicInstant, parent: MonotonicInstant) throws(GyreError) -> CallPass {
        try reading { (plan) throws(GyreError) in
            let deadline = plan.policies.timeouts?.total(from: now, parent: parent) ?? Self.inherited(parent)
            if deadline.hasPassed(at: now) { throw refusal(.deadlineExceeded, by: .deadline) }
            let startBy = plan.policies.timeouts?.queue(from: now, within: deadline) ?? deadline
            var pass = CallPass(arrived: now, deadline: deadline, startBy: startBy)
            if plan.hasPermits {
                pass.holdsPermit = tryPermit(plan)
                if !pass.holdsPermit {
                    if plan.measures { tuning.wasFull() }
                    guard plan.waitersMax > 0 else {
                        throw refusal(.rejected, by: plan.policies.bulkhead == nil ? .adaptiveLimit : .bulkhead)
                    }
                    pass.mustWait = true
                    return pass
                }
            }
            count(&pass, plan)
            return pass
        }
    }

    /// Counts a call as active, for the budget.
    private func count(_ pass: inout CallPass, _ plan: DependencyPlan) {
        guard plan.policies.retryBudget != nil else { return }
        pass.isCounted = true
        words.budget.update(RetryBudgetState.self) { ($0.beginning(), ()) }
    }

    /// A call that has waited is in.
    func enterAfterWait(_ pass: inout CallPass) {
        reading { count(&pass, $0) }
    }

    private static func inherited(_ parent: MonotonicInstant) -> Deadline {
        parent == .distantFuture ? .never : Deadline(parent, by: .parent)
    }

    /// Gives back all that a call holds.
    func leave(_ pass: inout CallPass) {
        endRetry(&pass)
        if pass.isCounted {
            pass.isCounted = false
            words.budget.update(RetryBudgetState.self) { ($0.ending(), ()) }
        }
        if pass.holdsPermit {
            pass.holdsPermit = false
            returnPermit()
        }
    }

    /// Takes a retry of the budget for `pass`. False when it is spent.
    func beginRetry(_ pass: inout CallPass) -> Bool {
        // A call from before there was a budget is not counted, and has none.
        guard pass.isCounted, let budget = reading({ $0.policies.retryBudget }) else { return true }
        pass.holdsRetry = words.budget.update(RetryBudgetState.self) { state in
            guard let next = budget.retrying(state) else { return (state, false) }
            return (next, true)
        }
        return pass.holdsRetry
    }

    func endRetry(_ pass: inout CallPass) {
        guard pass.holdsRetry else { return }
        pass.holdsRetry = false
        words.budget.update(RetryBudgetState.self) { ($0.endingRetry(), ()) }
    }

    // MARK: - Attempts

    /// Admits an attempt: breaker, then rate limit. An admitted one is ended by ``end(_:failure:nanoseconds:at:)``.
    ///
    /// - Parameters:
    ///   - isPaid: Whether the rate limit has granted it while it waited for its turn.
    ///   - total: When the call must have ended.
    /// - Returns: When the attempt must have, beside the verdict.
    /// - Complexity: O(1) and lock-free. No allocation.
    func admit(
        cost: UInt64, isPaid: Bool = false, at now: MonotonicInstant, within total: Deadline
    ) -> (AttemptVerdict, Deadline) {
        reading { plan in
            let deadline =
                plan.policies.timeouts?.attempt(
                    from: now, within: total, slowestNanoseconds: tuning.slowestNanoseconds) ?? total
            return (admit(cost: cost, isPaid: isPaid, at: now, deadline: deadline.instant, plan), deadline)
        }
    }

    private func admit(
        cost: UInt64, isPaid: Bool, at now: MonotonicInstant, deadline: MonotonicInstant, _ plan: DependencyPlan
    ) -> AttemptVerdict {
        var lease: BreakerLease?
        if let breaker = plan.policies.breaker {
            // Chance has no part in what a closed breaker does.
            let draw = BreakerState(word: words.breaker.state).mode == .closed ? 0 : self.draw()
            let verdict = words.breaker.update(BreakerState.self) { state in
                breaker.admitting(state, at: now, deadline: deadline, draw: draw)
            }
            switch verdict {
            case .admitted(let given): lease = given
            case .rejected(let retryAt): return .rejected(by: .breaker, retryAt: retryAt)
            }
        }
        if isPaid { return .admitted(lease) }
        guard words.turns.state == 0 else {
            giveBack(lease, plan, at: now)
            return .wait
        }
        guard let rateLimit = plan.policies.rateLimit else { return .admitted(lease) }
        let verdict = words.rate.update(RateLimitState.self) { rateLimit.admit($0, cost: cost, at: now) }
        switch verdict {
        case .granted: return .admitted(lease)
        case .wait:
            // A probe that sleeps would keep others from finding out. The breaker is asked again afterwards.
            giveBack(lease, plan, at: now)
            return .wait
        case .exceedsBurst(let asked, let burst):
            giveBack(lease, plan, at: now)
            return .tooLarge(CostError(asked: asked, burst: burst))
        }
    }

    private func giveBack(_ lease: BreakerLease?, _ plan: DependencyPlan, at now: MonotonicInstant) {
        guard let lease, lease.isProbe else { return }
        report(lease, .nothing, plan, at: now)
    }

    /// An admitted attempt has ended.
    ///
    /// - Parameters:
    ///   - failure: The class of its error; `nil` when it succeeded.
    ///   - nanoseconds: How long it took.
    /// - Complexity: O(1) and lock-free, without allocation, but for one call a second in which controllers decide.
    func end(_ lease: BreakerLease?, failure: ErrorClass?, nanoseconds: UInt64, at now: MonotonicInstant) {
        let isDue: Bool = reading { plan in
            if failure == nil { keepShortest(nanoseconds) }
            if case .throttled(let retryAfter?) = failure, let rateLimit = plan.policies.rateLimit {
                words.rate.update(RateLimitState.self) { (rateLimit.throttle($0, until: now + retryAfter), ()) }
            }
            if let lease, let breaker = plan.policies.breaker {
                let usual = tuning.usualNanoseconds
                let sample = breaker.sample(failure: failure, nanoseconds: nanoseconds, baselineNanoseconds: usual)
                report(lease, sample, plan, at: now)
            }
            guard plan.measures else { return false }
            let inUse = PermitState(word: words.permits.state).inUse
            return tuning.measure(failure, nanoseconds, inUse: inUse, plan.tuningWindowNanoseconds, at: now)
        }
        if isDue { decide(at: now) }
    }

    private func report(
        _ lease: BreakerLease, _ sample: BreakerSample, _ plan: DependencyPlan, at now: MonotonicInstant
    ) {
        guard let breaker = plan.policies.breaker else { return }
        let state = BreakerState(word: words.breaker.state)
        if sample != .nothing, breaker.counts(lease, in: state) {
            let (index, tag) = BreakerWindow.slot(
                at: now, nanosecondsPerSlot: breaker.nanosecondsPerSlot, generation: state.generation)
            words.window(index).update { (BreakerWindow.counting(sample, into: $0, tag: tag), ()) }
        }
        // A good call moves nothing but a half-open breaker.
        guard lease.isProbe || sample != .good && sample != .nothing else { return }
        let draw = self.draw()
        words.breaker.update(BreakerState.self) { state in
            let next = breaker.ending(lease, with: sample, in: state, at: now, draw: draw) {
                windowSums(breaker, state, at: now)
            }
            return (next, ())
        }
    }

    /// Two threads that each count a failure in a slot of its own may each miss the other's in its sums, on machines
    /// that reorder; then the failure after these opens the breaker.
    func windowSums(_ breaker: CircuitBreaker, _ state: BreakerState, at now: MonotonicInstant) -> BreakerSums {
        BreakerWindow.sums(
            at: now, nanosecondsPerSlot: breaker.nanosecondsPerSlot, generation: state.generation
        ) { words.window($0).state }
    }

    // MARK: - What attempts take

    private func keepShortest(_ nanoseconds: UInt64) {
        words.shortest.update { known in
            (known == 0 ? max(1, nanoseconds) : min(known, max(1, nanoseconds)), ())
        }
    }

    /// The time that a further attempt of `pass` would have.
    func window(of pass: CallPass) -> AttemptWindow { window(until: pass.deadline.instant) }

    /// The time that an attempt has until `deadline`.
    func window(until deadline: MonotonicInstant) -> AttemptWindow {
        AttemptWindow(deadline: deadline, shortest: .nanoseconds(Int64(clamping: words.shortest.state)))
    }
}
