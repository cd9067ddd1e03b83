internal import CGyre

/// A sum that any number of threads add to without fighting over one cache line.
///
/// Each addition goes to the line of the CPU that the caller runs on; reading adds the lines up. It is a statistic,
/// not a synchronisation: an addition publishes nothing else.
public final class StripedCounter: Sendable {
    // The C structure holds only atomics and a mask that is never written again.
    private nonisolated(unsafe) let counter: OpaquePointer

    /// A counter at zero.
    ///
    /// - Parameter stripes: How many cache lines to spread over, rounded up to a power of two, at most 4,096.
    ///   `nil` takes one for each CPU of the host.
    public init(stripes: Int? = nil) {
        precondition(stripes.map { $0 > 0 } ?? true, "a counter needs a stripe")
        guard let counter = gyre_striped_create(UInt32(clamping: stripes ?? 0)) else {
            fatalError("no memory for a counter")
        }
        self.counter = counter
    }

    deinit {
        gyre_striped_destroy(counter)
    }

    /// Adds `amount`, modulo 2^64.
    ///
    /// - Complexity: O(1), wait-free, no allocation.
    public func add(_ amount: UInt64 = 1) {
        gyre_striped_add(counter, amount)
    }

    /// The sum of all additions that happened before, and perhaps of some that happen meanwhile, modulo 2^64.
    ///
    /// - Complexity: O(stripes), wait-free.
    public var value: UInt64 {
        gyre_striped_read(counter)
    }

    /// How many lines the counter is spread over.
    public var stripes: Int {
        Int(gyre_striped_stripes(counter))
    }
}
