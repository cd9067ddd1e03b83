public import GyreCore

/// Finds the number of tasks that a dependency can have at once, by measuring. Off unless it is asked for.
///
/// After failsafe-go's `adaptivelimiter.go`, the best controller found. The recent latency (its 90th percentile over at
/// least a second and 50 tasks) is compared with a slow baseline; from the two follows how many tasks the dependency
/// queues:
///
///     queue = ⌈limit · (1 - baseline/recent)⌉     below 3·log10(limit) the limit rises, above 6·log10(limit) it falls
///
/// A baseline follows a lasting overload up, and then such a controller climbs without end. So it falls, too, when more
/// in flight does not bring more through; and it never exceeds five times what is in use.
///
/// Departures from the model, and why: throughput is counted and not derived from the latency, which it is then
/// compared with. Timeouts and drops, of which latencies say nothing, lower the limit by half their share, as DCTCP
/// does (Alizadeh and others, SIGCOMM 2010): constant timeouts halve it each window. Only latencies of tasks that
/// succeeded are fed (vectordotdev/vector pull 3493): a fast failure is no sign of speed.
public struct AdaptiveLimit: DescribedPolicy {
    public let minimum: Setting<UInt32>
    public let maximum: Setting<UInt32>
    public let initial: Setting<UInt32>
    /// How long a window is at least.
    public let window: Setting<Duration>
    /// Tasks in a window at least.
    public let samplesMin: Setting<UInt64>
    /// The limit is at most so many times what was in use.
    public let headroom: Setting<Double>

    let windowNanoseconds: UInt64

    /// - Parameters:
    ///   - minimum: At least 1, the default.
    ///   - maximum: `minimum` to 2^20; 200 by default.
    ///   - initial: `minimum` to `maximum`; 20 by default, or the nearer of the two.
    ///   - window: 1 ms to a century; 1 s by default.
    ///   - samplesMin: 1 to 2^32; 50 by default.
    ///   - headroom: 1 to 1000; 5 by default.
    /// - Throws: `ConfigurationError` naming the field that is out of range.
    public init(
        minimum: UInt32? = nil, maximum: UInt32? = nil, initial: UInt32? = nil, window: Duration? = nil,
        samplesMin: UInt64? = nil, headroom: Double? = nil
    ) throws(ConfigurationError) {
        self.minimum = try Setting(minimum, default: 1).checked("minimum", in: 1...(1 << 20))
        let least = self.minimum.value
        self.maximum = try Setting(maximum, default: max(200, least)).checked("maximum", in: least...(1 << 20))
        let most = self.maximum.value
        self.initial = try Setting(initial, default: min(max(20, least), most)).checked("initial", in: least...most)
        self.window = try Setting(window, default: .seconds(1))
            .checked("window", in: .milliseconds(1)...PolicyTime.longest)
        self.samplesMin = try Setting(samplesMin, default: 50).checked("samplesMin", in: 1...(1 << 32))
        self.headroom = try Setting(headroom, default: 5).checked("headroom", in: 1...1000)
        windowNanoseconds = self.window.nanoseconds
    }

    public var settings: [SettingDescription] {
        [
            minimum.described(as: "minimum"), maximum.described(as: "maximum"), initial.described(as: "initial"),
            window.described(as: "window"), samplesMin.described(as: "samplesMin"),
            headroom.described(as: "headroom"),
        ]
    }
}

/// What happened to a dependency's tasks between two decisions.
public struct AdaptiveWindow: Sendable, Equatable {
    /// Latencies of the tasks that succeeded.
    public var latencies = LatencyHistogram()
    /// Timeouts, drops and refusals for overload.
    public var congested: UInt64 = 0
    /// The most tasks that were in flight at once.
    public var inFlightMax: UInt32 = 0
    /// Whether a task was refused or had to wait for a permit.
    public var wasFull = false
    public var began: MonotonicInstant

    public init(began: MonotonicInstant) {
        self.began = began
    }

    /// A task ended well.
    public mutating func succeed(latencyNanoseconds: UInt64, inFlight: UInt32) {
        latencies.record(nanoseconds: latencyNanoseconds)
        inFlightMax = max(inFlightMax, inFlight)
    }

    /// A task timed out, was dropped, or was refused for overload.
    public mutating func congest(inFlight: UInt32) {
        congested += 1
        inFlightMax = max(inFlightMax, inFlight)
    }

    /// Tasks that ended.
    public var count: UInt64 { latencies.count + congested }
}
