// What stands on a runtime and is measured by itself, as its snapshot has it.

/// What the threads for blocking bodies do now.
public struct BlockingSnapshot: Sendable, Hashable {
    /// Threads that were started and have not ended.
    public let threads: Int
    /// Bodies that run.
    public let running: Int
    /// Bodies that wait for a thread.
    public let waiting: Int
    /// Bodies that were turned away since the runtime started, because as many waited as may.
    public let refused: UInt64

    package init(threads: Int, running: Int, waiting: Int, refused: UInt64) {
        self.threads = threads
        self.running = running
        self.waiting = waiting
        self.refused = refused
    }

    /// Nothing has blocked yet.
    package static let none = BlockingSnapshot(threads: 0, running: 0, waiting: 0, refused: 0)
}

/// What a cache of results did since it was made, and holds.
public struct CacheSnapshot: Sendable, Hashable {
    /// What it is a cache of: `cache of Page by String`.
    public let title: String
    /// Calls that were served a fresh value.
    public let hits: UInt64
    /// Calls that waited for a load, their own or another's.
    public let misses: UInt64
    /// Calls that were served an old value: while it is refreshed, or because the load failed.
    public let stale: UInt64
    /// Calls that were thrown a kept error.
    public let negative: UInt64
    /// Refreshes that were started.
    public let refreshes: UInt64
    /// Values and errors that went to make room.
    public let evicted: UInt64
    /// Values that were not kept because they weigh more than everything may.
    public let tooHeavy: UInt64
    /// Values and errors that are kept.
    public let entries: Int
    public let weight: Int
    /// Loads and refreshes that run.
    public let loading: Int

    package init(
        title: String, hits: UInt64, misses: UInt64, stale: UInt64, negative: UInt64, refreshes: UInt64,
        evicted: UInt64, tooHeavy: UInt64, entries: Int, weight: Int, loading: Int
    ) {
        self.title = title
        self.hits = hits
        self.misses = misses
        self.stale = stale
        self.negative = negative
        self.refreshes = refreshes
        self.evicted = evicted
        self.tooHeavy = tooHeavy
        self.entries = entries
        self.weight = weight
        self.loading = loading
    }
}
