import GyreCore
import GyrePolicy

// Waiting for an attempt's turn: for the rate limit to have room, or for a pause to end. Who waits stands in a fair
// queue, as those do who wait for a permit, and one timer of the dependency says when there is room for the next. It
// is granted on his behalf, so that nobody who comes later takes it before he runs.

extension Dependency {
    /// Waits until it is an attempt's turn. What the rate limit has granted then, ``returnTurn(_:cost:)`` gives back
    /// where the attempt is not made.
    ///
    /// - Throws: ``GyreError`` with the codes `rejected`, `deadlineExceeded`, `cancelled`, `closed` or `full`.
    nonisolated(nonsending) func waitForTurn(
        _ pass: CallPass, _ options: CallOptions
    ) async throws(GyreError) -> RateLimitState? {
        let waiter = TurnWaiter(timers: runtime.timers, cost: options.cost, rank: rank(pass, options))
        let now = clock.now
        let join = try reading { (plan) throws(GyreError) in
            try joinTurns(waiter, pass, plan, at: now)
        }
        if case .granted(let state) = join { return state }
        let limit = pass.isFirst ? min(pass.deadline.instant, pass.startBy.instant) : pass.deadline.instant
        let end = await waiter.wait.wait(until: limit == .distantFuture ? nil : limit)
        if case .woken(let answer) = end {
            switch answer {
            case .granted(let state): return state
            case .rejected(let policy): throw refusal(.rejected, by: policy)
            case .late: throw tooLate
            case .ended(let error): throw refusal(GyreError.Code(refusal: error))
            }
        }
        leaveTurns(waiter)
        switch end {
        case .due: throw tooLate
        case .closed: throw refusal(.closed)
        case .full: throw refusal(.full)
        case .cancelled, .woken: throw refusal(.cancelled)
        }
    }

    /// A turn that nobody uses: there is room for whoever is next.
    func returnTurn(_ granted: RateLimitState, cost: UInt64) {
        giveBackTurn(granted, cost: cost)
        serveTurns()
    }

    private func giveBackTurn(_ granted: RateLimitState, cost: UInt64) {
        reading { plan in
            guard let rateLimit = plan.policies.rateLimit else { return }
            let now = clock.now
            words.rate.update(RateLimitState.self) {
                (rateLimit.correct($0, granted: cost, used: 0, arrival: granted, at: now), ())
            }
        }
    }

    /// Grants the turn at once, or puts the attempt in the line.
    private func joinTurns(
        _ waiter: TurnWaiter, _ pass: CallPass, _ plan: DependencyPlan, at now: MonotonicInstant
    ) throws(GyreError) -> Join {
        var sent: TurnWaiter?
        defer { if let sent, sent !== waiter { _ = sent.wait.wake(.rejected(by: .fairQueue)) } }
        return try turns.withLock { (turns) throws(GyreError) in
            let pauseEnd = turns.pauseEnd(tenant: waiter.rank.tenant)
            let isFree = !turns.hasReady && pauseEnd <= now
            var due = max(now, pauseEnd)
            switch grant(waiter.cost, plan, asks: !isFree, at: now) {
            case .granted(let state) where isFree:
                settleTurns(&turns, at: now)
                return Join.granted(state)
            case .granted: break
            case .wait(let until):
                // Who cannot start even if nobody were before him is told so at once.
                guard mayStart(pass, at: until) else {
                    throw refusal(.rejected, by: .rateLimit, retryAfter: now.duration(to: until))
                }
                // Who is paused is looked at when the pause is over.
                if pauseEnd <= now { due = until }
            case .tooLarge(let error): throw refusal(.rejected, by: .rateLimit, cause: error)
            }
            sent = turns.join(waiter, at: now)
            guard sent !== waiter else { throw refusal(.rejected, by: .fairQueue) }
            words.turns.update { _ in (1, ()) }
            guard let error = arm(&turns, at: due) else { return Join.waits }
            _ = turns.leave(waiter)
            throw refusal(GyreError.Code(refusal: error))
        }
    }

    private enum Join {
        case granted(RateLimitState?)
        case waits
    }

    private enum Grant {
        case granted(RateLimitState?)
        case wait(until: MonotonicInstant)
        case tooLarge(CostError)
    }

    /// Takes `cost` from the rate limit, or only asks for it.
    private func grant(
        _ cost: UInt64, _ plan: DependencyPlan, asks: Bool = false, at now: MonotonicInstant
    ) -> Grant {
        guard let rateLimit = plan.policies.rateLimit else { return .granted(nil) }
        let (state, verdict) = words.rate.update(RateLimitState.self) { state in
            let (next, verdict) = rateLimit.admit(state, cost: cost, at: now)
            return (asks ? state : next, (next, verdict))
        }
        switch verdict {
        case .granted: return .granted(state)
        case .wait(let until): return .wait(until: until)
        case .exceedsBurst(let asked, let burst): return .tooLarge(CostError(asked: asked, burst: burst))
        }
    }

    // MARK: - Serving

    /// Lets all go whose turn has come.
    func serveTurns() {
        while true {
            let now = clock.now
            let told = reading { plan in turns.withLock { nextTurns(of: &$0, plan, at: now) } }
            var unused = false
            for (waiter, answer) in told where !waiter.wait.wake(answer) {
                // It has just given up: what was granted is the next one's.
                guard case .granted(let state?) = answer else { continue }
                giveBackTurn(state, cost: waiter.cost)
                unused = true
            }
            guard unused else { return }
        }
    }

    private func nextTurns(
        of turns: inout TurnLine, _ plan: DependencyPlan, at now: MonotonicInstant
    ) -> [(TurnWaiter, TurnAnswer)] {
        var told: [(TurnWaiter, TurnAnswer)] = []
        func tellAll(_ error: SubmitError) {
            told += turns.removeAll(at: now).map { ($0, .ended(error)) }
        }
        if runtime.timers.isClosed { tellAll(.closed) }
        turns.release(at: now)
        var due = turns.pauseEnd
        while due <= now, let waiter = turns.next(at: now) {
            guard window(until: waiter.rank.deadline).fits(now) else {
                told.append((waiter, .late))
                continue
            }
            switch grant(waiter.cost, plan, at: now) {
            case .granted(let state): told.append((waiter, .granted(state)))
            case .tooLarge: told.append((waiter, .rejected(by: .rateLimit)))
            case .wait(let until):
                turns.callUp(waiter)
                due = until
            }
        }
        let next = turns.hasReady ? min(due, turns.heldUntil) : turns.heldUntil
        if !turns.isEmpty, let error = arm(&turns, at: next) { tellAll(error) }
        settleTurns(&turns, at: now)
        return told
    }

    /// Without anybody who waits there is no timer, and attempts need not look at the line unless there is a pause.
    private func settleTurns(_ turns: inout TurnLine, at now: MonotonicInstant) {
        guard turns.isEmpty else { return }
        if let alarm = turns.alarm { takeBack(alarm) }
        turns.alarm = nil
        if !turns.isPaused(at: now) { words.turns.update { _ in (0, ()) } }
    }

    private func leaveTurns(_ waiter: TurnWaiter) {
        let wasInLine = turns.withLock { turns in
            guard turns.leave(waiter) else { return false }
            settleTurns(&turns, at: clock.now)
            return true
        }
        // Whoever is next may need less room.
        if wasInLine { serveTurns() }
    }

    // MARK: - The timer

    /// Has the line looked at when `due` has come; a timer that is earlier does so too. Returns why it cannot.
    private func arm(_ turns: inout TurnLine, at due: MonotonicInstant) -> SubmitError? {
        // A pause without an end has a timer too, which looks once a year, and which the end of the runtime fires.
        let due = min(due, clock.now + .seconds(86_400 * 365))
        if let alarm = turns.alarm {
            if alarm.due <= due { return nil }
            takeBack(alarm)
            turns.alarm = nil
        }
        let retained = Unmanaged.passRetained(self)
        do {
            let word = UInt64(UInt(bitPattern: retained.toOpaque()))
            let token = try runtime.timers.insert(due: due, ringTurns, word, 0)
            turns.alarm = TurnLine.Alarm(due: due, token: token, dependency: retained)
            return nil
        } catch {
            retained.release()
            return error
        }
    }

    private func takeBack(_ alarm: TurnLine.Alarm) {
        if runtime.timers.cancel(alarm.token) { alarm.dependency.release() }
    }

    fileprivate func ring() {
        // One that was replaced while it fired is not the one that is set.
        turns.withLock { turns in
            if let alarm = turns.alarm, alarm.due <= clock.now || runtime.timers.isClosed { turns.alarm = nil }
        }
        serveTurns()
    }

    /// The policies have changed: those who wait do so under the new ones, or are sent away.
    func rebuildTurns(_ plan: DependencyPlan) {
        let unplaced = turns.withLock { $0.rebuild(plan, at: clock.now) }
        for waiter in unplaced { _ = waiter.wait.wake(.rejected(by: .fairQueue)) }
        serveTurns()
    }
}

/// The word is a retained dependency.
private let ringTurns: TimerFunction = { word, _ in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<Dependency>.fromOpaque(pointer).takeRetainedValue().ring()
}
