public import GyreCore

/// How many tasks may use a dependency at once, so that one slow dependency cannot take all of a program.
///
/// The defaults are those of Resilience4j's semaphore bulkhead (`BulkheadConfig.java`): 25 permits and no waiting.
/// Who waits is served first in, first out within its priority; the queue is the runtime's ``FairQueue``.
public struct Bulkhead: DescribedPolicy {
    /// Tasks that may run at once.
    public let permits: Setting<UInt32>
    /// Tasks that may wait for a permit; 0 refuses at once.
    public let waitersMax: Setting<UInt32>
    /// How long one of them waits at most.
    public let waitMax: Setting<Duration>

    /// - Parameters:
    ///   - permits: At least 1; 25 by default.
    ///   - waitersMax: None by default.
    ///   - waitMax: Positive when there may be waiters, zero when not.
    /// - Throws: `ConfigurationError` naming the field that is out of range.
    public init(
        permits: UInt32? = nil, waitersMax: UInt32? = nil, waitMax: Duration? = nil
    ) throws(ConfigurationError) {
        self.permits = try Setting(permits, default: 25).checked("permits", in: 1 ... .max)
        self.waitersMax = Setting(waitersMax, default: 0)
        self.waitMax = try Setting(waitMax, default: .zero).checked("waitMax", in: .zero...PolicyTime.longest)
        guard (self.waitMax.value == .zero) == (self.waitersMax.value == 0) else {
            throw ConfigurationError(
                field: "waitMax",
                reason: "with waitersMax \(self.waitersMax.value) it is "
                    + (self.waitersMax.value == 0 ? "zero: nobody waits" : "positive: they wait for something"))
        }
    }

    /// A task asks for a permit. Pure: for a compare-and-swap loop.
    public func admit(_ state: PermitState) -> (state: PermitState, verdict: PermitState.Verdict) {
        state.admitting(limit: permits.value, waitersMax: waitersMax.value)
    }

    /// A permit comes back; see ``PermitState/releasing(limit:)``.
    public func release(_ state: PermitState) -> (state: PermitState, handsOver: Bool) {
        state.releasing(limit: permits.value)
    }

    public var settings: [SettingDescription] {
        [
            permits.described(as: "permits"), waitersMax.described(as: "waitersMax"),
            waitMax.described(as: "waitMax"),
        ]
    }
}
