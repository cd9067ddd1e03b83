public import GyreCore

/// Moves an ``AdaptiveLimit`` with each window of measurements. Admission reads ``limit`` and counts with a
/// ``PermitState``.
///
/// L1  The limit is always in its range, whatever is measured.
/// L2  Under constant timeouts it falls to its minimum.
///
/// - Complexity: O(buckets) per window, about once a second.
public struct AdaptiveController: Sendable {
    public let configuration: AdaptiveLimit
    /// The limit in force, with the last decision.
    public private(set) var limit: TunedValue<UInt32>

    /// The limit that is calculated with, whole or not.
    private var exact: Double
    private var baseline: Double?
    private var throughput = Correlation()
    private var latency = Correlation()

    public init(_ configuration: AdaptiveLimit) {
        self.configuration = configuration
        limit = TunedValue(initial: configuration.initial.value)
        exact = Double(configuration.initial.value)
    }

    /// Whether there is enough in a window to decide by. Timeouts take long to come in, so a fifth as many will do.
    public func isComplete(_ window: AdaptiveWindow, at now: MonotonicInstant) -> Bool {
        guard now.nanoseconds(since: window.began) >= configuration.windowNanoseconds else { return false }
        let samples = configuration.samplesMin.value
        return window.count >= samples || window.congested >= max(1, samples / 5)
    }

    /// Decides by a window that has ended.
    ///
    /// - Returns: The limit from now on. When it rose, waiters are promoted (``PermitState/promoting(limit:)``).
    @discardableResult
    public mutating func update(_ window: AdaptiveWindow, at now: MonotonicInstant) -> UInt32 {
        guard isComplete(window, at: now) else {
            limit.decide(limit.value, .fewSamples, at: now)
            return limit.value
        }
        if limit.isPinned { exact = Double(limit.value) }
        let verdict = judge(window, seconds: Double(now.nanoseconds(since: window.began)) / 1e9)
        var next = exact + verdict.change
        var reason = verdict.reason
        let most = Double(window.inFlightMax) * configuration.headroom.value
        if verdict.change > 0, next > most {
            (next, reason) = (exact - step, .unused)
        }
        exact = min(max(next, Double(configuration.minimum.value)), Double(configuration.maximum.value))
        limit.decide(UInt32(exact), reason, at: now)
        return limit.value
    }

    /// Sets the limit by hand until ``unpin()``.
    public mutating func pin(_ limit: UInt32) { self.limit.pin(limit) }

    /// Lets the measurements decide again, from the limit as it is.
    public mutating func unpin() {
        limit.unpin()
        exact = Double(limit.value)
    }

    /// The configuration, and the limit in force.
    public var settings: [SettingDescription] { configuration.settings + [limit.described(as: "limit")] }

    private mutating func judge(
        _ window: AdaptiveWindow, seconds: Double
    ) -> (change: Double, reason: TuningReason) {
        let share = Double(window.congested) / Double(window.count)
        if share >= Self.congestionMin { return (-max(step, exact * share / 2), .congestion) }
        guard let percentile = window.latencies.nanoseconds(atPercentile: 90) else { return (0, .fewSamples) }
        let recent = Double(max(1, percentile))
        let slow = baseline.map { $0 + (recent - $0) * Self.baselineWeight } ?? recent
        baseline = slow
        let inFlight = Double(window.inFlightMax)
        throughput.add(inFlight, Double(window.latencies.count) / seconds)
        latency.add(inFlight, recent)
        let queue = (exact * (1 - slow / recent)).rounded(.up)
        if queue > 6 * step { return (-step, .longQueue) }
        if window.wasFull, let reason = reasonAgainstMore { return (-step, reason) }
        return queue < 3 * step ? (step, .shortQueue) : (0, .steadyQueue)
    }

    /// Whether more in flight has stopped bringing more through: it brings less, or it brings little and takes longer.
    /// The bounds are failsafe-go's (`computeChange`).
    private var reasonAgainstMore: TuningReason? {
        let (through, longer) = (throughput.coefficient, latency.coefficient)
        if through < 0 { return .throughputFell }
        let bringsLittle = through < 0.3 || throughput.variationOfSecond < 0.2
        return longer > 0.5 && bringsLittle ? .latencyRose : nil
    }

    /// The decimal logarithm of the limit, rounded down and at least 1.
    private var step: Double {
        var (step, bound) = (1.0, 100.0)
        while exact >= bound { (step, bound) = (step + 1, bound * 10) }
        return step
    }

    /// Below it, timeouts are accidents.
    private static let congestionMin = 0.05
    /// An exponential mean of 10 windows.
    private static let baselineWeight = 2.0 / 11.0
}
