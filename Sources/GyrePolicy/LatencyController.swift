public import GyreCore

/// Learns from a dependency's latencies when a call is late: after how long a hedge starts, and an attempt is given up.
///
/// The figures are ``HedgePolicy``'s and ``Timeouts``'s: the 95th percentile, and the 99.9th, of which they make a
/// delay and a limit with their floors and caps. Feed it windows of a few seconds (Finagle refreshes every 3) with the
/// latencies of calls that succeeded.
///
/// The baseline median is an exponential mean of ten windows. A window whose median is twice that, says so
/// (``TuningReason/medianMoved``): everything is slow. It is learned from all the same, or a service that became
/// slower for good would never be hedged again.
///
/// - Complexity: O(buckets) per window.
public struct LatencyController: Sendable {
    /// After how long a call is late, in nanoseconds.
    public private(set) var hedgeDelay = TunedValue<UInt64?>(initial: nil)
    /// What 99.9 % of the calls take at most, in nanoseconds.
    public private(set) var slowest = TunedValue<UInt64?>(initial: nil)

    private var samples: UInt64 = 0
    private var median: UInt64 = 0
    private var baselineMedian: Double?

    /// Calls that a delay rests on, as in ``HedgePolicy``.
    public static let hedgeSamplesMin: UInt64 = 50
    /// Calls that a 99.9th percentile rests on: with fewer it is the slowest of all.
    public static let slowestSamplesMin: UInt64 = 1_000

    public init() {}

    /// A window has ended.
    public mutating func update(_ window: LatencyHistogram, at now: MonotonicInstant) {
        guard window.count >= Self.hedgeSamplesMin, let middle = window.nanoseconds(atPercentile: 50),
            let late = window.nanoseconds(atPercentile: 95), let last = window.nanoseconds(atPercentile: 99.9)
        else {
            hedgeDelay.decide(hedgeDelay.value, .fewSamples, at: now)
            slowest.decide(slowest.value, .fewSamples, at: now)
            return
        }
        let hasMoved = baselineMedian.map { Double(middle) > 2 * $0 } ?? false
        baselineMedian = baselineMedian.map { $0 + (Double(middle) - $0) * 2 / 11 } ?? Double(middle)
        (samples, median) = (window.count, middle)
        hedgeDelay.decide(late, hasMoved ? .medianMoved : .percentile, at: now)
        if window.count >= Self.slowestSamplesMin {
            slowest.decide(last, .percentile, at: now)
        } else {
            slowest.decide(slowest.value, .fewSamples, at: now)
        }
    }

    /// What ``HedgePolicy`` wants to know; `nil` as long as nobody does. A pinned delay counts as known.
    public var hedgeLatency: HedgeLatency? {
        guard let delay = hedgeDelay.value else { return nil }
        return HedgeLatency(
            samples: hedgeDelay.isPinned ? .max : samples, usuallyNanoseconds: delay, medianNanoseconds: median,
            baselineMedianNanoseconds: baselineMedian.map { UInt64($0) })
    }

    /// Sets the hedge delay by hand, or lets the measurements decide again with `nil`.
    public mutating func pinHedgeDelay(_ delay: Duration?) {
        if let delay { hedgeDelay.pin(delay.wholeNanoseconds) } else { hedgeDelay.unpin() }
    }

    /// Sets the figure for the attempt limit by hand, or lets the measurements decide again with `nil`.
    public mutating func pinSlowest(_ latency: Duration?) {
        if let latency { slowest.pin(latency.wholeNanoseconds) } else { slowest.unpin() }
    }

    public var settings: [SettingDescription] {
        [
            hedgeDelay.described(as: "hedgeDelayNanoseconds"), slowest.described(as: "slowestNanoseconds"),
        ]
    }
}
