internal import GyreCore

/// The distribution of the last values: two windows, of which the older is dropped when the younger is full.
///
/// A histogram of GyreCore counts any whole number as well as nanoseconds: at most 0.79 % off, 19 KB a window.
struct RecentValues: Sendable, Equatable {
    /// Values in a window. Between one and two windows count.
    let window: UInt64
    private var older = LatencyHistogram()
    private var younger = LatencyHistogram()

    init(window: UInt64) {
        self.window = window
    }

    var count: UInt64 { older.count + younger.count }

    mutating func record(_ value: UInt64) {
        if younger.count >= window {
            older = younger
            younger = LatencyHistogram()
        }
        younger.record(nanoseconds: value)
    }

    /// The value that `percentile` percent of the last ones do not exceed.
    func value(atPercentile percentile: Double) -> UInt64? {
        var both = older
        both.merge(younger)
        return both.nanoseconds(atPercentile: percentile)
    }
}
