import GyreCore
import GyrePolicy

/// Misses and refreshes: everything that changes a cache, one at a time.
extension ResultCache {
    /// Joins the load of `key`, or starts it.
    nonisolated(nonsending) func miss(
        _ key: Key, _ hash: UInt64, _ load: nonisolated(nonsending) @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let found: Found = stock.withLock { stock in
            if stock.isClosed { return .answer(.failure(GyreError(code: .closed))) }
            let now = runtime.clock.now
            let entry = current(key, hash)
            switch entry?.answer(at: now) ?? .nothing {
            // Another call was faster.
            case .fresh(let value), .stale(let value), .onError(let value): return .answer(.success(value))
            case .refused(let error): return .answer(.failure(error))
            case .loading(let flight):
                if let seat = flight.join() { return .flight(flight, seat, isNew: false) }
            case .nothing: break
            }
            let flight = Flight<Value>(isKept: false)
            guard let seat = flight.join() else { preconditionFailure("a new flight has room") }
            let kept = entry?.remains(at: now)
            put(Entry(key: key, hash: hash, kept: kept, flight: flight), over: entry, &stock)
            stock.flights += 1
            return .flight(flight, seat, isNew: true)
        }
        switch found {
        case .answer(let result): return try result.get()
        case .flight(let flight, let seat, let isNew):
            if isNew { start(flight, key, hash, load) }
            return try await flight.wait(in: seat)
        }
    }

    private enum Found {
        case answer(Result<Value, any Error>)
        case flight(Flight<Value>, UInt64, isNew: Bool)
    }

    /// Loads anew behind the callers. The caller has claimed the window.
    func refresh(
        _ key: Key, _ hash: UInt64, _ now: MonotonicInstant,
        _ load: nonisolated(nonsending) @escaping @Sendable () async throws -> Value
    ) {
        let flight: Flight<Value>? = stock.withLock { stock in
            guard !stock.isClosed, let entry = current(key, hash), entry.flight == nil, let kept = entry.kept,
                kept.fresh <= now
            else { return nil }  // it was refreshed, or removed, or is being loaded
            let flight = Flight<Value>(isKept: true)
            put(Entry(key: key, hash: hash, kept: kept, flight: flight), over: entry, &stock)
            stock.flights += 1
            return flight
        }
        guard let flight else { return }
        counts.refreshes.add()
        start(flight, key, hash, load)
    }

    private func start(
        _ flight: Flight<Value>, _ key: Key, _ hash: UInt64,
        _ load: nonisolated(nonsending) @escaping @Sendable () async throws -> Value
    ) {
        runtime.fly(flight, load) { result in self.landed(flight, key, hash, result) }
    }

    /// Keeps what a load brought, and says what its callers get.
    private func landed(
        _ flight: Flight<Value>, _ key: Key, _ hash: UInt64, _ result: Result<Value, any Error>
    ) -> Result<Value, any Error> {
        stock.withLock { stock in
            stock.flights -= 1
            // Removed meanwhile, or started anew after everybody had left: not what is wanted any more.
            guard let entry = current(key, hash), entry.flight === flight else { return result }
            let now = runtime.clock.now
            switch result {
            case .success(let value): keep(value, entry, now, &stock)
            case .failure(let error):
                let old = entry.remains(at: now)
                let refusal = refusal(error, now)
                // The next refresh is tried a window later, and not by the next caller.
                let due = policy.refreshDue(claimedAt: now)
                put(Entry(key: key, hash: hash, kept: old, refusal: refusal), over: entry, due: due, &stock)
                trim(now, &stock)
                if let old, !(error is CancellationError) { return .success(old.value) }
            }
            return result
        }
    }

    private func keep(_ value: Value, _ entry: Entry, _ now: MonotonicInstant, _ stock: inout CacheStock<Key, Value>) {
        let weight = max(1, weigh(entry.key, value))
        guard weight <= policy.weightMax.value else {
            counts.tooHeavy.add()
            return drop(entry, &stock)
        }
        let ends = policy.ends(storedAt: now)
        let kept = Entry.Kept(
            value: value, weight: weight, fresh: policy.refreshDue(storedAt: now), served: ends.served,
            onError: ends.onError)
        put(Entry(key: entry.key, hash: entry.hash, kept: kept), over: entry, due: kept.fresh, &stock)
        trim(now, &stock)
    }

    /// The error as it is kept; `nil` for one that says nothing of the key: of a cancel, or of the engine.
    private func refusal(_ error: any Error, _ now: MonotonicInstant) -> Entry.Refusal? {
        guard policy.negativeTTL.value > .zero, !(error is CancellationError), !(error is GyreError) else { return nil }
        return Entry.Refusal(error: error, until: now + policy.negativeTTL.value)
    }

    // MARK: - Under the lock

    func current(_ key: Key, _ hash: UInt64) -> Entry? { read(key, hash) { entry, _ in entry } }

    /// Puts `entry` in the table and, if it holds something, in line: in the place of the one before. While a load runs
    /// no refresh is due.
    private func put(
        _ entry: Entry, over old: Entry?, due: MonotonicInstant = .distantFuture,
        _ stock: inout CacheStock<Key, Value>
    ) {
        guard entry.isHolding || entry.flight != nil else {
            if let old { drop(old, &stock) }
            return
        }
        stock.weight += entry.weight - (old?.weight ?? 0)
        if let place = old?.place {
            if entry.isHolding { stock.line.replace(place, with: entry) } else { stock.line.remove(place) }
            entry.place = entry.isHolding ? place : nil
        } else if entry.isHolding {
            entry.place = stock.line.append(entry)
        }
        let isUsed = old?.node?.sweep() ?? false
        entry.node = withUnsafePointer(to: entry.key) { key in
            table.put(entry, hash: entry.hash, key: key, due: due, isVisited: isUsed)
        }
    }

    /// Takes `entry` out. A load that runs for it goes on for its callers.
    func drop(_ entry: Entry, _ stock: inout CacheStock<Key, Value>) {
        guard let node = entry.node else { preconditionFailure("an entry of the table has a node") }
        if let place = entry.place { stock.line.remove(place) }
        stock.weight -= entry.weight
        table.remove(node)
    }

    /// Lets go of what is over the bounds.
    private func trim(_ now: MonotonicInstant, _ stock: inout CacheStock<Key, Value>) {
        while stock.weight > policy.weightMax.value || stock.line.count > policy.entriesMax.value {
            let victim = stock.line.evict { entry in
                let isUsed = entry.node?.sweep() ?? false
                return isUsed && !entry.isSpent(at: now)
            }
            guard let victim else { return }
            victim.place = nil
            counts.evicted.add()
            if let flight = victim.flight {  // it is being loaded: callers go on to find that
                put(Entry(key: victim.key, hash: victim.hash, kept: nil, flight: flight), over: victim, &stock)
            } else {
                drop(victim, &stock)
            }
        }
    }
}
