internal import CGyre

/// A latency histogram that one thread records into while others read it.
///
/// Recording is wait-free and takes about a nanosecond; reading never disturbs it.
package final class HistogramCell: Sendable {
    // The C structure holds only atomics; its one writer is the precondition of `record`.
    private nonisolated(unsafe) let histogram: OpaquePointer

    package init() {
        guard let histogram = gyre_histogram_create() else {
            fatalError("no memory for a histogram of 19 KB")
        }
        self.histogram = histogram
    }

    deinit {
        gyre_histogram_destroy(histogram)
    }

    /// Counts one value. Only one thread may call this for one cell, or several in turn with a handover between them.
    package func record(nanoseconds: UInt64) {
        gyre_histogram_add(histogram, nanoseconds)
    }

    /// Counts one value, from any thread. A cell is used with `record` or with `recordShared`, never with both.
    package func recordShared(nanoseconds: UInt64) {
        gyre_histogram_add_shared(histogram, nanoseconds)
    }

    /// Adds the values that are in this cell to `target`.
    package func read(into target: inout LatencyHistogram) {
        target.merge(reading: histogram)
    }

    /// The values that are in this cell.
    package func read() -> LatencyHistogram {
        var values = LatencyHistogram()
        read(into: &values)
        return values
    }
}
