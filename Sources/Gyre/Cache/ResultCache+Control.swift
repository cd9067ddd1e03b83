import GyreCore

extension ResultCache {
    /// Forgets `key`. A load that runs for it goes on for its callers, and its result is not kept.
    ///
    /// - Returns: Whether something was there.
    @discardableResult
    public func remove(_ key: Key) -> Bool {
        let hash = Self.hash(key)
        return stock.withLock { stock in
            guard let entry = current(key, hash) else { return false }
            drop(entry, &stock)
            return true
        }
    }

    /// Takes no further load on, forgets everything, and waits until all of it has been released.
    ///
    /// Callers that wait for a load get what it brings. Hits end at once: later calls throw ``GyreError`` with the code
    /// `closed`.
    ///
    /// - Complexity: O(entries), and some milliseconds.
    public func close() async {
        stock.withLock { stock in
            stock.isClosed = true
            while let entry = anyEntry() { drop(entry, &stock) }
        }
        await RCUTable.settled()
    }

    private func anyEntry() -> Entry? {
        table.any().map { $0.object(as: Entry.self).takeUnretainedValue() }
    }

    /// What the cache did since it was made and holds now. The counts are of different moments while others use it.
    public func snapshot() -> CacheSnapshot {
        let (entries, weight, loads) = stock.withLock { ($0.line.count, $0.weight, $0.flights) }
        return CacheSnapshot(
            hits: counts.hits.value, misses: counts.misses.value, stale: counts.stale.value,
            negative: counts.negative.value, refreshes: counts.refreshes.value, evicted: counts.evicted.value,
            tooHeavy: counts.tooHeavy.value, entries: entries, weight: weight, loading: loads)
    }
}

/// What a ``ResultCache`` did and holds.
public struct CacheSnapshot: Sendable, Equatable {
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
}

struct CacheCounters: Sendable {
    let hits = StripedCounter()
    let misses = StripedCounter()
    let stale = StripedCounter()
    let negative = StripedCounter()
    let refreshes = StripedCounter()
    let evicted = StripedCounter()
    let tooHeavy = StripedCounter()
}
