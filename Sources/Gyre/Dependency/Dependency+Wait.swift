import GyreCore
import GyrePolicy

// Waiting for a permit. The word of the permits counts who waits; the line says who is next. Both move together under
// the line's lock where a call joins or leaves, as PermitState tells; a call that finds a permit touches neither lock
// nor line.

/// What became of a call that waited.
enum PermitAnswer: Sendable {
    /// It has a permit, which it gives back.
    case granted
    /// A call that came later was preferred, or the queue stood.
    case shed(by: PolicyKind)
    /// It was its turn, and it could not have ended in time.
    case late
}

/// A call that waits. The ticket is the line's, and moves under its lock.
final class PermitWaiter: Sendable {
    let wait: TimedWait<PermitAnswer>
    let arrived: MonotonicInstant
    let deadline: MonotonicInstant

    init(timers: TimerService, arrived: MonotonicInstant, deadline: MonotonicInstant) {
        wait = TimedWait(timers: timers)
        self.arrived = arrived
        self.deadline = deadline
    }
}

/// Those who wait for the permits of one dependency.
struct PermitLine: Sendable {
    var line: WaitLine<PermitWaiter>
    var codel = CoDelState()

    init(_ plan: DependencyPlan) { line = WaitLine(plan.makeQueue()) }
}

extension Dependency {
    /// How many permits there are.
    func permitLimit(_ plan: DependencyPlan) -> UInt32 {
        if let bulkhead = plan.policies.bulkhead { return bulkhead.permits.value }
        if plan.policies.adaptiveLimit != nil { return UInt32(truncatingIfNeeded: words.limit.state) }
        return .max
    }

    /// Takes a permit if one is free and nobody waits.
    func tryPermit(_ plan: DependencyPlan) -> Bool {
        let limit = permitLimit(plan)
        let verdict = words.permits.update(PermitState.self) { $0.admitting(limit: limit, waitersMax: 0) }
        return verdict == .admitted
    }

    /// A permit comes back, and goes to whoever is next.
    func returnPermit() {
        let isOwed = reading { plan in
            let limit = permitLimit(plan)
            return words.permits.update(PermitState.self) {
                let (state, handsOver) = $0.releasing(limit: limit)
                return (state, handsOver)
            }
        }
        if isOwed { handOver() }
    }

    /// The limit may have risen: whoever may have a permit now gets one.
    func promoteWaiters() {
        while true {
            let isOwed = reading { plan in
                let limit = permitLimit(plan)
                return words.permits.update(PermitState.self) {
                    let (state, handsOver) = $0.promoting(limit: limit)
                    return (state, handsOver)
                }
            }
            guard isOwed else { return }
            handOver()
        }
    }

    /// Gives a permit that is in use to one waiter, or back.
    private func handOver() {
        let now = clock.now
        while true {
            let next = reading { plan in line.withLock { nextWaiter(of: &$0, plan, at: now) } }
            if let (waiter, answer) = next, waiter.wait.wake(answer), case .granted = answer { return }
            // It was sent away, or has just given up, or nobody is left: the permit is given back, or is the next
            // one's.
            let isOwed = reading { plan in
                let limit = permitLimit(plan)
                return words.permits.update(PermitState.self) {
                    let (state, handsOver) = $0.releasing(limit: limit)
                    return (state, handsOver)
                }
            }
            if !isOwed { return }
        }
    }

    /// Takes the waiter whose turn it is, and says what it is told.
    private func nextWaiter(
        of line: inout PermitLine, _ plan: DependencyPlan, at now: MonotonicInstant
    ) -> (PermitWaiter, PermitAnswer)? {
        let shedding = plan.policies.shedding
        let isNewestFirst = shedding?.newestFirstWhileOverloaded.value == true && line.codel.isOverloaded
        guard let next = line.line.next(at: now, newestFirst: isNewestFirst) else { return nil }
        if !window(until: next.deadline).fits(now) { return (next, .late) }
        guard let shedding else { return (next, .granted) }
        let waited = now.nanoseconds(since: next.arrived)
        let (state, verdict) = shedding.admit(line.codel, waitedNanoseconds: waited, at: now)
        line.codel = state
        return (next, verdict == .shed ? .shed(by: .shedding) : .granted)
    }

    /// Waits for a permit. When it returns, `pass` has one.
    ///
    /// - Throws: ``GyreError`` with the codes `rejected`, `deadlineExceeded`, `cancelled`, `closed` or `full`.
    nonisolated(nonsending) func waitForPermit(_ pass: inout CallPass, _ options: CallOptions) async throws(GyreError) {
        let waiter = PermitWaiter(
            timers: runtime.timers, arrived: pass.arrived, deadline: pass.deadline.instant)
        let rank = rank(pass, options)
        let now = clock.now
        var limit: MonotonicInstant?
        let answer: PermitState.Verdict = reading { plan in
            limit = waitLimit(pass, plan)
            return join(waiter, rank, plan, at: now)
        }
        switch answer {
        case .admitted:
            pass.holdsPermit = true
            return
        case .full: throw refusal(.rejected, by: limitKind)
        case .wait: break
        }
        let end = await waiter.wait.wait(until: limit)
        if case .woken(let answer) = end {
            switch answer {
            case .granted: pass.holdsPermit = true
            case .shed(let policy): throw refusal(.rejected, by: policy)
            case .late: throw refusal(.deadlineExceeded, by: .deadline)
            }
            return
        }
        leaveLine(waiter)
        switch end {
        case .due where pass.deadline.hasPassed(at: clock.now) || pass.startBy.hasPassed(at: clock.now):
            throw refusal(.deadlineExceeded, by: .deadline)
        case .due: throw refusal(.rejected, by: .fairQueue)
        case .closed: throw refusal(.closed)
        case .full: throw refusal(.full)
        case .cancelled, .woken: throw refusal(.cancelled)
        }
    }

    /// The place of a call among those that wait, whatever for. A retry is as old as its call.
    func rank(_ pass: CallPass, _ options: CallOptions) -> FairRank {
        FairRank(
            priority: options.priority, tenant: options.tenant, weight: options.weight, arrival: pass.arrived,
            deadline: pass.deadline.instant, cost: UInt32(clamping: options.cost))
    }

    /// Which of the two limits there is.
    var limitKind: PolicyKind { reading { $0.policies.adaptiveLimit == nil ? .bulkhead : .adaptiveLimit } }

    private func waitLimit(_ pass: CallPass, _ plan: DependencyPlan) -> MonotonicInstant? {
        var limit = min(pass.deadline.instant, pass.startBy.instant)
        if plan.waitMaxNanoseconds > 0 {
            let own = MonotonicInstant(nanoseconds: pass.arrived.nanoseconds.addingSaturating(plan.waitMaxNanoseconds))
            limit = min(limit, own)
        }
        return limit == .distantFuture ? nil : limit
    }

    /// Counts a call as waiting and puts it in the line, in one step as others see it.
    private func join(
        _ waiter: PermitWaiter, _ rank: FairRank, _ plan: DependencyPlan, at now: MonotonicInstant
    ) -> PermitState.Verdict {
        let limit = permitLimit(plan)
        let (verdict, sent): (PermitState.Verdict, PermitWaiter?) = line.withLock { line in
            let verdict = words.permits.update(PermitState.self) {
                $0.admitting(limit: limit, waitersMax: plan.waitersMax)
            }
            switch verdict {
            case .admitted: return (.admitted, nil)
            case .full:
                // Somebody may go for it: then as many are counted as before.
                let sent = line.line.join(waiter, rank, at: now)
                if sent == nil { _ = line.line.leave(waiter) }  // a permit is on its way to one that is still counted
                return sent == nil || sent === waiter ? (.full, nil) : (.wait, sent)
            case .wait:
                let sent = line.line.join(waiter, rank, at: now)
                guard sent != nil else { return (.wait, nil) }
                // The line has no room for it, or somebody went for it: one fewer waits than is counted.
                words.permits.update(PermitState.self) { ($0.leaving(), ()) }
                return sent === waiter ? (.full, nil) : (.wait, sent)
            }
        }
        if let sent { _ = sent.wait.wake(.shed(by: .fairQueue)) }
        return verdict
    }

    private func leaveLine(_ waiter: PermitWaiter) {
        line.withLock { line in
            guard line.line.leave(waiter) else { return }
            words.permits.update(PermitState.self) { ($0.leaving(), ()) }
        }
    }

    /// The policies have changed: those who wait do so under the new ones, or are sent away.
    func rebuildLine(_ plan: DependencyPlan) {
        let unplaced = line.withLock { line in
            let unplaced = line.line.rebuild(plan.makeQueue(), at: clock.now)
            for _ in unplaced { words.permits.update(PermitState.self) { ($0.leaving(), ()) } }
            return unplaced
        }
        for waiter in unplaced { _ = waiter.wait.wake(.shed(by: .fairQueue)) }
    }
}
