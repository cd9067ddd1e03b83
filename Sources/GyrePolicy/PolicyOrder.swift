/// The policies of a pipeline. Their order here is the order in which they must stand, from the outside in.
public enum PolicyKind: Int, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    case deadline
    case idempotency
    case cache
    case singleFlight
    case budget
    case fairQueue
    case shedding
    case bulkhead
    case adaptiveLimit
    case fallback
    case retry
    case hedge
    case breaker
    case rateLimit
    case quota
    case attemptTimeout

    public static func < (left: PolicyKind, right: PolicyKind) -> Bool { left.rawValue < right.rawValue }

    public var description: String {
        switch self {
        case .deadline: return "deadline"
        case .idempotency: return "idempotency"
        case .cache: return "cache"
        case .singleFlight: return "single-flight"
        case .budget: return "budget"
        case .fairQueue: return "fair queue"
        case .shedding: return "load shedding"
        case .bulkhead: return "bulkhead"
        case .adaptiveLimit: return "adaptive limit"
        case .fallback: return "fallback"
        case .retry: return "retry"
        case .hedge: return "hedge"
        case .breaker: return "breaker"
        case .rateLimit: return "rate limit"
        case .quota: return "quota"
        case .attemptTimeout: return "attempt timeout"
        }
    }
}

/// The order of a pipeline's policies, checked.
///
///     deadline → idempotency, cache, single-flight → budget → fair queue → shedding → bulkhead or adaptive limit
///       → fallback( retry( hedge( breaker → rate limit, quota → attempt timeout → work ) ) )
///
/// Any policy may be missing. Those between two arrows stand in the order in which they are named; a pipeline has a
/// bulkhead or an adaptive limit, not both.
public struct PolicyOrder: Sendable, Hashable, CustomStringConvertible {
    /// From the outside in.
    public let kinds: [PolicyKind]

    /// - Parameter kinds: From the outside in.
    /// - Throws: ``PolicyOrderError`` about the first pair that is wrong.
    public init(_ kinds: [PolicyKind]) throws(PolicyOrderError) {
        for (index, inner) in kinds.enumerated() {
            for outer in kinds[..<index] where outer >= inner || Self.exclude(outer, inner) {
                throw PolicyOrderError(outer: outer, inner: inner)
            }
        }
        self.kinds = kinds
    }

    /// Every policy that there is, of two limits the bulkhead.
    public static let complete = PolicyKind.allCases.filter { $0 != .adaptiveLimit }

    fileprivate static func exclude(_ one: PolicyKind, _ other: PolicyKind) -> Bool {
        Set([one, other]) == [.bulkhead, .adaptiveLimit]
    }

    public var description: String { kinds.map(\.description).joined(separator: " → ") }
}

/// Two policies that may not stand as they do.
public struct PolicyOrderError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Mistake: Sendable, Hashable {
        /// They must change places.
        case swapped
        /// The same policy twice.
        case doubled
        /// One makes the other meaningless.
        case exclusive
    }

    /// The one that stands outside now.
    public let outer: PolicyKind
    /// The one that stands inside now.
    public let inner: PolicyKind

    init(outer: PolicyKind, inner: PolicyKind) {
        self.outer = outer
        self.inner = inner
    }

    public var mistake: Mistake {
        if outer == inner { return .doubled }
        return PolicyOrder.exclude(outer, inner) ? .exclusive : .swapped
    }

    public var description: String {
        switch mistake {
        case .doubled: return "\(outer) stands in the pipeline twice"
        case .exclusive: return "\(outer) and \(inner) both limit concurrency: take one of them"
        case .swapped: return "\(inner) must stand outside \(outer): \(reason)"
        }
    }

    /// What goes wrong as it is.
    public var reason: String {
        switch mistake {
        case .doubled: return "the second does what the first has done"
        case .exclusive: return "the smaller of two limits is the only one"
        case .swapped: return Self.pair(outer, inner) ?? Self.why(inner)
        }
    }

    /// Pairs that people swap, and what then happens.
    private static func pair(_ outer: PolicyKind, _ inner: PolicyKind) -> String? {
        switch (outer, inner) {
        case (.breaker, .retry):
            return "all attempts of a call would be one result, and retries would go on against an open breaker"
        case (.attemptTimeout, .retry): return "one attempt's time would have to do for all attempts and their pauses"
        case (.attemptTimeout, .hedge): return "the hedge would start with what the slow call has left of its time"
        case (.retry, .fallback): return "each attempt would be answered by a fallback, and none would be retried"
        case (.retry, .bulkhead), (.retry, .adaptiveLimit):
            return "each attempt would queue again behind work that came later"
        case (.hedge, .retry): return "both calls of a hedge would retry, each on its own"
        case (.rateLimit, .breaker), (.quota, .breaker): return "calls that the breaker refuses would be charged"
        case (.breaker, .hedge): return "a call and its hedge would be one result"
        default: return nil
        }
    }

    /// What a policy is good for only when it stands outside of all that follow it in the order.
    private static func why(_ kind: PolicyKind) -> String {
        switch kind {
        case .deadline: return "whatever stands outside of the deadline may take longer than it"
        case .idempotency: return "work that was done before would pay again for what stands outside"
        case .cache: return "a hit would pay for what stands outside"
        case .singleFlight: return "each of those who share one call would pay for what stands outside"
        case .budget: return "what the budget refuses would have taken a place first"
        case .fairQueue: return "what stands outside would be given to whoever comes first, not to whose turn it is"
        case .shedding: return "work would be shed after it got the permit that it is shed for"
        case .bulkhead, .adaptiveLimit: return "what stands outside would be held while waiting for a permit"
        case .fallback: return "what stands outside would judge the fallback's answer, and not the service's"
        case .retry: return "what stands outside would see one call where there are several"
        case .hedge: return "what stands outside would see one call where there are two"
        case .breaker: return "what stands outside would be paid for calls that are refused"
        case .rateLimit, .quota: return "the attempt's time would run while it waits for its turn"
        case .attemptTimeout: return "nothing may stand between an attempt's time and the work"
        }
    }
}
