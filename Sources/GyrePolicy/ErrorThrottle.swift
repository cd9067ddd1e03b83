public import GyreCore

/// Stops asking a dependency that does not answer, in proportion: the client side of overload.
///
/// A request is refused here with probability
///
///     max(0, (requests - K·accepts - allowance) / (requests + 1))
///
/// over about two minutes: as soon as less than 1/K of the requests are accepted, the rest stays at home, and one in a
/// while goes through to see whether things are better. "Client-side throttling", Site Reliability Engineering,
/// chapter 21, with its K = 2. A request counts when it *starts* (zeromicro/go-zero issues/5011: counted at its end, a
/// dependency that fails slowly is asked far too often); so that those under way do not look refused, `allowance` of
/// them are forgiven (go-zero's `protection`).
///
///     | interval number 16 | accepts 24 | requests 24 |          counts in eighths
///
/// Recovery is as gentle as the formula makes it: with K = 2 and nothing accepted for a whole window, the share that is
/// sent grows e-fold per window, so all of it goes again after some five windows.
/// Each eighth of the window both counts lose an eighth, which fades as a sliding window does and needs no history.
public struct ErrorThrottle: DescribedPolicy {
    /// Requests allowed per accepted one, in the long run. 1.1 is strict, 2 forgiving.
    public let ratio: Setting<Double>
    /// How far back counts. At least the 99th percentile of the latency.
    public let window: Setting<Duration>
    /// Requests without an answer that are forgiven: about as many as may run at once.
    public let allowance: Setting<UInt32>

    private let intervalNanoseconds: UInt64

    /// - Parameters:
    ///   - ratio: From 1 to 1000; 2 by default.
    ///   - window: From 1 ms to a century; 2 minutes by default.
    ///   - allowance: Up to 2^20. The default, 25, is the number of permits of a ``Bulkhead``.
    /// - Throws: `ConfigurationError` naming the field that is out of range.
    public init(
        ratio: Double? = nil, window: Duration? = nil, allowance: UInt32? = nil
    ) throws(ConfigurationError) {
        self.ratio = try Setting(ratio, default: 2).checked("ratio", in: 1...1000)
        self.window = try Setting(window, default: .seconds(120))
            .checked("window", in: .milliseconds(1)...PolicyTime.longest)
        self.allowance = try Setting(allowance, default: 25).checked("allowance", in: 0...(1 << 20))
        intervalNanoseconds = self.window.nanoseconds / 8
    }

    public enum Verdict: Sendable, Hashable {
        case admitted
        case refused
    }

    /// A request starts. Pure: for a compare-and-swap loop.
    ///
    /// - Parameter chance: A random word; only its upper 53 bits count.
    public func admit(
        _ state: ErrorThrottleState, at now: MonotonicInstant, chance: UInt64
    ) -> (state: ErrorThrottleState, verdict: Verdict) {
        let faded = fade(state, at: now)
        let isRefused = chance.unit < refusalProbability(faded)
        return (counting(faded, requests: 1, accepts: 0), isRefused ? .refused : .admitted)
    }

    /// A request was accepted by the other side: answered, whatever the answer. Timeouts, connection failures, 429 and
    /// 5xx are not.
    public func accept(_ state: ErrorThrottleState, at now: MonotonicInstant) -> ErrorThrottleState {
        counting(fade(state, at: now), requests: 0, accepts: 1)
    }

    /// The share of requests that is refused at the moment.
    public func refusalProbability(_ state: ErrorThrottleState) -> Double {
        let excess = state.requests - ratio.value * state.accepts - Double(allowance.value)
        return max(0, excess / (state.requests + 1))
    }

    public var settings: [SettingDescription] {
        [
            ratio.described(as: "ratio"), window.described(as: "window"), allowance.described(as: "allowance"),
        ]
    }

    /// Takes an eighth off for each interval that has passed. After 128 nothing is left that could be refused for:
    /// (7/8)^128 of 2^24 is less than one.
    private func fade(_ state: ErrorThrottleState, at now: MonotonicInstant) -> ErrorThrottleState {
        let number = now.nanoseconds / intervalNanoseconds & 0xFFFF
        let passed = (number &- state.number) & 0xFFFF
        // A thread that was held up may still name an interval a little behind.
        if passed == 0 || passed > 0xFFFF - 8 { return state }
        guard passed < 128 else { return ErrorThrottleState(number: number, acceptEighths: 0, requestEighths: 0) }
        var (accepts, requests) = (state.acceptEighths, state.requestEighths)
        for _ in 0..<passed {
            accepts = accepts * 7 / 8
            requests = requests * 7 / 8
        }
        return ErrorThrottleState(number: number, acceptEighths: accepts, requestEighths: requests)
    }

    /// Near their end both counts are halved, which keeps their ratio.
    private func counting(_ state: ErrorThrottleState, requests: UInt64, accepts: UInt64) -> ErrorThrottleState {
        let isNearEnd = max(state.requestEighths, state.acceptEighths) > ErrorThrottleState.requestField.maximum - 8
        let shift: UInt64 = isNearEnd ? 1 : 0
        return ErrorThrottleState(
            number: state.number, acceptEighths: (state.acceptEighths >> shift) + 8 * accepts,
            requestEighths: (state.requestEighths >> shift) + 8 * requests)
    }
}

/// Faded counts of a window, in eighths.
public struct ErrorThrottleState: PackedState {
    public let word: UInt64

    static let numberField = WordField(shift: 48, bits: 16)
    static let acceptField = WordField(shift: 24, bits: 24)
    static let requestField = WordField(shift: 0, bits: 24)

    public init(word: UInt64 = 0) {
        self.word = word
    }

    init(number: UInt64, acceptEighths: UInt64, requestEighths: UInt64) {
        word = number << 48 | acceptEighths << 24 | requestEighths
    }

    var number: UInt64 { Self.numberField(word) }
    var acceptEighths: UInt64 { Self.acceptField(word) }
    var requestEighths: UInt64 { Self.requestField(word) }
    /// Accepted requests of the window.
    public var accepts: Double { Double(acceptEighths) / 8 }
    /// Started requests of the window, those refused here included.
    public var requests: Double { Double(requestEighths) / 8 }
}
