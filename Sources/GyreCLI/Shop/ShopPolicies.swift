import Gyre

/// What stands between the demo and its services. One set for each weather, so that what the policies do can be seen.
struct ShopPolicies: Sendable {
    let service: Dependency.Policies
    let mirror: Dependency.Policies
    /// How many purchases are under way at once.
    let purchasesMax: Int
    /// How long a mirror that failed is not asked.
    var mirrorCooldown = Duration.milliseconds(20)

    /// For services that are healthy: patient, so that each call succeeds in the end.
    static func calm() throws(ConfigurationError) -> ShopPolicies {
        let policies = Dependency.Policies(
            timeouts: try Timeouts(attempt: .seconds(2), total: .seconds(20)), bulkhead: try Bulkhead(permits: 32),
            retry: try RetryPolicy(
                attemptsMax: 6, backoff: try Backoff(base: .milliseconds(5), cap: .milliseconds(200))),
            retryBudget: try RetryBudget(share: 0.5, floor: 20), breaker: try CircuitBreaker(),
            rateLimit: try RateLimit(20_000, per: .seconds(1), burst: 64))
        return ShopPolicies(service: policies, mirror: policies, purchasesMax: 32)
    }

    /// For services that are not: nobody waits for long, and there are more callers than permits.
    static func chaos() throws(ConfigurationError) -> ShopPolicies {
        func policies(permits: UInt32, attemptsMax: Int) throws(ConfigurationError) -> Dependency.Policies {
            Dependency.Policies(
                timeouts: try Timeouts(attempt: .milliseconds(250), total: .seconds(3)),
                bulkhead: try Bulkhead(permits: permits),
                retry: try RetryPolicy(
                    attemptsMax: attemptsMax, backoff: try Backoff(base: .milliseconds(5), cap: .milliseconds(100))),
                retryBudget: try RetryBudget(share: 0.25, floor: 5),
                breaker: try CircuitBreaker(
                    window: .seconds(1), callsMin: 20, openMin: .milliseconds(200), openMax: .seconds(2)),
                rateLimit: try RateLimit(20_000, per: .seconds(1), burst: 64))
        }
        return ShopPolicies(
            service: try policies(permits: 32, attemptsMax: 4), mirror: try policies(permits: 16, attemptsMax: 2),
            purchasesMax: 48)
    }
}
