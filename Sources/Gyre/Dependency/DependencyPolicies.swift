import GyreCore
public import GyrePolicy

extension Dependency {
    /// What stands between a call of a dependency and its work. What is `nil` is not there and costs nothing.
    ///
    ///     deadline → bulkhead → retry( breaker → rate limit → attempt timeout → work )
    ///
    /// The order is fixed, because each other one is wrong in a way that ``PolicyOrderError/reason`` tells.
    public struct Policies: Sendable, Hashable {
        /// `total` is the deadline of a call, `attempt` of each attempt, `queue` of the first attempt's start.
        public var timeouts: Timeouts?
        /// How many calls there may be at once, those included that pause between two attempts.
        public var bulkhead: Bulkhead?
        public var retry: RetryPolicy?
        /// What share of the calls may be retried at once. Without it every call may retry.
        public var retryBudget: RetryBudget?
        public var breaker: CircuitBreaker?
        /// How many attempts may start, by cost. Who has to wait sleeps until the instant at which there is room.
        public var rateLimit: RateLimit?

        /// Nothing but what is named.
        public init(
            timeouts: Timeouts? = nil, bulkhead: Bulkhead? = nil, retry: RetryPolicy? = nil,
            retryBudget: RetryBudget? = nil, breaker: CircuitBreaker? = nil, rateLimit: RateLimit? = nil
        ) {
            self.timeouts = timeouts
            self.bulkhead = bulkhead
            self.retry = retry
            self.retryBudget = retryBudget
            self.breaker = breaker
            self.rateLimit = rateLimit
        }

        /// No policy at all.
        public static let none = Policies()

        /// What a dependency has of which nothing else is said: retries with their budget, and a breaker, each with its
        /// own defaults. How long a call may take, how many there may be at once, and how many a minute, only its user
        /// knows.
        public static let standard: Policies = {
            do {
                return Policies(retry: try RetryPolicy(), retryBudget: try RetryBudget(), breaker: try CircuitBreaker())
            } catch {
                preconditionFailure("defaults are in range: \(error)")
            }
        }()

        /// The policies that are there, from the outside in.
        public var order: PolicyOrder {
            get throws(PolicyOrderError) {
                var kinds: [PolicyKind] = []
                if timeouts?.total.value != nil { kinds.append(.deadline) }
                if bulkhead != nil { kinds.append(.bulkhead) }
                if retry != nil { kinds.append(.retry) }
                if breaker != nil { kinds.append(.breaker) }
                if rateLimit != nil { kinds.append(.rateLimit) }
                if timeouts?.attempt.value != nil { kinds.append(.attemptTimeout) }
                return try PolicyOrder(kinds)
            }
        }

        /// Refuses what a dependency does not do, rather than leaving it out without a word.
        func check() throws(ConfigurationError) {
            if let bulkhead, bulkhead.waitersMax.value > 0 {
                throw ConfigurationError(
                    field: "bulkhead.waitersMax",
                    reason: "\(bulkhead.waitersMax.value), but a dependency refuses at once; leave it at 0")
            }
            if let timeouts, timeouts.idle.value != nil {
                throw ConfigurationError(
                    field: "timeouts.idle", reason: "a dependency sees no signs of life; use attempt")
            }
            if let timeouts, timeouts.learnsAttempt.value {
                throw ConfigurationError(
                    field: "timeouts.learnsAttempt", reason: "a dependency does not learn; name the attempt's timeout")
            }
            if let breaker, case .overBaseline = breaker.slowCall.value {
                throw ConfigurationError(
                    field: "breaker.slowCall", reason: "a dependency has no baseline; use over with a duration")
            }
            if retry == nil, let retryBudget, retryBudget.share.source == .user || retryBudget.floor.source == .user {
                throw ConfigurationError(field: "retryBudget", reason: "a share of retries, and there is no retry")
            }
        }
    }
}
