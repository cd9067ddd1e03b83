import GyreCore
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
    /// Permits that are out; `nil` without a bulkhead.
    public let permitsInUse: Int?
    /// `nil` without a breaker.
    public let breaker: BreakerMode?
    /// Probes under way; `nil` without a breaker.
    public let probesActive: Int?
    /// Units that the rate limit would grant at once; `nil` without one.
    public let rateAvailable: UInt64?
}

extension Dependency {
    /// Every policy that is there, with each effective value and who chose it, from the outside in.
    public var settings: [PolicyDescription] {
        let all: [(String, (any DescribedPolicy)?)] = [
            ("timeouts", policies.timeouts), ("bulkhead", policies.bulkhead), ("retry", policies.retry),
            ("retryBudget", policies.retryBudget), ("breaker", policies.breaker), ("rateLimit", policies.rateLimit),
        ]
        return all.compactMap { name, policy in
            policy.map { PolicyDescription(name: name, settings: $0.settings) }
        }
    }

    /// ``settings`` as text, under a line with the order of the policies.
    ///
    ///     stock: retry → breaker
    ///     retry
    ///       attemptsMax = 3 (default)
    ///       …
    public func describe() -> String {
        let chain = order.kinds.isEmpty ? "no policies" : order.description
        return (["\(name): \(chain)"] + settings.map(\.description)).joined(separator: "\n")
    }

    /// Where the dependency stands. Each figure is of its own moment.
    ///
    /// - Concurrency: Any thread. Disturbs no call.
    public func snapshot() -> DependencySnapshot {
        let now = clock.now
        let budget = RetryBudgetState(word: words.budget.state)
        let breaker = BreakerState(word: words.breaker.state)
        return DependencySnapshot(
            callsActive: policies.retryBudget.map { _ in Int(budget.activeCount) },
            retriesActive: policies.retryBudget.map { _ in Int(budget.retryCount) },
            permitsInUse: policies.bulkhead.map { _ in Int(PermitState(word: words.permits.state).inUse) },
            breaker: policies.breaker.map { $0.mode(of: breaker, at: now) },
            probesActive: policies.breaker.map { _ in Int(breaker.probesOut) },
            rateAvailable: policies.rateLimit.map { $0.available(RateLimitState(word: words.rate.state), at: now) })
    }

    /// Moves the breaker by hand: to its work, or away from it. What is under way reports to nobody.
    ///
    /// - Precondition: The dependency has a breaker.
    public func orderBreaker(_ order: CircuitBreaker.Order) {
        guard let breaker = policies.breaker else { preconditionFailure("\(name) has no breaker") }
        words.breaker.update(BreakerState.self) { (breaker.obeying(order, in: $0), ()) }
    }
}
