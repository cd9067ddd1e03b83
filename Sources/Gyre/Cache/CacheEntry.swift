import GyreCore
import GyrePolicy

/// What a cache knows of one key. Never changes once it is in the table: whoever learns more puts another in its place.
///
/// `@unchecked Sendable`: read by anybody, but for `node` and `place`, which are the cache's under its lock.
final class CacheEntry<Key: Hashable & Sendable, Value: Sendable>: TableObject, @unchecked Sendable {
    struct Kept: Sendable {
        let value: Value
        let weight: Int
        /// The ends of its ages: until when it is fresh, served, and what an error is answered with.
        let fresh, served, onError: MonotonicInstant
    }

    struct Refusal: Sendable {
        let error: any Error
        let until: MonotonicInstant
    }

    let key: Key
    let hash: UInt64
    let kept: Kept?
    let refusal: Refusal?
    let flight: Flight<Value>?

    var node: RCUTable.Node?
    var place: SieveLine<CacheEntry>.Place?

    init(key: Key, hash: UInt64, kept: Kept?, refusal: Refusal? = nil, flight: Flight<Value>? = nil) {
        self.key = key
        self.hash = hash
        self.kept = kept
        self.refusal = refusal
        self.flight = flight
    }

    override func hasKey(_ key: UnsafeRawPointer) -> Bool { key.assumingMemoryBound(to: Key.self).pointee == self.key }

    /// What it counts in the cache's bounds: an error as little as a value can.
    var weight: Int { kept?.weight ?? (refusal == nil ? 0 : 1) }

    /// Whether it holds something, of which the cache lets go in turn.
    var isHolding: Bool { kept != nil || refusal != nil }

    /// What a caller gets at `now`.
    func answer(at now: MonotonicInstant) -> CacheAnswer<Value> {
        if let kept, now < kept.served { return now < kept.fresh ? .fresh(kept.value) : .stale(kept.value) }
        if let refusal, now < refusal.until {
            if let kept, now < kept.onError { return .onError(kept.value) }
            return .refused(refusal.error)
        }
        return flight.map { .loading($0) } ?? .nothing
    }

    /// What is left of it at `now` for answering errors with.
    func remains(at now: MonotonicInstant) -> Kept? {
        guard let kept, now < kept.onError else { return nil }
        return kept
    }

    /// Whether nothing that it holds will be served any more.
    func isSpent(at now: MonotonicInstant) -> Bool {
        (kept.map { now >= $0.onError } ?? true) && (refusal.map { now >= $0.until } ?? true)
    }
}

enum CacheAnswer<Value: Sendable>: Sendable {
    case fresh(Value)
    /// Served, and to be refreshed behind the caller.
    case stale(Value)
    /// Too old to be served, but that the last load failed.
    case onError(Value)
    case refused(any Error)
    case loading(Flight<Value>)
    case nothing
}
