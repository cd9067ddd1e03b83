import CGyre
import Glibc
import Synchronization
import Testing

@Suite struct RunqTests {
    /// Positions around the wrap of 64 bits, and the beginning.
    static let firsts: [UInt64] = [0, .max - 300, .max - 1, .max]

    @Test(arguments: firsts) func exactly256FitAndComeBackInOrder(first: UInt64) {
        let queue = Runq(first: first)
        for _ in 0..<3 {
            #expect(queue.pop() == nil)
            #expect(!queue.hasItem)
            for item: UInt32 in 0..<256 {
                #expect(gyre_runq_room(queue.pointer) == 256 - item)
                #expect(queue.push(item))
            }
            #expect(!queue.push(999))
            #expect(gyre_runq_room(queue.pointer) == 0)
            #expect(queue.hasItem)
            for item: UInt32 in 0..<256 { #expect(queue.pop() == item) }
        }
    }

    @Test(arguments: firsts) func aStealTakesTheOlderHalfRoundedUp(first: UInt64) {
        for held: UInt32 in 0...64 {
            let queue = Runq(first: first)
            for item in 0..<held { #expect(queue.push(item)) }
            #expect(queue.steal(limit: 256) == Array(0..<(held - held / 2)))
            for item in (held - held / 2)..<held { #expect(queue.pop() == item) }
            #expect(queue.pop() == nil)
        }
    }

    @Test(arguments: [1, 2, 31, 32]) func aStealTakesNoMoreThanItsLimit(limit: UInt32) {
        let queue = Runq(first: .max - 10)
        for item: UInt32 in 0..<256 { #expect(queue.push(item)) }
        #expect(queue.steal(limit: limit) == Array(0..<limit))
        #expect(gyre_runq_room(queue.pointer) == limit)
        #expect(queue.pop() == limit)
    }

    @Test(arguments: firsts) func manyAreTakenAtOnceOrNone(first: UInt64) {
        let queue = Runq(first: first)
        for item: UInt32 in 0..<31 { #expect(queue.push(item)) }
        #expect(queue.takeMany(32) == nil)
        #expect(queue.push(31))
        #expect(queue.takeMany(32) == Array(0..<32))
        #expect(queue.pop() == nil)
    }

    @Test(arguments: firsts) func manyArePushedAtOnceInTheirOrder(first: UInt64) {
        let queue = Runq(first: first)
        for item: UInt32 in 0..<200 { #expect(queue.push(item)) }
        let more = (200..<256).map(UInt32.init)
        gyre_runq_push_many(queue.pointer, more, 56)
        #expect(gyre_runq_room(queue.pointer) == 0)
        for item: UInt32 in 0..<256 { #expect(queue.pop() == item) }
    }

    @Test func peekingShowsWhatAPopWillBring() {
        let queue = Runq(first: .max - 1)
        var found: UInt32 = 0
        #expect(!gyre_runq_peek(queue.pointer, 0, &found))
        for item: UInt32 in 0..<4 { #expect(queue.push(item)) }
        for ahead: UInt32 in 0..<4 {
            #expect(gyre_runq_peek(queue.pointer, ahead, &found))
            #expect(found == ahead)
        }
        #expect(!gyre_runq_peek(queue.pointer, 4, &found))
    }

    /// The owner pushes and pops, thieves steal; near the wrap of the positions. Each item is taken once, and each
    /// taker sees them in their order.
    @Test(arguments: [1, 3, 5], firsts) func ownerAndThievesTakeEachItemOnce(thieves: Int, first: UInt64) {
        let queue = Runq(first: first)
        let count = 20_000
        let taken = (0...thieves).map { _ in TakenItems() }
        let done = Flag()
        onThreads(thieves + 1) { me in
            if me == 0 {
                var next: UInt32 = 0
                while next < count {
                    // Bursts, so that the queue is full and empty by turns.
                    for _ in 0...(next % 300) where next < count {
                        if queue.push(next) { next += 1 } else { break }
                    }
                    for _ in 0..<(next % 7) { if let item = queue.pop() { taken[0].append(item) } }
                    if next % 5 == 0, let many = queue.takeMany(16) { for item in many { taken[0].append(item) } }
                }
                while let item = queue.pop() { taken[0].append(item) }
                done.raise()
            } else {
                while !done.isRaised || queue.hasItem {
                    let items = queue.steal(limit: 32)
                    for item in items { taken[me].append(item) }
                    if items.isEmpty { sched_yield() }
                }
            }
        }
        var counts = [Int](repeating: 0, count: count)
        for taker in taken {
            for item in taker.items { counts[Int(item)] += 1 }
            #expect(zip(taker.items, taker.items.dropFirst()).allSatisfy { $0 < $1 })
        }
        #expect(counts.allSatisfy { $0 == 1 })
    }
}

private final class Runq: @unchecked Sendable {  // lock-free by its own account, which is tested
    private let memory = CacheAligned(bytes: 1_152)
    var pointer: OpaquePointer { memory.opaque }

    init(first: UInt64) { gyre_runq_init(memory.opaque, first) }

    func push(_ item: UInt32) -> Bool { gyre_runq_push(pointer, item) }

    func pop() -> UInt32? {
        var item: UInt32 = 0
        return gyre_runq_pop(pointer, &item) ? item : nil
    }

    func steal(limit: UInt32) -> [UInt32] {
        [UInt32](unsafeUninitializedCapacity: 256) { buffer, count in
            count = Int(gyre_runq_steal(pointer, buffer.baseAddress, limit))
        }
    }

    func takeMany(_ wanted: UInt32) -> [UInt32]? {
        var isTaken = false
        let items = [UInt32](unsafeUninitializedCapacity: 256) { buffer, count in
            isTaken = gyre_runq_take_many(pointer, buffer.baseAddress, wanted)
            count = isTaken ? Int(wanted) : 0
        }
        return isTaken ? items : nil
    }

    var hasItem: Bool { gyre_runq_has_item(pointer) }
}

private final class TakenItems: @unchecked Sendable {  // one thread fills it, another reads it after the join
    var items: [UInt32] = []
    func append(_ item: UInt32) { items.append(item) }
}
