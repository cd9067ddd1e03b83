public import GyreCore

/// A circuit breaker for each key, of which there are at most so many.
///
/// Keys come from outside (hosts, models, tenants), so their number is bounded: for a new key the breaker goes that
/// was unused for longest, if nothing is lost with it. That is a closed one that nobody used for a whole window, and
/// so has nothing counted. An open or half-open breaker is never forgotten, or a failing service would be well again
/// as soon as there are enough keys.
///
/// - Concurrency: A value: whoever shares one holds a lock.
public struct KeyedBreakers<Key: Hashable & Sendable>: Sendable {
    public let breaker: CircuitBreaker
    public let keysMax: Int

    private struct Entry {
        var key: Key
        var state: BreakerState
        var window = BreakerWindow()
        var lastUse: MonotonicInstant
        /// Neighbours in the order of use.
        var older: Int?
        var newer: Int?
    }

    private var entries: [Entry] = []
    private var places: [Key: Int] = [:]
    private var oldest: Int?
    private var newest: Int?
    /// A breaker begins with a generation of its own, so that a call that outlived its breaker does not report to the
    /// next one of the same key.
    private var generation: UInt64 = 0

    /// How many of the longest unused a new key looks at.
    private static var looksMax: Int { 16 }

    /// - Parameter keysMax: 1 to 1,000,000.
    /// - Throws: `ConfigurationError` for a value out of its range.
    public init(_ breaker: CircuitBreaker, keysMax: Int) throws(ConfigurationError) {
        self.breaker = breaker
        self.keysMax = try Setting(keysMax, from: .user).checked("keysMax", in: 1...1_000_000).value
    }

    /// How many keys have a breaker.
    public var count: Int { entries.count }

    /// Where the breaker of `key` stands; `nil` when it has none.
    public func mode(of key: Key, at now: MonotonicInstant) -> BreakerMode? {
        places[key].map { breaker.mode(of: entries[$0].state, at: now) }
    }

    /// ``CircuitBreaker/admitting(_:at:deadline:draw:)`` for one key.
    ///
    /// - Returns: `nil` when the key has no breaker and there is no room for one: all are in use. The caller decides
    ///   with what it has for all keys together.
    /// - Complexity: O(1), amortised.
    public mutating func admit(
        _ key: Key, at now: MonotonicInstant, deadline: MonotonicInstant = .distantFuture, draw: UInt64
    ) -> BreakerVerdict? {
        guard let place = place(of: key, at: now) else { return nil }
        touch(place, at: now)
        let (state, verdict) = breaker.admitting(entries[place].state, at: now, deadline: deadline, draw: draw)
        entries[place].state = state
        return verdict
    }

    /// Takes a call's result and its lease back. Without effect when the key's breaker has been given up meanwhile.
    public mutating func end(
        _ key: Key, _ lease: BreakerLease, with sample: BreakerSample, at now: MonotonicInstant, draw: UInt64
    ) {
        guard let place = places[key] else { return }
        touch(place, at: now)
        let state = entries[place].state
        if breaker.counts(lease, in: state) {
            entries[place].window.count(
                sample, at: now, nanosecondsPerSlot: breaker.nanosecondsPerSlot, generation: state.generation)
        }
        let window = entries[place].window
        entries[place].state = breaker.ending(lease, with: sample, in: state, at: now, draw: draw) {
            window.sums(at: now, nanosecondsPerSlot: breaker.nanosecondsPerSlot, generation: state.generation)
        }
    }

    /// Does an operator's word for one key. False when the key has no breaker and there is no room for one.
    public mutating func obey(_ order: CircuitBreaker.Order, for key: Key, at now: MonotonicInstant) -> Bool {
        guard let place = place(of: key, at: now) else { return false }
        touch(place, at: now)
        entries[place].state = breaker.obeying(order, in: entries[place].state)
        return true
    }

    // MARK: - Places

    private mutating func place(of key: Key, at now: MonotonicInstant) -> Int? {
        if let place = places[key] { return place }
        let state = BreakerState(generation: generation)
        let entry = Entry(key: key, state: state, lastUse: now)
        let place: Int
        if entries.count < keysMax {
            place = entries.count
            entries.append(entry)
        } else {
            guard let free = freed(at: now) else { return nil }
            place = free
            entries[place] = entry
        }
        generation &+= 1
        places[key] = place
        append(place)
        return place
    }

    /// The place of a breaker that was given up; `nil` when none may be.
    private mutating func freed(at now: MonotonicInstant) -> Int? {
        for _ in 0..<min(Self.looksMax, entries.count) {
            guard let place = oldest else { return nil }
            let entry = entries[place]
            remove(place)
            if isDispensable(entry, at: now) {
                places[entry.key] = nil
                return place
            }
            // To the other end, or the same ones would be looked at for each key to come.
            append(place)
        }
        return nil
    }

    private func isDispensable(_ entry: Entry, at now: MonotonicInstant) -> Bool {
        entry.state.mode == .closed && entry.lastUse + breaker.window.value <= now
    }

    private mutating func touch(_ place: Int, at now: MonotonicInstant) {
        entries[place].lastUse = max(entries[place].lastUse, now)
        guard newest != place else { return }
        remove(place)
        append(place)
    }

    private mutating func remove(_ place: Int) {
        let (older, newer) = (entries[place].older, entries[place].newer)
        if let older { entries[older].newer = newer } else { oldest = newer }
        if let newer { entries[newer].older = older } else { newest = older }
        (entries[place].older, entries[place].newer) = (nil, nil)
    }

    private mutating func append(_ place: Int) {
        entries[place].older = newest
        if let newest { entries[newest].newer = place } else { oldest = place }
        newest = place
    }
}
