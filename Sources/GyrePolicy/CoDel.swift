public import GyreCore

/// Sheds work when a queue stands, and leaves bursts alone.
///
/// If the *shortest* wait of an interval was above the target, the queue never emptied in it: it stands. During the
/// next interval what waited longer than twice the target is shed. Nichols and Jacobson, "Controlling Queue Delay"
/// (ACM Queue 2012), in the form and with the defaults of folly's `Codel.h`: 5 ms over 100 ms, shedding above 10 ms.
///
///     | overloaded 1 | interval number 31 | shortest wait 32, in units of 256 ns |
///
/// Intervals begin at multiples of their length, unlike folly's, which begin with a request: so an interval without any
/// work is seen, and what a quiet hour ago was the shortest wait says nothing today. (After 2^31 intervals, 6.8 years
/// at 100 ms, the number comes round.)
///
/// C1  Nothing is shed in an interval that follows one whose shortest wait was at most the target.
/// C2  The first of each interval is never shed.
public struct CoDel: DescribedPolicy {
    /// The wait that is fine for ever.
    public let target: Setting<Duration>
    /// How long the shortest wait must stay above it. Longer than a burst takes.
    public let interval: Setting<Duration>
    /// While overloaded, serve the newest first: its caller has not given up yet. The order is the queue's
    /// (``FairQueueConfiguration/servesNewestFirst``); this is the switch.
    public let newestFirstWhileOverloaded: Setting<Bool>

    private let targetUnits: UInt64
    private let intervalNanoseconds: UInt64

    /// - Parameters:
    ///   - target: From 1 us to 9 minutes; 5 ms by default.
    ///   - interval: Longer than the target; 100 ms by default.
    ///   - newestFirstWhileOverloaded: Off by default.
    /// - Throws: `ConfigurationError` naming the field that is out of range.
    public init(
        target: Duration? = nil, interval: Duration? = nil, newestFirstWhileOverloaded: Bool? = nil
    ) throws(ConfigurationError) {
        // Twice the target must fit in 32 bits of units, or nothing could ever be shed.
        self.target = try Setting(target, default: .milliseconds(5))
            .checked("target", in: .microseconds(1) ... .seconds(540))
        self.interval = try Setting(interval, default: .milliseconds(100))
            .checked("interval", in: self.target.value + .nanoseconds(1)...PolicyTime.longest)
        self.newestFirstWhileOverloaded = Setting(newestFirstWhileOverloaded, default: false)
        targetUnits = self.target.nanoseconds >> Self.unitBits
        intervalNanoseconds = self.interval.nanoseconds
    }

    public enum Verdict: Sendable, Hashable {
        case run
        /// The queue stands and this task waited too long in it.
        case shed
    }

    /// A task that waited is about to run. Pure: for a compare-and-swap loop. Most calls of a quiet queue return
    /// the state as it was, and need no exchange.
    public func admit(
        _ state: CoDelState, waitedNanoseconds: UInt64, at now: MonotonicInstant
    ) -> (state: CoDelState, verdict: Verdict) {
        // Rounded down: the shortest wait may look shorter than it was, never longer.
        let units = min(waitedNanoseconds >> Self.unitBits, 0xFFFF_FFFF)
        let number = now.nanoseconds / intervalNanoseconds & CoDelState.numberField.maximum
        let passed = (number &- state.number) & CoDelState.numberField.maximum
        // A thread that was held up may still name an interval a little behind; it counts in the present one.
        if passed > 0, passed < CoDelState.numberField.maximum - 8 {
            // Judge the interval before; if nothing ran in it, nobody knows, and nothing is shed.
            let stood = passed == 1 && state.shortest > targetUnits
            return (CoDelState(isOverloaded: stood, number: number, shortest: units), .run)
        }
        let next = CoDelState(
            isOverloaded: state.isOverloaded, number: state.number, shortest: min(state.shortest, units))
        return (next, state.isOverloaded && units > 2 * targetUnits ? .shed : .run)
    }

    public var settings: [SettingDescription] {
        [
            target.described(as: "target"), interval.described(as: "interval"),
            newestFirstWhileOverloaded.described(as: "newestFirstWhileOverloaded"),
        ]
    }

    private static let unitBits: UInt64 = 8
}

/// The present interval, the shortest wait in it, and what the one before was like.
public struct CoDelState: PackedState {
    public let word: UInt64

    static let overloadedField = WordField(shift: 63, bits: 1)
    static let numberField = WordField(shift: 32, bits: 31)
    static let shortestField = WordField(shift: 0, bits: 32)

    public init(word: UInt64 = 0) {
        self.word = word
    }

    init(isOverloaded: Bool, number: UInt64, shortest: UInt64) {
        word = (isOverloaded ? 1 << 63 : 0) | number << 32 | shortest
    }

    /// Whether the queue stood all through the interval before.
    public var isOverloaded: Bool { Self.overloadedField(word) == 1 }
    var number: UInt64 { Self.numberField(word) }
    var shortest: UInt64 { Self.shortestField(word) }
}
