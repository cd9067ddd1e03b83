public import GyreCore

/// How long the outcome of a run is kept under its idempotency key, and what a second call gets while it runs.
public struct IdempotencyPolicy: DescribedPolicy {
    /// What a call with a key gets whose run has not ended.
    public enum WhileRunning: String, Sendable, Hashable {
        /// It waits and shares the outcome: what users of Restate asked for (restatedev/restate issues/5128).
        case attach
        /// It is turned away.
        case conflict
    }

    /// The most records, those of runs that have not ended included. None goes before its time: one more is refused.
    public let recordsMax: Setting<Int>
    /// How long an outcome is kept after its run has ended.
    public let retention: Setting<Duration>
    /// Whether an error of a body is an outcome too; else the next call runs again.
    public let keepsFailures: Setting<Bool>
    public let whileRunning: Setting<WhileRunning>

    /// - Parameters:
    ///   - recordsMax: 1 to 2^24; 65,536 by default.
    ///   - retention: Positive; 24 hours by default, as Restate's `services/configuration` and Stripe have it.
    ///   - keepsFailures: True by default.
    ///   - whileRunning: ``WhileRunning/attach`` by default.
    /// - Throws: `ConfigurationError` naming the field that is out of range.
    public init(
        recordsMax: Int? = nil, retention: Duration? = nil, keepsFailures: Bool? = nil,
        whileRunning: WhileRunning? = nil
    ) throws(ConfigurationError) {
        self.recordsMax = try Setting(recordsMax, default: 1 << 16).checked("recordsMax", in: 1...(1 << 24))
        self.retention = try Setting(retention, default: .seconds(86_400))
            .checked("retention", in: .nanoseconds(1)...PolicyTime.longest)
        self.keepsFailures = Setting(keepsFailures, default: true)
        self.whileRunning = Setting(whileRunning, default: .attach)
    }

    public var settings: [SettingDescription] {
        [
            recordsMax.described(as: "recordsMax"), retention.described(as: "retention"),
            keepsFailures.described(as: "keepsFailures"), whileRunning.described(as: "whileRunning"),
        ]
    }
}
