import BenchKit
import BenchPeers
import Glibc
import GyreCore
import Synchronization

/// The rings as a Swift program has them: `HandleRing` for handles, `Ring` for everything else.
enum SwiftRings {
    static func subject(_ shape: Shape) -> Subject {
        Subject("gyre-swift") { operations in
            let capacity = Int(Shape.capacity)
            switch shape.element {
            case BENCH_HANDLE: return try stream(HandleFace(capacity), shape, operations)
            case BENCH_WORD64: return try stream(WordFace(capacity), shape, operations)
            default: return try stream(RecordFace(capacity), shape, operations)
            }
        }
    }

    private static func stream<Face: RingFace>(_ ring: Face, _ shape: Shape, _ operations: UInt64) -> Run {
        let producers = Int(shape.producers)
        let each = operations / UInt64(producers)
        let producing = Atomic<Int>(producers)
        let tallies = Mutex((input: Tally(), output: Tally()))
        let span = Thread.together(producers + Int(shape.consumers)) { index in
            var tally = Tally()
            if index < producers {
                produce(ring, from: UInt64(index) * each, each, &tally)
                producing.subtract(1, ordering: .releasing)
                tallies.withLock { $0.input.add(tally) }
            } else {
                consume(ring, until: { producing.load(ordering: .acquiring) == 0 }, &tally)
                tallies.withLock { $0.output.add(tally) }
            }
        }
        let (input, output) = tallies.withLock { $0 }
        return Run(
            nanoseconds: span.end - span.begin, operations: input.count, countIn: input.count, countOut: output.count,
            digestIn: input.sum, digestOut: output.sum)
    }

    private static func produce<Face: RingFace>(_ ring: Face, from first: UInt64, _ count: UInt64, _ tally: inout Tally)
    {
        for n in first..<(first + count) {
            let element = Face.make(n)
            tally.add(Face.digest(element))
            var rounds: UInt32 = 0
            while !ring.push(element) { bench_wait(&rounds) }
        }
    }

    /// Until the ring is empty after every producer was done: nothing can be left then.
    private static func consume<Face: RingFace>(_ ring: Face, until isDone: () -> Bool, _ tally: inout Tally) {
        var rounds: UInt32 = 0
        while true {
            if let element = ring.pop() {
                tally.add(Face.digest(element))
                rounds = 0
            } else if isDone() {
                while let element = ring.pop() { tally.add(Face.digest(element)) }
                return
            } else {
                bench_wait(&rounds)
            }
        }
    }
}

/// What one thread pushed or popped.
private struct Tally {
    var count: UInt64 = 0
    var sum: UInt64 = 0

    mutating func add(_ digest: UInt64) {
        count += 1
        sum &+= digest
    }

    mutating func add(_ other: Tally) {
        count += other.count
        sum &+= other.sum
    }
}

/// A ring with the elements of bench_parts.hpp.
private protocol RingFace: Sendable {
    associatedtype Element: Sendable
    static func make(_ n: UInt64) -> Element
    static func digest(_ element: Element) -> UInt64
    func push(_ element: Element) -> Bool
    func pop() -> Element?
}

private func word(_ n: UInt64) -> UInt64 { (n + 1) &* 0x9E37_79B9_7F4A_7C15 }

private struct HandleFace: RingFace {
    let ring: HandleRing
    init(_ capacity: Int) throws { ring = try HandleRing(capacity: capacity) }
    static func make(_ n: UInt64) -> UInt32 { UInt32(n & 0x7fff_ffff) }
    static func digest(_ handle: UInt32) -> UInt64 { UInt64(handle) }
    func push(_ handle: UInt32) -> Bool { ring.tryPush(handle) == .pushed }
    func pop() -> UInt32? { ring.tryPop().element }
}

private struct WordFace: RingFace {
    let ring: Ring<UInt64>
    init(_ capacity: Int) throws { ring = try Ring(capacity: capacity) }
    static func make(_ n: UInt64) -> UInt64 { word(n) }
    static func digest(_ word: UInt64) -> UInt64 { word }
    func push(_ word: UInt64) -> Bool { ring.tryPush(word) == .pushed }
    func pop() -> UInt64? { ring.tryPop().element }
}

private struct Record: Sendable {
    let a, b, c, d: UInt64
}

private struct RecordFace: RingFace {
    let ring: Ring<Record>
    init(_ capacity: Int) throws { ring = try Ring(capacity: capacity) }
    static func make(_ n: UInt64) -> Record {
        let word = word(n)
        return Record(a: word, b: ~word, c: word >> 1, d: n)
    }
    static func digest(_ record: Record) -> UInt64 { record.a &* (record.b | 1) &+ (record.c ^ record.d) }
    func push(_ record: Record) -> Bool { ring.tryPush(record) == .pushed }
    func pop() -> Record? { ring.tryPop().element }
}
