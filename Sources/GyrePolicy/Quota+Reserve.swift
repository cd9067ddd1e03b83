public import GyreCore

extension Quota {
    /// Reserves everything that a call needs, or nothing.
    ///
    /// What no wait can mend is refused first: a call above the burst, money that is spent. The permit comes last: what
    /// comes back is never owed to a waiter that came meanwhile.
    ///
    /// - Parameter holdsPermit: The call was handed a permit that somebody gave back. It keeps it, whatever the answer.
    /// - Complexity: One step per resource that is configured, and one more per resource to give it back. No
    ///   allocation of its own.
    /// - Concurrency: Lock-free if the storage is.
    public func reserve(
        _ need: Need, holdsPermit: Bool = false, storage: some QuotaStorage, at now: MonotonicInstant
    ) -> Verdict {
        if let tokens, need.tokens > tokens.burst.value {
            return .exceedsBurst(asked: need.tokens, burst: tokens.burst.value)
        }
        if let money, case let left = money.left(BudgetState(word: storage.load(.money))), need.money > left {
            return .budgetExhausted(asked: need.money, left: left)
        }
        guard storage.load(.block) <= now.nanoseconds else { return wait(need, storage, now) }
        var held = Reservation(need: need, requestArrival: RateLimitState(), tokenArrival: RateLimitState())
        if let requests {
            guard let arrival = take(requests, .requests, 1, storage, now) else { return wait(need, storage, now) }
            held.requestArrival = arrival
        }
        if let tokens {
            guard let arrival = take(tokens, .tokens, need.tokens, storage, now) else {
                giveBack(requests, .requests, 1, held.requestArrival, storage, now)
                return wait(need, storage, now)
            }
            held.tokenArrival = arrival
        }
        let refusal = takeMoney(need, storage) ?? (holdsPermit ? nil : takePermit(need, storage))
        guard let refusal else { return .reserved(held) }
        giveBack(requests, .requests, 1, held.requestArrival, storage, now)
        giveBack(tokens, .tokens, need.tokens, held.tokenArrival, storage, now)
        return refusal
    }

    /// The call was made and used so much. It may have used more than it reserved, or less, or nothing.
    ///
    /// - Returns: Whether the permit is owed to a waiter: the caller takes one and reserves for it again.
    public func complete(
        _ reservation: Reservation, used: Need, storage: some QuotaStorage, at now: MonotonicInstant
    ) -> Bool {
        if let tokens {
            storage.update(.tokens) { word in
                let state = tokens.correct(
                    RateLimitState(word: word), granted: reservation.need.tokens, used: used.tokens,
                    arrival: reservation.tokenArrival, at: now)
                return (state.word, ())
            }
        }
        settleMoney(reservation.need, spent: used.money, storage)
        guard let limit = concurrency?.value else { return false }
        return storage.update(.concurrency) { word in
            let answer = PermitState(word: word).releasing(limit: limit)
            return (answer.state.word, answer.handsOver)
        }
    }

    /// The call was not made: nothing counts. Returns as ``complete(_:used:storage:at:)``.
    public func abandon(
        _ reservation: Reservation, storage: some QuotaStorage, at now: MonotonicInstant
    ) -> Bool {
        giveBack(requests, .requests, 1, reservation.requestArrival, storage, now)
        return complete(reservation, used: Need(), storage: storage, at: now)
    }

    /// A waiter gave up before a permit came to it (``PermitState/leaving()``).
    public func leave(storage: some QuotaStorage) {
        storage.update(.concurrency) { (PermitState(word: $0).leaving().word, ()) }
    }

    /// The provider answered 429: nobody is served before `resume`.
    public func throttle(storage: some QuotaStorage, until resume: MonotonicInstant) {
        storage.update(.block) { (max($0, resume.nanoseconds), ()) }
    }

    /// The provider said what is left of a rate and when it is whole again: `x-ratelimit-remaining-*` and
    /// `x-ratelimit-reset-*`. Only tightens; calls under way that the provider has not counted yet are in our count.
    ///
    /// With nothing left, nobody is served before the reset; of two resets the later holds.
    public func observe(
        _ resource: Resource, remaining: UInt64, resetAfter: Duration, storage: some QuotaStorage,
        at now: MonotonicInstant
    ) {
        guard let rate = resource == .requests ? requests : resource == .tokens ? tokens : nil else { return }
        if remaining == 0 { throttle(storage: storage, until: now + resetAfter) }
        storage.update(resource) { word in
            (rate.observe(RateLimitState(word: word), remaining: remaining, at: now).word, ())
        }
    }

    // MARK: - Steps

    /// The state that granted it, or `nil`.
    private func take(
        _ rate: RateLimit, _ resource: Resource, _ cost: UInt64, _ storage: some QuotaStorage,
        _ now: MonotonicInstant
    ) -> RateLimitState? {
        storage.update(resource) { word in
            let answer = rate.admit(RateLimitState(word: word), cost: cost, at: now)
            return (answer.state.word, answer.verdict == .granted ? answer.state : nil)
        }
    }

    private func giveBack(
        _ rate: RateLimit?, _ resource: Resource, _ cost: UInt64, _ arrival: RateLimitState,
        _ storage: some QuotaStorage, _ now: MonotonicInstant
    ) {
        guard let rate else { return }
        storage.update(resource) { word in
            let state = rate.correct(RateLimitState(word: word), granted: cost, used: 0, arrival: arrival, at: now)
            return (state.word, ())
        }
    }

    /// The refusal, or `nil`.
    private func takeMoney(_ need: Need, _ storage: some QuotaStorage) -> Verdict? {
        guard let money else { return nil }
        return storage.update(.money) { word in
            let answer = money.reserve(BudgetState(word: word), need.money)
            guard case .exhausted(let asked, let left) = answer.verdict else { return (answer.state.word, nil) }
            return (word, .budgetExhausted(asked: asked, left: left))
        }
    }

    private func settleMoney(_ need: Need, spent: UInt64, _ storage: some QuotaStorage) {
        guard let money else { return }
        storage.update(.money) { word in
            (money.settle(BudgetState(word: word), reserved: need.money, spent: spent).word, ())
        }
    }

    /// The refusal, with the money given back, or `nil`.
    private func takePermit(_ need: Need, _ storage: some QuotaStorage) -> Verdict? {
        guard let limit = concurrency?.value else { return nil }
        let verdict = storage.update(.concurrency) { word in
            let answer = PermitState(word: word).admitting(limit: limit, waitersMax: waitersMax.value)
            return (answer.state.word, answer.verdict)
        }
        guard verdict != .admitted else { return nil }
        settleMoney(need, spent: 0, storage)
        return verdict == .wait ? .waitForPermit : .full
    }

    /// The latest of the instants of everything that is short now. If meanwhile nothing is, that is now: ask again.
    private func wait(_ need: Need, _ storage: some QuotaStorage, _ now: MonotonicInstant) -> Verdict {
        var latest = (until: max(now, MonotonicInstant(nanoseconds: storage.load(.block))), resource: Resource.block)
        consider(requests, .requests, 1, storage, now, &latest)
        consider(tokens, .tokens, need.tokens, storage, now, &latest)
        return .wait(until: latest.until, for: latest.resource)
    }

    private func consider(
        _ rate: RateLimit?, _ resource: Resource, _ cost: UInt64, _ storage: some QuotaStorage,
        _ now: MonotonicInstant, _ latest: inout (until: MonotonicInstant, resource: Resource)
    ) {
        guard let rate else { return }
        let verdict = rate.admit(RateLimitState(word: storage.load(resource)), cost: cost, at: now).verdict
        if case .wait(let until) = verdict, until > latest.until { latest = (until, resource) }
    }
}
