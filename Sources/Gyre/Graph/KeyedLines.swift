import GyreCore
import Synchronization

/// The lines of an ordered node: one for each key that was ever seen by one plan.
protocol KeyedLines: AnyObject, Sendable {
    /// The line of the key of the input at `base`, with a place in it reserved.
    func reserve(_ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>) throws(SubmitError) -> KeyedLineBase
}

/// The line of one key: who is next, and how many wait.
class KeyedLineBase: @unchecked Sendable {
    let order = OrderLine()
    let waiting = Atomic<Int>(0)

    func giveBackPlace() { waiting.subtract(1, ordering: .relaxed) }
}

/// A key's line with its state.
///
/// `@unchecked Sendable`: `state` belongs to the run whose turn it is; the edges are those of gyre_order.h.
final class KeyedLine<State>: KeyedLineBase, @unchecked Sendable {
    var state: State
    init(state: State) { self.state = state }
}

/// All keys of one ordered node in one plan. Looking a key up takes a short lock of one of 16 shards.
final class KeyedLinesTable<Input: Sendable, Key: Hashable & Sendable, State: Sendable>: KeyedLines {
    private let key: @Sendable (Input) -> Key
    private let initial: State
    private let limit: Int
    private let keysPerShard: Int
    private let shards: [Shard]

    private final class Shard: Sendable {
        let lines = Mutex<[Key: KeyedLine<State>]>([:])
    }

    init(key: @escaping @Sendable (Input) -> Key, initial: State, limit: Int, keys: Int) {
        self.key = key
        self.initial = initial
        self.limit = limit
        shards = (0..<16).map { _ in Shard() }
        keysPerShard = max(1, (keys + 15) / 16)
    }

    func reserve(_ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>) throws(SubmitError) -> KeyedLineBase {
        let key = key((base + Int(offsets[0])).assumingMemoryBound(to: Input.self).pointee)
        let shard = shards[Int(truncatingIfNeeded: UInt(bitPattern: key.hashValue) & 15)]
        let found: KeyedLine<State>? = shard.lines.withLock { lines in
            if let line = lines[key] { return line }
            guard lines.count < keysPerShard else { return nil }
            let line = KeyedLine(state: initial)
            lines[key] = line
            return line
        }
        guard let line = found else { throw .full }
        guard line.waiting.add(1, ordering: .relaxed).newValue <= limit else {
            line.giveBackPlace()
            throw .full
        }
        return line
    }
}
