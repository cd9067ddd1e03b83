public import GyreCore
public import GyrePolicy

/// What one policy of a dependency is set to.
public struct PolicyDescription: Sendable, Hashable, CustomStringConvertible {
    /// As it is named in ``Dependency/Policies``: `retryBudget`.
    public let name: String
    /// Every effective value and who chose it.
    public let settings: [SettingDescription]

    public var description: String {
        ([name] + settings.map { "  \($0)" }).joined(separator: "\n")
    }
}

/// Where a dependency stands.
public struct DependencySnapshot: Sendable, Hashable {
    /// Calls under way; `nil` without a retry budget, which is who counts them.
    public let callsActive: Int?
    /// Retries under way, those included that pause; `nil` without a retry budget.
    public let retriesActive: Int?
    /// Hedges under way; `nil` without a retry budget.
    public let hedgesActive: Int?
    /// Permits that are out; `nil` without a bulkhead or an adaptive limit.
    public let permitsInUse: Int?
    /// Calls that wait for a permit; `nil` without a bulkhead or an adaptive limit.
    public let waiting: Int?
    /// Attempts that wait for the rate limit or for the end of a pause.
    public let turnsWaiting: Int
    /// Until when it is paused, by its own word or by the runtime's; `nil` when it is not.
    public let pausedUntil: MonotonicInstant?
    /// Tenants whose attempts wait because the runtime has paused them.
    public let tenantsPaused: Int
    /// `nil` without a breaker.
    public let breaker: BreakerMode?
    /// Probes under way; `nil` without a breaker.
    public let probesActive: Int?
    /// Units that the rate limit would grant at once; `nil` without one.
    public let rateAvailable: UInt64?
    /// Dead letters that are kept, and those that had to go because others came.
    public let deadLetters: Int
    public let deadLettersDropped: UInt64
}

extension Dependency {
    /// Every policy that is there, with each effective value and who chose it, from the outside in.
    public var settings: [PolicyDescription] { Self.settings(policies, learned) }

    /// What the runtime that a dependency belongs to says of it.
    static func part(
        _ name: String, _ plan: SwappedReference<DependencyPlan>, _ tuning: DependencyTuner
    ) -> PartDescription {
        let (policies, order) = plan.read { ($0.policies, $0.order) }
        return PartDescription(
            "dependency \(title(name, order))", policies: settings(policies, tuning.learned))
    }

    private static func title(_ name: String, _ order: PolicyOrder) -> String {
        "\(name): \(order.kinds.isEmpty ? "no policies" : order.description)"
    }

    private static func settings(_ policies: Policies, _ learned: DependencyTuning) -> [PolicyDescription] {
        let all: [(String, (any DescribedPolicy)?)] = [
            ("timeouts", policies.timeouts), ("fairQueue", policies.fairQueue), ("shedding", policies.shedding),
            ("bulkhead", policies.bulkhead), ("adaptiveLimit", policies.adaptiveLimit), ("retry", policies.retry),
            ("retryBudget", policies.retryBudget), ("hedge", policies.hedge), ("breaker", policies.breaker),
            ("rateLimit", policies.rateLimit),
        ]
        return all.compactMap { name, policy in
            policy.map {
                PolicyDescription(name: name, settings: $0.settings + learnedSettings(name, policies, learned))
            }
        }
    }

    /// What the controllers have set of a policy.
    private static func learnedSettings(
        _ name: String, _ policies: Policies, _ learned: DependencyTuning
    ) -> [SettingDescription] {
        switch name {
        case "adaptiveLimit": return learned.concurrencyLimit.map { [$0.described(as: "limit")] } ?? []
        case "hedge": return [learned.hedgeDelayNanoseconds.described(as: "observedNanoseconds")]
        case "timeouts":
            guard let timeouts = policies.timeouts, timeouts.learnsAttempt.value else { return [] }
            let limit = timeouts.attemptLimit(slowestNanoseconds: learned.slowestNanoseconds.value)
            return [limit.described(as: "attemptInForce")]
        default: return []
        }
    }

    /// ``settings`` as text, under a line with the order of the policies.
    ///
    ///     stock: retry → breaker
    ///     retry
    ///       attemptsMax = 3 (default)
    ///       …
    public func describe() -> String {
        ([Self.title(name, order)] + settings.map(\.description)).joined(separator: "\n")
    }

    /// Where the dependency stands. Each figure is of its own moment.
    ///
    /// - Concurrency: Any thread. Disturbs no call.
    public func snapshot() -> DependencySnapshot {
        let now = clock.now
        let policies = policies
        let permits = PermitState(word: words.permits.state)
        let hasLimit = policies.bulkhead != nil || policies.adaptiveLimit != nil
        let budget = RetryBudgetState(word: words.budget.state)
        let breaker = BreakerState(word: words.breaker.state)
        let (turnsWaiting, paused, tenantsPaused) = turns.withLock { turns in
            (turns.count, turns.pauseEnd, turns.tenantsPaused.values.count { $0 > now })
        }
        let (lettersKept, lettersDropped) = letters.withLock { ($0.count, $0.dropped) }
        return DependencySnapshot(
            callsActive: policies.retryBudget.map { _ in Int(budget.activeCount) },
            retriesActive: policies.retryBudget.map { _ in Int(budget.retryCount) },
            hedgesActive: policies.retryBudget.map { _ in Int(budget.hedgeCount) },
            permitsInUse: hasLimit ? Int(permits.inUse) : nil, waiting: hasLimit ? Int(permits.waiting) : nil,
            turnsWaiting: turnsWaiting, pausedUntil: paused > now ? paused : nil,
            tenantsPaused: tenantsPaused,
            breaker: policies.breaker.map { $0.mode(of: breaker, at: now) },
            probesActive: policies.breaker.map { _ in Int(breaker.probesOut) },
            rateAvailable: policies.rateLimit.map { $0.available(RateLimitState(word: words.rate.state), at: now) },
            deadLetters: lettersKept, deadLettersDropped: lettersDropped)
    }

    /// Moves the breaker by hand: to its work, or away from it. What is under way reports to nobody.
    ///
    /// - Precondition: The dependency has a breaker.
    public func orderBreaker(_ order: CircuitBreaker.Order) {
        guard let breaker = policies.breaker else { preconditionFailure("\(name) has no breaker") }
        words.breaker.update(BreakerState.self) { (breaker.obeying(order, in: $0), ()) }
    }
}
