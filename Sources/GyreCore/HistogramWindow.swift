/// What was recorded in a cell from one look at it to the next, in memory that each look uses again: who looks once a
/// second for as long as a process runs must not make it grow.
package struct HistogramWindow: Sendable {
    /// What came between the last two looks; with the first, all that was there.
    package private(set) var values = LatencyHistogram()
    /// All that was there at the last look.
    private var seen = LatencyHistogram()

    package init() {}

    /// Looks again.
    ///
    /// - Complexity: O(buckets); allocates for the first look that finds something.
    mutating func advance(over cell: HistogramCell) {
        values.removeAll()
        cell.read(into: &values)
        seen.becomeDifference(from: values)
        swap(&values, &seen)
    }
}
