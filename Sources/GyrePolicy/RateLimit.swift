public import GyreCore

/// So much work per period, paced by the generic cell rate algorithm on one word.
///
/// The word is the *theoretical arrival time* `tat`: the instant at which everything granted so far would have arrived,
/// had it come evenly. A request of cost c asks for
///
///     tat' = max(now, tat) + c·period/limit,    granted if  now >= tat' - burst·period/limit
///
/// which is a token bucket of `burst` that refills evenly, without a timer and without a lock. After ITU-T I.371 and
/// Inngest's `gcra.lua`; our `burst` counts the whole bucket, theirs what exceeds the first request.
///
/// R1  In any span of time t the granted cost is at most `burst + t·limit/period` (times are whole nanoseconds and
///     rounded so that the error is on the safe side, but for one nanosecond of t).
///     What comes back (``correct(_:granted:used:arrival:at:)``) can be granted again from the instant on at which it
///     came back.
/// R2  A refusal changes nothing, and its instant is exact: asked again then, with nobody in between, it is granted.
///
/// - Complexity: O(1): one 128-bit division, none for a cost of 1.
public struct RateLimit: DescribedPolicy {
    /// Units granted per ``period``.
    public let limit: Setting<UInt64>
    public let period: Setting<Duration>
    /// Units that may be granted at once after a pause; also the largest request there can be.
    public let burst: Setting<UInt64>

    private let periodNanoseconds: UInt64
    private let intervalOfOne: UInt64
    /// How far ahead of now the arrival time may run.
    private let tolerance: UInt64

    /// - Parameters:
    ///   - limit: Units per period, at least 1.
    ///   - period: From 1 ns to a century.
    ///   - burst: At least 1. The default of 1 paces evenly and never lets two through together (Inngest's default, 0
    ///     on top of the first).
    /// - Throws: `ConfigurationError` naming the field that is out of range.
    public init(_ limit: UInt64, per period: Duration, burst: UInt64? = nil) throws(ConfigurationError) {
        self.limit = try Setting(limit, from: .user).checked("limit", in: 1 ... .max)
        self.period = try Setting(period, from: .user).checked("period", in: .nanoseconds(1)...PolicyTime.longest)
        self.burst = try Setting(burst, default: 1).checked("burst", in: 1 ... .max)
        periodNanoseconds = self.period.nanoseconds
        intervalOfOne = Self.interval(cost: 1, limit: limit, period: periodNanoseconds)
        tolerance = Self.interval(cost: self.burst.value, limit: limit, period: periodNanoseconds)
        guard tolerance <= PolicyTime.longest.wholeNanoseconds else {
            throw ConfigurationError(
                field: "burst",
                reason: "\(self.burst.value) takes more than a century to refill at \(limit) per \(period)")
        }
    }

    public enum Verdict: Sendable, Hashable {
        case granted
        /// Not yet: granted at this instant if nobody comes in between.
        case wait(until: MonotonicInstant)
        /// Never: no pause makes the bucket that large.
        case exceedsBurst(asked: UInt64, burst: UInt64)
    }

    /// A request of `cost` units. Pure: for a compare-and-swap loop.
    public func admit(
        _ state: RateLimitState, cost: UInt64 = 1, at now: MonotonicInstant
    ) -> (state: RateLimitState, verdict: Verdict) {
        guard cost <= burst.value else { return (state, .exceedsBurst(asked: cost, burst: burst.value)) }
        let arrival = max(now.nanoseconds, state.word).addingSaturating(interval(cost: cost))
        guard arrival > now.nanoseconds.addingSaturating(tolerance) else {
            return (RateLimitState(word: arrival), .granted)
        }
        return (state, .wait(until: MonotonicInstant(nanoseconds: arrival - tolerance)))
    }

    /// Corrects the cost of a granted request to what it `used`.
    ///
    /// What was used on top is owed, and the next requests wait for it. Of what was not used comes back what still lies
    /// ahead of the pace: the rest has refilled meanwhile, and giving it back would count it twice.
    ///
    /// - Parameters:
    ///   - granted: The cost that was asked for.
    ///   - arrival: The state that granted it.
    public func correct(
        _ state: RateLimitState, granted: UInt64, used: UInt64, arrival: RateLimitState, at now: MonotonicInstant
    ) -> RateLimitState {
        // The difference of two costs as they were rounded: the sum stays that of the costs used.
        let (charged, due) = (interval(cost: granted), interval(cost: used))
        guard due < charged else { return RateLimitState(word: state.word.addingSaturating(due - charged)) }
        let ahead = arrival.word - min(arrival.word, now.nanoseconds)
        let excess = state.word - min(state.word, now.nanoseconds)
        return RateLimitState(word: state.word - min(charged - due, ahead, excess))
    }

    /// The other side said to stop (a 429 with Retry-After): the next unit is granted at `resume` and not before, to
    /// anybody; from there the usual pace goes on with an empty bucket. Never loosens what already holds.
    public func throttle(_ state: RateLimitState, until resume: MonotonicInstant) -> RateLimitState {
        let arrival = resume.nanoseconds.addingSaturating(tolerance - intervalOfOne)
        return RateLimitState(word: max(state.word, arrival))
    }

    /// The other side counts too and said what is left in its bucket. Takes the smaller of the two counts: requests of
    /// ours that it has not seen yet are in ours only.
    public func observe(_ state: RateLimitState, remaining: UInt64, at now: MonotonicInstant) -> RateLimitState {
        let used = burst.value - min(burst.value, remaining)
        return RateLimitState(word: max(state.word, now.nanoseconds.addingSaturating(interval(cost: used))))
    }

    /// Units that would be granted at once.
    public func available(_ state: RateLimitState, at now: MonotonicInstant) -> UInt64 {
        let ahead = state.word - min(state.word, now.nanoseconds)
        guard ahead < tolerance else { return 0 }
        let units = limit.value.multipliedFullWidth(by: tolerance - ahead)
        guard units.high < periodNanoseconds else { return burst.value }
        return min(burst.value, periodNanoseconds.dividingFullWidth(units).quotient)
    }

    public var settings: [SettingDescription] {
        [limit.described(as: "limit"), period.described(as: "period"), burst.described(as: "burst")]
    }

    private func interval(cost: UInt64) -> UInt64 {
        cost == 1 ? intervalOfOne : Self.interval(cost: cost, limit: limit.value, period: periodNanoseconds)
    }

    /// `cost·period/limit` rounded up per request, not per unit: a limit of 3 a second stays one of 3.
    private static func interval(cost: UInt64, limit: UInt64, period: UInt64) -> UInt64 {
        let product = cost.multipliedFullWidth(by: period)
        guard product.high < limit else { return .max }
        let (quotient, remainder) = limit.dividingFullWidth(product)
        return remainder == 0 ? quotient : quotient.addingSaturating(1)
    }
}

/// The theoretical arrival time of everything granted so far. It begins at zero: a full bucket.
public struct RateLimitState: PackedState {
    /// Nanoseconds on the clock whose instants are passed in.
    public let word: UInt64

    public init(word: UInt64 = 0) {
        self.word = word
    }
}
