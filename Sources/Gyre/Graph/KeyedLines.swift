import GyreCore
public import Synchronization

/// The lines of an ordered node: one for each key that was ever seen by one plan.
@usableFromInline
protocol KeyedLines: AnyObject, Sendable {
    /// The line of the key of the input at `base`, with a place in it reserved.
    func reserve(_ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>) throws(LineRefusal) -> KeyedLineBase
}

/// Why a run got no place in a line.
@usableFromInline
enum LineRefusal: Error {
    /// As many runs wait for their turn in this line as may; waiting helps.
    case lineFull(KeyedLineBase)
    /// The key is new and one too many. Keys are kept as long as the plan, so waiting does not help.
    case outOfKeys
}

/// The line of one key: who is next, and how many wait.
@usableFromInline
class KeyedLineBase: @unchecked Sendable {
    let order = OrderLine()

    private let limit: Int
    private let waiting = Atomic<Int>(0)

    /// - Parameter limit: How many runs may wait.
    @usableFromInline
    init(limit: Int) { self.limit = limit }

    var hasPlace: Bool { waiting.load(ordering: .relaxed) < limit }

    /// False when as many runs wait already as may.
    @usableFromInline
    func takePlace() -> Bool {
        // Never beyond the limit, not for a moment: the step down from it is what others wait for.
        var seen = waiting.load(ordering: .relaxed)
        while seen < limit {
            let (isTaken, now) = waiting.compareExchange(expected: seen, desired: seen + 1, ordering: .relaxed)
            if isTaken { return true }
            seen = now
        }
        return false
    }

    /// Returns whether the line was full, so that somebody may wait for the place.
    func giveBackPlace() -> Bool { waiting.subtract(1, ordering: .relaxed).oldValue == limit }
}

/// A key's line with its state.
///
/// `@unchecked Sendable`: `state` belongs to the run whose turn it is; the edges are those of gyre_order.h.
@usableFromInline
final class KeyedLine<State>: KeyedLineBase, @unchecked Sendable {
    @usableFromInline var state: State

    @inlinable
    init(state: State, limit: Int) {
        self.state = state
        super.init(limit: limit)
    }
}

/// All keys of one ordered node in one plan. Looking a key up takes a short lock of one of 16 shards.
@usableFromInline
final class KeyedLinesTable<Input: Sendable, Key: Hashable & Sendable, State: Sendable>: KeyedLines {
    @usableFromInline let key: @Sendable (Input) -> Key
    @usableFromInline let initial: State
    @usableFromInline let limit: Int
    @usableFromInline let keys: Int
    /// Keys that were seen, of all shards.
    @usableFromInline let seen = Atomic<Int>(0)
    @usableFromInline let shards: [KeyShard<Key, State>]

    @inlinable
    init(key: @escaping @Sendable (Input) -> Key, initial: State, limit: Int, keys: Int) {
        self.key = key
        self.initial = initial
        self.limit = limit
        shards = (0..<16).map { _ in KeyShard() }
        self.keys = keys
    }

    @inlinable
    func reserve(_ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>) throws(LineRefusal) -> KeyedLineBase
    {
        let key = key((base + Int(offsets[0])).assumingMemoryBound(to: Input.self).pointee)
        let shard = shards[Int(truncatingIfNeeded: UInt(bitPattern: key.hashValue) & 15)]
        let found: KeyedLine<State>? = shard.withLines { lines in
            if let line = lines[key] { return line }
            guard seen.add(1, ordering: .relaxed).newValue <= keys else {
                seen.subtract(1, ordering: .relaxed)
                return nil
            }
            let line = KeyedLine(state: initial, limit: limit)
            lines[key] = line
            return line
        }
        guard let line = found else { throw .outOfKeys }
        guard line.takePlace() else { throw .lineFull(line) }
        return line
    }
}

/// One of the locks of a table, with the keys under it.
@usableFromInline
final class KeyShard<Key: Hashable & Sendable, State: Sendable>: Sendable {
    /// A plain mutex: a lock of the core cannot be part of code that is compiled elsewhere.
    @usableFromInline let lines = Mutex<[Key: KeyedLine<State>]>([:])

    @inlinable
    init() {}

    @inlinable
    func withLines<Value>(_ body: (inout [Key: KeyedLine<State>]) -> Value) -> Value {
        lines.withLock { lines in
            acquired()
            defer { releases() }
            return body(&lines)
        }
    }

    // What the core's locks tell ThreadSanitizer. A shard has one lock, so its own address names that.

    @usableFromInline
    func acquired() { LockEdges.acquired(Unmanaged.passUnretained(self).toOpaque()) }

    @usableFromInline
    func releases() { LockEdges.releases(Unmanaged.passUnretained(self).toOpaque()) }
}
