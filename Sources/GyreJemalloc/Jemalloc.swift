internal import CGyreJemalloc

/// jemalloc as the allocator of the process.
///
/// Linking the product `GyreJemalloc` is all that is needed: every `malloc` of the process, Swift's included, is then
/// jemalloc's. Tasks are allocated on one thread and released on another, which jemalloc does about three times
/// faster than the C library. A library leaves the choice to the program that uses it.
///
/// Pages that nobody uses go back to the system within a minute, ``unusedPagesKept``, not within ten seconds as is
/// jemalloc's own default: it is the thread that frees which gives them back, and tasks wait for it meanwhile. The
/// price is memory that the process holds for longer after a peak. The environment decides otherwise with
/// `MALLOC_CONF=dirty_decay_ms:10000`, a program with a `malloc_conf` of its own.
public enum Jemalloc {
    /// Whether jemalloc really serves `malloc`, by the word of the dynamic linker: linking alone does not prove it,
    /// as a sanitizer's allocator comes first.
    public static var isLive: Bool {
        gyre_jemalloc_serves_malloc()
    }

    /// What jemalloc calls itself, such as `5.3.0-0-g54eaed1d8b56b1aa528be3bdd1877e59c56fa90c`.
    public static var version: String? {
        gyre_jemalloc_version().map { String(cString: $0) }
    }

    /// How long pages that nobody uses are kept for new allocations, before the last of them goes back to the system.
    /// `nil` when that is for ever, or jemalloc does not say.
    public static var unusedPagesKept: Duration? {
        var milliseconds: Int64 = 0
        guard gyre_jemalloc_read_decay(&milliseconds), milliseconds >= 0 else { return nil }
        return .milliseconds(milliseconds)
    }

    /// What jemalloc holds at this moment. `nil` when it was built without statistics.
    ///
    /// While ``isLive`` is false these figures are about memory that the process does not use.
    public static func statistics() -> Statistics? {
        var found = gyre_jemalloc_statistics()
        guard gyre_jemalloc_read(&found) else { return nil }
        return Statistics(allocatedBytes: found.allocated, activeBytes: found.active, residentBytes: found.resident)
    }

    /// Bytes as jemalloc counts them.
    public struct Statistics: Sendable, Equatable {
        /// Handed out to the program.
        public let allocatedBytes: Int
        /// In pages that hold at least one allocation. At least ``allocatedBytes``.
        public let activeBytes: Int
        /// In physical memory, with jemalloc's own data and pages that it keeps for later.
        public let residentBytes: Int
    }
}
