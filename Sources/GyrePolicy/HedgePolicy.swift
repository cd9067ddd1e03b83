public import GyreCore

/// Whether a slow call gets a second one beside it, and when. The first result counts, the other call is cancelled.
///
/// The delay is what 95 % of the calls take, so that one in twenty is hedged ("The Tail at Scale", Dean and Barroso,
/// CACM 2013), at least 1 ms and known from at least 50 calls. Hedging helps against single slow calls and hurts when
/// all are slow, hence the long list of reasons for not doing it (``HedgeRefusal``).
///
/// The plan costs nothing: neither budget nor a place in a limiter is taken before the hedge really starts
/// (``starting(_:at:budget:in:)``), because most never do. One that starts is charged like any call.
public struct HedgePolicy: DescribedPolicy {
    /// How long the first call has before the hedge.
    public enum Delay: Sendable, Hashable, CustomStringConvertible {
        /// The 95th percentile of the calls as observed.
        case observed
        case fixed(Duration)

        public var description: String {
            switch self {
            case .observed: return "observed"
            case .fixed(let fixed): return SettingDescription.text(fixed)
            }
        }
    }

    public let delay: Setting<Delay>
    public let delayMin: Setting<Duration>
    public let samplesMin: Setting<Int>
    public let limiterMax: Setting<Double>
    public let medianShiftMax: Setting<Double>

    /// One hedge a call.
    public static let hedgesMax = 1

    private let delayMinNanoseconds: UInt64

    /// - Parameters:
    ///   - delay: `.observed` by default.
    ///   - delayMin: 0 to a day; 1 ms by default (Finagle): below that a hedge costs more than it saves.
    ///   - samplesMin: Calls that an observed delay must rest on. 1 to 1,000,000; 50 by default.
    ///   - limiterMax: How full the concurrency limiter may be. 0 to 1; 0.8 by default.
    ///   - medianShiftMax: How many times the usual median the present one may be. 1 to 100; 2 by default, ours: the
    ///     median of a service that is merely noisy does not double, that of one that is overloaded does.
    /// - Throws: `ConfigurationError` for a value out of its range.
    public init(
        delay: Delay? = nil, delayMin: Duration? = nil, samplesMin: Int? = nil, limiterMax: Double? = nil,
        medianShiftMax: Double? = nil
    ) throws(ConfigurationError) {
        self.delay = Setting(delay, default: .observed)
        self.delayMin = try Setting(delayMin, default: .milliseconds(1))
            .checked("delayMin", in: .zero ... .seconds(86_400))
        self.samplesMin = try Setting(samplesMin, default: 50).checked("samplesMin", in: 1...1_000_000)
        self.limiterMax = try Setting(limiterMax, default: 0.8).checked("limiterMax", in: 0...1)
        self.medianShiftMax = try Setting(medianShiftMax, default: 2).checked("medianShiftMax", in: 1...100)
        delayMinNanoseconds = self.delayMin.nanoseconds
        if case .fixed(let fixed)? = delay, fixed < .zero {
            throw ConfigurationError(field: "delay", reason: "\(SettingDescription.text(fixed)) is less than 0 s")
        }
    }

    public var settings: [SettingDescription] {
        [
            delay.described(as: "delay"), delayMin.described(as: "delayMin"),
            samplesMin.described(as: "samplesMin"), limiterMax.described(as: "limiterMax"),
            medianShiftMax.described(as: "medianShiftMax"),
        ]
    }

    /// When to look again whether the call needs a hedge; asked when the call starts.
    ///
    /// - Returns: An instant, or why there is no use in looking.
    /// - Complexity: O(1). No allocation.
    public func planning(_ facts: HedgeFacts, started: MonotonicInstant) -> Result<MonotonicInstant, HedgeRefusal> {
        let wait: UInt64
        switch delay.value {
        case .fixed(let fixed): wait = max(fixed.wholeNanoseconds, delayMinNanoseconds)
        case .observed:
            guard let observed = facts.latency, observed.samples >= UInt64(samplesMin.value) else {
                return .failure(.unknownLatency)
            }
            wait = max(observed.usuallyNanoseconds, delayMinNanoseconds)
        }
        let due = MonotonicInstant(nanoseconds: started.nanoseconds.addingSaturating(wait))
        if let refusal = refusal(facts, at: due) { return .failure(refusal) }
        return .success(due)
    }

    /// Whether the hedge starts now; asked at the planned instant, with the facts as they are by then.
    ///
    /// - Returns: The budget's next state with the hedge in it, or why there is none.
    /// - Complexity: O(1). No allocation.
    public func starting(
        _ facts: HedgeFacts, at now: MonotonicInstant, budget: RetryBudget, in state: RetryBudgetState
    ) -> Result<RetryBudgetState, HedgeRefusal> {
        if let refusal = refusal(facts, at: now) { return .failure(refusal) }
        guard let next = budget.hedging(state) else { return .failure(.budget) }
        return .success(next)
    }

    private func refusal(_ facts: HedgeFacts, at start: MonotonicInstant) -> HedgeRefusal? {
        guard facts.isIdempotent else { return .notIdempotent }
        guard facts.hedges < Self.hedgesMax else { return .alreadyHedged }
        guard facts.breaker == .closed else { return .breaker }
        guard facts.limiterShare <= limiterMax.value else { return .limiter }
        if let latency = facts.latency, hasMoved(latency) { return .slowService }
        guard facts.window.fits(start) else { return .deadline }
        return nil
    }

    private func hasMoved(_ latency: HedgeLatency) -> Bool {
        guard let baseline = latency.baselineMedianNanoseconds else { return false }
        return Double(latency.medianNanoseconds) > medianShiftMax.value * Double(baseline)
    }
}

/// How long the calls of a dependency take, as observed.
public struct HedgeLatency: Sendable, Hashable, BitwiseCopyable {
    /// Calls that the figures rest on.
    public let samples: UInt64
    /// The 95th percentile.
    public let usuallyNanoseconds: UInt64
    /// The median of now.
    public let medianNanoseconds: UInt64
    /// The median as it usually is; `nil` as long as nobody knows.
    public let baselineMedianNanoseconds: UInt64?

    public init(
        samples: UInt64, usuallyNanoseconds: UInt64, medianNanoseconds: UInt64, baselineMedianNanoseconds: UInt64? = nil
    ) {
        self.samples = samples
        self.usuallyNanoseconds = usuallyNanoseconds
        self.medianNanoseconds = medianNanoseconds
        self.baselineMedianNanoseconds = baselineMedianNanoseconds
    }
}

/// What a hedge depends on.
public struct HedgeFacts: Sendable, Hashable {
    /// Whether doing the work twice does no harm: the user's word.
    public let isIdempotent: Bool
    /// Hedges that this call has had.
    public let hedges: Int
    /// Where the dependency's breaker stands. One that is set to be disabled or to measure only vouches for nothing.
    public let breaker: BreakerMode
    /// Permits taken of those that there are, from 0 to 1; 0 without a limiter.
    public let limiterShare: Double
    /// `nil` as long as nobody knows.
    public let latency: HedgeLatency?
    /// What the hedge would have: the attempt's deadline, and how long a call takes at least.
    public let window: AttemptWindow

    public init(
        isIdempotent: Bool, hedges: Int = 0, breaker: BreakerMode = .closed, limiterShare: Double = 0,
        latency: HedgeLatency? = nil, window: AttemptWindow = AttemptWindow()
    ) {
        self.isIdempotent = isIdempotent
        self.hedges = hedges
        self.breaker = breaker
        self.limiterShare = limiterShare
        self.latency = latency
        self.window = window
    }
}

/// Why a call is not hedged.
public enum HedgeRefusal: String, Error, Sendable, CaseIterable {
    /// Doing the work twice might do harm.
    case notIdempotent
    case alreadyHedged
    /// Too few calls to know when one is slow.
    case unknownLatency
    /// The breaker is not closed: the service needs fewer calls.
    case breaker
    /// The limiter is nearly full.
    case limiter
    /// The median has moved: all calls are slow, and a second one each would double the load.
    case slowService
    /// The hedge could not end in time.
    case deadline
    /// The budget has no room.
    case budget
}
