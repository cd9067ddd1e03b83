import GyreCore
public import GyrePolicy

extension Dependency {
    /// What stands between a call of a dependency and its work. What is `nil` is not there and costs nothing.
    ///
    ///     deadline → fair queue → load shedding → bulkhead or adaptive limit
    ///       → retry( hedge( breaker → rate limit → attempt timeout → work ) )
    ///
    /// The order is fixed, because each other one is wrong in a way that ``PolicyOrderError/reason`` tells.
    public struct Policies: Sendable, Hashable {
        /// `total` is the deadline of a call, `attempt` of each attempt, `queue` of the first attempt's start.
        public var timeouts: Timeouts?
        /// In which order calls wait for a permit and attempts for the rate limit, and how many may of each. How many
        /// is 1,024 by default, and for permits the ``Bulkhead``'s word where it has one. Without a fair queue and
        /// without the bulkhead's word nobody waits for a permit; for the rate limit up to ``Dependency/turnsMax`` do,
        /// in the same order with its defaults.
        public var fairQueue: FairQueueConfiguration?
        /// Which of those that waited are sent away when the queue stands.
        public var shedding: CoDel?
        /// How many calls there may be at once, those included that pause between two attempts.
        public var bulkhead: Bulkhead?
        /// As ``bulkhead``, with a limit that is measured.
        public var adaptiveLimit: AdaptiveLimit?
        public var retry: RetryPolicy?
        /// What share of the calls may be retried or hedged at once. Without it every call may retry, and none hedge.
        public var retryBudget: RetryBudget?
        /// For calls that say that they are idempotent.
        public var hedge: HedgePolicy?
        public var breaker: CircuitBreaker?
        /// How many attempts may start, by cost. Who has to wait stands in the fair queue until there is room for it.
        public var rateLimit: RateLimit?

        /// Nothing but what is named.
        public init(
            timeouts: Timeouts? = nil, fairQueue: FairQueueConfiguration? = nil, shedding: CoDel? = nil,
            bulkhead: Bulkhead? = nil, adaptiveLimit: AdaptiveLimit? = nil, retry: RetryPolicy? = nil,
            retryBudget: RetryBudget? = nil, hedge: HedgePolicy? = nil, breaker: CircuitBreaker? = nil,
            rateLimit: RateLimit? = nil
        ) {
            self.timeouts = timeouts
            self.fairQueue = fairQueue
            self.shedding = shedding
            self.bulkhead = bulkhead
            self.adaptiveLimit = adaptiveLimit
            self.retry = retry
            self.retryBudget = retryBudget
            self.hedge = hedge
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
                if waitersMax > 0 { kinds.append(.fairQueue) }
                if shedding != nil { kinds.append(.shedding) }
                if bulkhead != nil { kinds.append(.bulkhead) }
                if adaptiveLimit != nil { kinds.append(.adaptiveLimit) }
                if retry != nil { kinds.append(.retry) }
                if hedge != nil { kinds.append(.hedge) }
                if breaker != nil { kinds.append(.breaker) }
                if rateLimit != nil { kinds.append(.rateLimit) }
                if timeouts.map({ $0.attempt.value != nil || $0.learnsAttempt.value }) == true {
                    kinds.append(.attemptTimeout)
                }
                return try PolicyOrder(kinds)
            }
        }

        /// Calls that may wait for a permit.
        var waitersMax: UInt32 {
            if let own = bulkhead?.waitersMax.value, own > 0 { return own }
            return UInt32(fairQueue?.capacity.value ?? 0)
        }

        /// Refuses what a dependency does not do, rather than leaving it out without a word.
        func check() throws(ConfigurationError) {
            if let timeouts, timeouts.idle.value != nil {
                throw ConfigurationError(
                    field: "timeouts.idle", reason: "a dependency sees no signs of life; use attempt")
            }
            guard waitersMax <= 1 << 24 else {
                throw ConfigurationError(field: "bulkhead.waitersMax", reason: "\(waitersMax) is more than 2^24")
            }
            if fairQueue != nil, bulkhead == nil, adaptiveLimit == nil, rateLimit == nil {
                throw ConfigurationError(
                    field: "fairQueue",
                    reason: "nothing to wait for: it needs a bulkhead, an adaptive limit or a rate limit")
            }
            if shedding != nil, waitersMax == 0 || bulkhead == nil && adaptiveLimit == nil {
                throw ConfigurationError(
                    field: "shedding", reason: "nobody waits for a permit: it needs a fair queue and a limit")
            }
            if shedding?.newestFirstWhileOverloaded.value == true, fairQueue?.servesNewestFirst.value != true {
                throw ConfigurationError(
                    field: "shedding.newestFirstWhileOverloaded", reason: "the fair queue needs servesNewestFirst")
            }
            if let own = bulkhead?.waitersMax, own.value > 0, let capacity = fairQueue?.capacity,
                capacity.source == .user, capacity.value != Int(own.value)
            {
                throw ConfigurationError(
                    field: "fairQueue.capacity", reason: "\(capacity.value), where waitersMax says \(own.value)")
            }
            if hedge != nil, retryBudget == nil {
                throw ConfigurationError(field: "hedge", reason: "hedges need a retryBudget, which they draw from")
            }
            if retry == nil, hedge == nil, let retryBudget,
                retryBudget.share.source == .user || retryBudget.floor.source == .user
            {
                throw ConfigurationError(field: "retryBudget", reason: "a share of retries, and there is no retry")
            }
        }
    }
}

/// The policies in force, and what follows from them. Read at every step of a call, replaced as a whole.
final class DependencyPlan: Sendable {
    let policies: Dependency.Policies
    let order: PolicyOrder
    let waitersMax: UInt32
    /// Whether a call needs a permit.
    let hasPermits: Bool
    /// How long a call waits for a permit at most; 0 for as long as its deadline allows.
    let waitMaxNanoseconds: UInt64
    /// Whether somebody learns from how long attempts take.
    let measures: Bool
    let tuningWindowNanoseconds: UInt64

    init(_ policies: Dependency.Policies) throws(ConfigurationError) {
        try policies.check()
        do {
            order = try policies.order
        } catch {
            throw ConfigurationError(field: "policies", reason: error.description)
        }
        self.policies = policies
        waitersMax = policies.waitersMax
        hasPermits = policies.bulkhead != nil || policies.adaptiveLimit != nil
        waitMaxNanoseconds = policies.bulkhead?.waitMax.nanoseconds ?? 0
        let learnsSlowness =
            if case .overBaseline? = policies.breaker?.slowCall.value { true } else { false }
        measures =
            policies.adaptiveLimit != nil || policies.hedge != nil || policies.timeouts?.learnsAttempt.value == true
            || learnsSlowness
        tuningWindowNanoseconds = policies.adaptiveLimit?.window.nanoseconds ?? 1_000_000_000
    }

    /// The line in which calls wait for a permit, as long as it is.
    func makeQueue() -> FairQueue<PermitWaiter> { makeQueue(capacity: Int(max(1, waitersMax))) }

    /// The line in which attempts wait for their turn. What nobody bounded is bounded by what a runtime can wait for.
    func makeTurnQueue() -> FairQueue<TurnWaiter> {
        makeQueue(capacity: policies.fairQueue?.capacity.value ?? Dependency.turnsMax)
    }

    private func makeQueue<Waiter: Sendable>(capacity: Int) -> FairQueue<Waiter> {
        do {
            let own = policies.fairQueue
            let configuration = try FairQueueConfiguration(
                capacity: capacity, tenantCapacity: own?.tenantCapacity.value.map { min($0, capacity) },
                whenFull: own?.whenFull.value, ageing: own?.ageing.value, quantum: own?.quantum.value,
                shortestFirst: own?.shortestFirst.value, servesNewestFirst: own?.servesNewestFirst.value)
            return FairQueue(configuration)
        } catch {
            preconditionFailure("what was in range is in range: \(error)")
        }
    }
}
