import CGyre
import Glibc
import Testing

@Suite struct DepotTests {
    @Test(arguments: [1, 31, 32, 33, 64, 100]) func everyHandleIsGivenOutOnce(handles: UInt32) {
        let depot = Depot(handles: handles, threads: 1)
        let stash = Stash()
        var taken: Set<UInt32> = []
        for _ in 0..<handles {
            guard let handle = depot.take(stash) else {
                Issue.record("none after \(taken.count) of \(handles)")
                return
            }
            #expect(handle < handles)
            #expect(taken.insert(handle).inserted)
        }
        #expect(depot.take(stash) == nil)
        #expect(depot.take(stash) == nil)
        for handle in taken { _ = depot.give(handle, stash) }
        var again: Set<UInt32> = []
        while let handle = depot.take(stash) { #expect(again.insert(handle).inserted) }
        #expect(again == taken)
    }

    @Test func theYoungestIsTakenFirst() {
        let depot = Depot(handles: 100, threads: 1)
        let stash = Stash()
        let first = depot.take(stash)
        let second = depot.take(stash)
        guard let first, let second else {
            Issue.record("a fresh depot has handles")
            return
        }
        _ = depot.give(first, stash)
        _ = depot.give(second, stash)
        #expect(depot.take(stash) == second)
        #expect(depot.take(stash) == first)
    }

    /// A stash holds 64; the give that comes on top moves the 32 oldest, and says so.
    @Test func aFullStashSpillsItsOldestForOthers() {
        let depot = Depot(handles: 65, threads: 2)
        let (mine, other) = (Stash(), Stash())
        var taken: [UInt32] = []
        while let handle = depot.take(mine) { taken.append(handle) }
        #expect(taken.count == 65)
        for handle in taken.prefix(64) { #expect(!depot.give(handle, mine)) }
        #expect(depot.take(other) == nil, "all are in the stash of another")
        #expect(depot.give(taken[64], mine))
        var found: Set<UInt32> = []
        while let handle = depot.take(other) { found.insert(handle) }
        #expect(found == Set(taken.prefix(32)))
    }

    /// Threads take and give at random, and keep what they have in a table that no two of them may mark.
    @Test(arguments: [(2, 64), (4, 128), (6, 300)]) func noHandleHasTwoOwners(threads: Int, handles: UInt32) {
        let depot = Depot(handles: handles, threads: UInt32(threads))
        let owners = Plain(count: Int(handles))
        let wrong = Tally()
        let stashes = (0..<threads).map { _ in Stash() }
        let seed = UInt64(threads) << 32 | UInt64(handles)
        onThreads(threads) { me in
            var random = SeededGenerator(seed: seed + UInt64(me))
            var mine: [UInt32] = []
            for _ in 0..<20_000 {
                if random.next() % 2 == 0, mine.count < 50 {
                    guard let handle = depot.take(stashes[me]) else { continue }
                    if owners[Int(handle)] != 0 { wrong.add() }
                    owners[Int(handle)] = UInt64(me + 1)
                    mine.append(handle)
                } else if let handle = mine.popLast() {
                    if owners[Int(handle)] != UInt64(me + 1) { wrong.add() }
                    owners[Int(handle)] = 0
                    _ = depot.give(handle, stashes[me])
                }
            }
            for handle in mine {
                owners[Int(handle)] = 0
                _ = depot.give(handle, stashes[me])
            }
        }
        #expect(wrong.count == 0, "seed \(seed)")
        var found: Set<UInt32> = []
        for stash in stashes {
            while let handle = depot.take(stash) { #expect(found.insert(handle).inserted) }
        }
        #expect(found.count == handles, "seed \(seed)")
    }
}

private final class Depot: @unchecked Sendable {  // lock-free by its own account, which is tested
    private let memory = CacheAligned(bytes: 192)
    private let chunks: UnsafeMutablePointer<gyre_chunk>

    init(handles: UInt32, threads: UInt32) {
        let count = gyre_depot_chunks_needed(handles, threads)
        chunks = .allocate(capacity: Int(count))
        chunks.initialize(repeating: gyre_chunk(), count: Int(count))
        gyre_depot_init(memory.opaque, chunks, count, handles)
    }

    deinit { chunks.deallocate() }

    func take(_ stash: Stash) -> UInt32? {
        let handle = gyre_depot_take(memory.opaque, stash.pointer)
        return handle == .max ? nil : handle
    }

    func give(_ handle: UInt32, _ stash: Stash) -> Bool { gyre_depot_give(memory.opaque, stash.pointer, handle) }
}

private final class Stash: @unchecked Sendable {  // one thread's
    let pointer = UnsafeMutablePointer<gyre_stash>.allocate(capacity: 1)
    init() { pointer.initialize(to: gyre_stash()) }
    deinit { pointer.deallocate() }
}
