import GyreCore
import GyrePolicy

// The admission pass: each policy that is there is asked once, and moves its own word by one exchange. A policy that
// refuses leaves its word as it was; what the policies before it gave is given back.

/// What a call holds from its admission to its end.
struct CallPass: Sendable {
    let deadline: Deadline
    /// When the first attempt must have started.
    let startBy: Deadline
    var retry = RetryState()
    /// Whether a retry of the budget is taken.
    var holdsRetry = false
    /// What the work ended with last, if it has failed.
    var workError: (any Error)?
}

/// What the policies of an attempt say.
enum AttemptVerdict: Sendable {
    /// Start. The lease is the breaker's, if there is one.
    case admitted(BreakerLease?)
    /// The rate limit has room at this instant; nothing is held.
    case wait(until: MonotonicInstant)
    case rejected(by: PolicyKind, retryAt: MonotonicInstant?)
    case tooLarge(CostError)
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

    /// Admits a call: deadline, bulkhead, and one more for the budget. What it takes, ``leave(_:)`` gives back.
    ///
    /// - Complexity: O(1) and lock-free. No allocation unless it throws.
    func enter(at now: MonotonicInstant, parent: MonotonicInstant) throws(GyreError) -> CallPass {
        let deadline = policies.timeouts?.total(from: now, parent: parent) ?? Self.inherited(parent)
        if deadline.hasPassed(at: now) {
            throw GyreError(code: .deadlineExceeded, dependency: name, policy: .deadline)
        }
        if let bulkhead = policies.bulkhead {
            let verdict = words.permits.update(PermitState.self) { bulkhead.admit($0) }
            guard verdict == .admitted else {
                throw GyreError(code: .rejected, dependency: name, policy: .bulkhead)
            }
        }
        if policies.retryBudget != nil {
            words.budget.update(RetryBudgetState.self) { ($0.beginning(), ()) }
        }
        let startBy = policies.timeouts?.queue(from: now, within: deadline) ?? deadline
        return CallPass(deadline: deadline, startBy: startBy)
    }

    private static func inherited(_ parent: MonotonicInstant) -> Deadline {
        parent == .distantFuture ? .never : Deadline(parent, by: .parent)
    }

    /// Gives back all that a call holds.
    func leave(_ pass: inout CallPass) {
        endRetry(&pass)
        if policies.retryBudget != nil {
            words.budget.update(RetryBudgetState.self) { ($0.ending(), ()) }
        }
        if let bulkhead = policies.bulkhead {
            // Nobody waits, so there is nobody to hand it to.
            words.permits.update(PermitState.self) { (bulkhead.release($0).state, ()) }
        }
    }

    /// Takes a retry of the budget for `pass`. False when it is spent.
    func beginRetry(_ pass: inout CallPass) -> Bool {
        guard let budget = policies.retryBudget else { return true }
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
    /// - Parameter deadline: When the attempt must have ended.
    /// - Complexity: O(1) and lock-free. No allocation.
    func admit(cost: UInt64, at now: MonotonicInstant, deadline: MonotonicInstant) -> AttemptVerdict {
        var lease: BreakerLease?
        if let breaker = policies.breaker {
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
        guard let rateLimit = policies.rateLimit else { return .admitted(lease) }
        let verdict = words.rate.update(RateLimitState.self) { rateLimit.admit($0, cost: cost, at: now) }
        switch verdict {
        case .granted: return .admitted(lease)
        case .wait(let instant):
            // A probe that sleeps would keep others from finding out. The breaker is asked again afterwards.
            giveBack(lease, at: now)
            return .wait(until: instant)
        case .exceedsBurst(let asked, let burst):
            giveBack(lease, at: now)
            return .tooLarge(CostError(asked: asked, burst: burst))
        }
    }

    private func giveBack(_ lease: BreakerLease?, at now: MonotonicInstant) {
        guard let lease, lease.isProbe else { return }
        report(lease, .nothing, at: now)
    }

    /// An admitted attempt has ended.
    ///
    /// - Parameters:
    ///   - failure: The class of its error; `nil` when it succeeded.
    ///   - nanoseconds: How long it took.
    /// - Complexity: O(1) and lock-free. No allocation.
    func end(_ lease: BreakerLease?, failure: ErrorClass?, nanoseconds: UInt64, at now: MonotonicInstant) {
        if failure == nil { keepShortest(nanoseconds) }
        if case .throttled(let retryAfter?) = failure, let rateLimit = policies.rateLimit {
            words.rate.update(RateLimitState.self) { (rateLimit.throttle($0, until: now + retryAfter), ()) }
        }
        if let lease, let breaker = policies.breaker {
            report(lease, breaker.sample(failure: failure, nanoseconds: nanoseconds), at: now)
        }
    }

    private func report(_ lease: BreakerLease, _ sample: BreakerSample, at now: MonotonicInstant) {
        guard let breaker = policies.breaker else { return }
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
        guard policies.retry != nil else { return }
        words.shortest.update { known in
            (known == 0 ? max(1, nanoseconds) : min(known, max(1, nanoseconds)), ())
        }
    }

    /// The time that a further attempt of `pass` would have.
    func window(of pass: CallPass) -> AttemptWindow {
        AttemptWindow(
            deadline: pass.deadline.instant, shortest: .nanoseconds(Int64(clamping: words.shortest.state)))
    }
}
