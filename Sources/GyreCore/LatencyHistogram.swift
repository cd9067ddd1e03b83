internal import CGyre

/// A distribution of durations: how many values fell into each of 2,368 buckets from 0 ns to 73 minutes.
///
/// A value read back (``value(atPercentile:)``) is off by at most 1/128 = 0.79 %; durations below 128 ns, the smallest
/// and the largest are exact. Durations above 73 minutes share the last bucket; ``maximum`` and ``mean`` still take
/// them as they are.
///
/// This is a plain value for reading, merging and exporting. Threads that record while others read use a cell of the
/// pool and are merged into such a value.
///
/// - Complexity: 19 KB once a value is recorded, copied on write. Recording is O(1), reading a percentile O(buckets).
public struct LatencyHistogram: Sendable, Equatable {
    /// Number of values. Stays at `UInt64.max` once it got there.
    public private(set) var count: UInt64 = 0
    /// Sum of the values in nanoseconds. Stays at `UInt64.max` once it got there.
    public private(set) var sumNanoseconds: UInt64 = 0

    private var minimumOrMax = UInt64.max
    private var maximumOrZero: UInt64 = 0
    /// Empty as long as nothing is recorded.
    private var buckets: [UInt64] = []

    /// A histogram without values.
    public init() {}

    /// The smallest value, exactly. `nil` when there is none.
    public var minimum: Duration? { count == 0 ? nil : .nanoseconds(minimumOrMax) }

    /// The largest value, exactly. `nil` when there is none.
    public var maximum: Duration? { count == 0 ? nil : .nanoseconds(maximumOrZero) }

    /// The smallest value in nanoseconds, exactly. `nil` when there is none.
    public var minimumNanoseconds: UInt64? { count == 0 ? nil : minimumOrMax }

    /// The largest value in nanoseconds, exactly. `nil` when there is none.
    public var maximumNanoseconds: UInt64? { count == 0 ? nil : maximumOrZero }

    /// The mean of the values in nanoseconds, from their exact sum. `nil` when there is none.
    public var meanNanoseconds: Double? { count == 0 ? nil : Double(sumNanoseconds) / Double(count) }

    /// Counts a duration. A negative one counts as zero.
    public mutating func record(_ duration: Duration) {
        record(nanoseconds: duration.wholeNanoseconds)
    }

    /// Counts a duration given in nanoseconds, `times` times.
    public mutating func record(nanoseconds: UInt64, times: UInt64 = 1) {
        guard times > 0 else { return }
        allocateBuckets()
        let index = Int(gyre_histogram_index(nanoseconds))
        buckets[index] = buckets[index].addingSaturating(times)
        count = count.addingSaturating(times)
        let product = nanoseconds.multipliedReportingOverflow(by: times)
        sumNanoseconds = sumNanoseconds.addingSaturating(product.overflow ? .max : product.partialValue)
        minimumOrMax = min(minimumOrMax, nanoseconds)
        maximumOrZero = max(maximumOrZero, nanoseconds)
    }

    /// Adds all values of `other`.
    public mutating func merge(_ other: LatencyHistogram) {
        guard other.count > 0 else { return }
        guard !buckets.isEmpty else {
            self = other
            return
        }
        for index in buckets.indices { buckets[index] = buckets[index].addingSaturating(other.buckets[index]) }
        count = count.addingSaturating(other.count)
        sumNanoseconds = sumNanoseconds.addingSaturating(other.sumNanoseconds)
        minimumOrMax = min(minimumOrMax, other.minimumOrMax)
        maximumOrZero = max(maximumOrZero, other.maximumOrZero)
    }

    /// The values that were recorded after this was `earlier`. The smallest and the largest are known within 0.79 %
    /// only.
    package func since(_ earlier: LatencyHistogram) -> LatencyHistogram {
        guard earlier.count > 0 else { return self }
        var window = earlier
        window.becomeDifference(from: self)
        return window.count == 0 ? LatencyHistogram() : window
    }

    /// What ``since(_:)`` of `later` gives for this, in the memory that this has.
    mutating func becomeDifference(from later: LatencyHistogram) {
        guard !later.buckets.isEmpty else {
            removeAll()
            return
        }
        allocateBuckets()
        let sum = later.sumNanoseconds - min(sumNanoseconds, later.sumNanoseconds)
        clearTotals()
        for index in later.buckets.indices {
            // A cell that is written while it is read may show a bucket before another that is older.
            let held = later.buckets[index] - min(buckets[index], later.buckets[index])
            buckets[index] = held
            guard held > 0 else { continue }
            count = count.addingSaturating(held)
            minimumOrMax = min(minimumOrMax, gyre_histogram_lowest(UInt32(index)))
            let highest = min(gyre_histogram_highest(UInt32(index)), later.maximumOrZero)
            maximumOrZero = max(maximumOrZero, highest)
        }
        sumNanoseconds = count == 0 ? 0 : sum
    }

    /// Takes all values out and keeps the memory for the next ones.
    mutating func removeAll() {
        for index in buckets.indices { buckets[index] = 0 }
        clearTotals()
    }

    /// The duration that `percentile` percent of the values do not exceed, within 0.79 %.
    ///
    /// 0 gives the smallest value and 100 the largest, both exactly.
    ///
    /// - Parameter percentile: From 0 to 100; what lies outside is taken as the nearer end.
    /// - Returns: `nil` when the histogram is empty or `percentile` is not a number.
    public func value(atPercentile percentile: Double) -> Duration? {
        nanoseconds(atPercentile: percentile).map { .nanoseconds($0) }
    }

    /// ``value(atPercentile:)`` in nanoseconds.
    public func nanoseconds(atPercentile percentile: Double) -> UInt64? {
        guard count > 0, !percentile.isNaN else { return nil }
        let fraction = min(max(percentile, 0), 100) / 100
        let exact = (fraction * Double(count)).rounded(.up)
        // Double has 53 bits: a count near 2^64 may round up to 2^64 itself.
        let rank = max(1, exact >= Double(count) ? count : UInt64(exact))
        if rank == 1 { return minimumOrMax }
        if rank == count { return maximumOrZero }
        var seen: UInt64 = 0
        for (index, held) in buckets.enumerated() where held > 0 {
            seen = seen.addingSaturating(held)
            if seen >= rank { return clamp(gyre_histogram_middle(UInt32(index))) }
        }
        return maximumOrZero
    }

    /// Runs `body` on each bucket that holds values, shortest first: the span of values it stands for, which of them
    /// it reports, and how many there are.
    package func forEachBucket(
        _ body: (_ span: ClosedRange<UInt64>, _ reported: UInt64, _ count: UInt64) -> Void
    ) {
        for (index, held) in buckets.enumerated() where held > 0 {
            let index = UInt32(index)
            body(
                gyre_histogram_lowest(index)...gyre_histogram_highest(index), clamp(gyre_histogram_middle(index)), held)
        }
    }

    /// Merges what a C histogram holds at the moment.
    mutating func merge(reading histogram: OpaquePointer) {
        var totals = gyre_histogram_totals(
            count: count, sum: sumNanoseconds, minimum: minimumOrMax, maximum: maximumOrZero)
        let wasEmpty = buckets.isEmpty
        allocateBuckets()
        buckets.withUnsafeMutableBufferPointer { words in
            gyre_histogram_read_into(histogram, words.baseAddress, &totals)
        }
        if totals.count == 0, wasEmpty { buckets = [] }
        count = totals.count
        sumNanoseconds = totals.sum
        minimumOrMax = totals.minimum
        maximumOrZero = totals.maximum
    }

    private mutating func clearTotals() {
        (count, sumNanoseconds) = (0, 0)
        (minimumOrMax, maximumOrZero) = (.max, 0)
    }

    private mutating func allocateBuckets() {
        if buckets.isEmpty { buckets = Array(repeating: 0, count: Int(GYRE_HISTOGRAM_BUCKETS)) }
    }

    /// No value is below the smallest or above the largest, so nothing that is reported is either.
    private func clamp(_ nanoseconds: UInt64) -> UInt64 {
        min(max(nanoseconds, minimumOrMax), maximumOrZero)
    }
}
