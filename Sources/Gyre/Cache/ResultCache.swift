import GyreCore
public import GyrePolicy

/// Results that are kept for whoever asks next, and loaded once however many ask at the same time.
///
/// ```swift
/// let pages = try ResultCache<String, Page>(on: gyre, CachePolicy(weightMax: 10_000))
/// let page = try await pages.value(for: path) { try await fetch(path) }
/// ```
///
/// A hit takes no lock and allocates nothing: a read of a hash table under RCU, and one bit the first time since the
/// cache looked. Everything else is the exception and takes a short lock.
///
/// - Loads are *single-flight*: callers that miss the same key wait for one load. A caller that is cancelled leaves;
///   the load is cancelled when the last has left.
/// - How long values are served, refreshed and fallen back to says ``GyrePolicy/CachePolicy``. One refresh runs per
///   window, as a task of the runtime, while callers go on with the old value.
/// - When the cache is full, what was not used lately goes first (SIEVE).
///
/// What was evicted is released by a thread of liburcu some milliseconds later, and is not counted in the bound until
/// then. `==` and `hash(into:)` of keys run inside a read and must not wait.
public final class ResultCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    typealias Entry = CacheEntry<Key, Value>

    public let policy: CachePolicy
    let runtime: Runtime
    let weigh: @Sendable (Key, Value) -> Int
    let table = RCUTable()
    /// Shared with what the runtime knows of the cache, as the counts are.
    let stock = SharedLock(CacheStock<Key, Value>())
    let counts = CacheCounters()
    private let label: PartLabel

    /// - Parameters:
    ///   - runtime: Where loads and refreshes run. Its clock is the cache's.
    ///   - weight: What a value counts in ``GyrePolicy/CachePolicy/weightMax``; at least 1, which is also the default.
    ///     A value heavier than all of it is handed out and not kept.
    public init(
        on runtime: Runtime, _ policy: CachePolicy, weight: @escaping @Sendable (Key, Value) -> Int = { _, _ in 1 }
    ) {
        self.runtime = runtime
        self.policy = policy
        weigh = weight
        label = PartLabel(measure: { [stock, counts] in Self.snapshot(stock, counts) }) {
            PartDescription(Self.title, policy.settings)
        }
        runtime.parts.add(label)
    }

    /// The value of `key`: the one that is kept, or what `load` returns.
    ///
    /// - Parameter load: Runs as a task of the runtime; task-locals of the caller are not inherited. Of callers that
    ///   come together one's is run.
    /// - Throws: What `load` throws, also when another caller's was run, unchanged; the error that is kept for
    ///   ``GyrePolicy/CachePolicy/negativeTTL``; `CancellationError` when the caller is cancelled while it waits;
    ///   ``GyreError`` with the code `full` or `closed` when the runtime took no load on.
    /// - Complexity: O(1). A hit allocates nothing.
    /// - Concurrency: From anywhere. A hit is lock-free and does not suspend.
    public nonisolated(nonsending) func value(
        for key: Key, _ load: nonisolated(nonsending) @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let hash = Self.hash(key)
        let now = runtime.clock.now
        let (answer, refreshes) = look(key, hash, now)
        switch answer {
        case .fresh(let value):
            counts.hits.add()
            return value
        case .stale(let value):
            counts.stale.add()
            if refreshes { refresh(key, hash, now, load) }
            return value
        case .onError(let value):
            counts.stale.add()
            return value
        case .refused(let error):
            counts.negative.add()
            throw error
        case .loading, .nothing:
            counts.misses.add()
            return try await miss(key, hash, load)
        }
    }

    /// The value of `key` if one is kept and served: no load, no wait, and no refresh either.
    ///
    /// - Complexity: O(1). No allocation.
    /// - Concurrency: Lock-free, from anywhere.
    public func kept(for key: Key) -> Value? {
        let now = runtime.clock.now
        return read(key, Self.hash(key)) { entry, node in
            guard let kept = entry.kept, now < kept.served else { return nil }
            node.touch()
            return kept.value
        }
    }

    /// One read of the table. The second part is true of the one caller in a window who is to refresh.
    private func look(_ key: Key, _ hash: UInt64, _ now: MonotonicInstant) -> (CacheAnswer<Value>, Bool) {
        read(key, hash) { entry, node in
            let answer = entry.answer(at: now)
            switch answer {
            case .stale:
                node.touch()
                return (answer, node.claim(now, next: policy.refreshDue(claimedAt: now)))
            case .fresh, .onError, .refused: node.touch()
            case .loading, .nothing: break
            }
            return (answer, false)
        } ?? (.nothing, false)
    }

    /// Calls `use` with the entry of `key`, if there is one.
    @inline(__always)
    func read<Result>(_ key: Key, _ hash: UInt64, _ use: (Entry, RCUTable.Node) -> Result?) -> Result? {
        withUnsafePointer(to: key) { key in
            table.read(hash: hash, key: UnsafeRawPointer(key)) { node in
                guard let node else { return nil }
                return node.object(as: Entry.self)._withUnsafeGuaranteedRef { use($0, node) }
            }
        }
    }

    static func hash(_ key: Key) -> UInt64 {
        // The table takes the low bits, and `hashValue` is mixed already.
        UInt64(bitPattern: Int64(key.hashValue))
    }
}

/// What changes under the lock of a cache.
struct CacheStock<Key: Hashable & Sendable, Value: Sendable> {
    /// What is held, in the order in which it goes.
    var line = SieveLine<CacheEntry<Key, Value>>()
    var weight = 0
    var flights = 0
    var isClosed = false
}
