public import GyreCore

/// How long a cache serves what it holds, and how much it holds.
///
/// A value goes through four ages, of which each ends where the next begins:
///
///     stored ── fresh ──▶ refreshAfter ── stale ──▶ ttl ── only on error ──▶ ttl + staleIfError ── gone
///
/// Fresh values are served. Stale ones are served too, and one caller per window starts a refresh behind itself
/// (stale-while-revalidate, RFC 5861). After `ttl` callers wait for a load; when it fails the old value is served as
/// long as `staleIfError` allows (RFC 5861 again). An error without an old value is served for `negativeTTL`, so that
/// what does not exist is not asked for by everybody.
public struct CachePolicy: DescribedPolicy {
    /// The most that the values may weigh together.
    public let weightMax: Setting<Int>
    /// The most values and errors that are kept.
    public let entriesMax: Setting<Int>
    public let ttl: Setting<Duration>
    /// The age from which a value is refreshed while it is served; `nil` for never.
    public let refreshAfter: Setting<Duration?>
    public let negativeTTL: Setting<Duration>
    public let staleIfError: Setting<Duration>

    /// - Parameters:
    ///   - weightMax: 1 to 2^48. Each value weighs 1 where the cache is not told otherwise.
    ///   - entriesMax: 1 to 2^24; 65,536 by default.
    ///   - ttl: Positive; 5 minutes by default.
    ///   - refreshAfter: Positive and below `ttl`; never by default.
    ///   - negativeTTL: Zero by default: errors are not kept.
    ///   - staleIfError: Zero by default: an error is what callers get.
    /// - Throws: `ConfigurationError` naming the field that is out of range.
    public init(
        weightMax: Int, entriesMax: Int? = nil, ttl: Duration? = nil, refreshAfter: Duration? = nil,
        negativeTTL: Duration? = nil, staleIfError: Duration? = nil
    ) throws(ConfigurationError) {
        self.weightMax = try Setting(weightMax, from: .user).checked("weightMax", in: 1...(1 << 48))
        self.entriesMax = try Setting(entriesMax, default: 1 << 16).checked("entriesMax", in: 1...(1 << 24))
        self.ttl = try Setting(ttl, default: .seconds(300)).checked("ttl", in: .nanoseconds(1)...PolicyTime.longest)
        if let refreshAfter {
            _ = try Setting(refreshAfter, from: .user)
                .checked("refreshAfter", in: .nanoseconds(1)...self.ttl.value)
        }
        self.refreshAfter = Setting(refreshAfter, from: refreshAfter == nil ? .default : .user)
        self.negativeTTL = try Setting(negativeTTL, default: .zero)
            .checked("negativeTTL", in: .zero...PolicyTime.longest)
        self.staleIfError = try Setting(staleIfError, default: .zero)
            .checked("staleIfError", in: .zero...PolicyTime.longest)
    }

    /// Until when a value that is stored at `now` is fresh, and when it is to be refreshed first.
    public func refreshDue(storedAt now: MonotonicInstant) -> MonotonicInstant {
        refreshAfter.value.map { now + $0 } ?? .distantFuture
    }

    /// When the next refresh may start after one that starts at `now`: a window later, so that one that fails or is
    /// lost is followed by another, and never by many.
    public func refreshDue(claimedAt now: MonotonicInstant) -> MonotonicInstant {
        now + (refreshAfter.value ?? ttl.value)
    }

    /// The last ages of a value that is stored at `now`: served without a load before the first, and after an error
    /// before the second.
    public func ends(storedAt now: MonotonicInstant) -> (served: MonotonicInstant, onError: MonotonicInstant) {
        let served = now + ttl.value
        return (served, served + staleIfError.value)
    }

    public var settings: [SettingDescription] {
        [
            weightMax.described(as: "weightMax"), entriesMax.described(as: "entriesMax"), ttl.described(as: "ttl"),
            refreshAfter.described(as: "refreshAfter"), negativeTTL.described(as: "negativeTTL"),
            staleIfError.described(as: "staleIfError"),
        ]
    }
}
