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
    public func snapshot() -> CacheSnapshot { Self.snapshot(stock, counts) }

    /// The same for the runtime, which has no cache but what is in it.
    static func snapshot(_ stock: SharedLock<CacheStock<Key, Value>>, _ counts: CacheCounters) -> CacheSnapshot {
        let (entries, weight, loads) = stock.withLock { ($0.line.count, $0.weight, $0.flights) }
        return CacheSnapshot(
            title: title, hits: counts.hits.value, misses: counts.misses.value, stale: counts.stale.value,
            negative: counts.negative.value, refreshes: counts.refreshes.value, evicted: counts.evicted.value,
            tooHeavy: counts.tooHeavy.value, entries: entries, weight: weight, loading: loads)
    }

    static var title: String { "cache of \(Value.self) by \(Key.self)" }
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
