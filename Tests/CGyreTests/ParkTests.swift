import CGyre
import Glibc
import Synchronization
import Testing

@Suite struct ParkTests {
    @Test func nobodyIsWokenWhereNobodySleeps() {
        let park = Park(workers: 2)
        #expect(!gyre_park_wants_wake(park.pointer))
        var lookAgain = false
        #expect(!gyre_park_wake_one(park.pointer, &lookAgain))
        #expect(lookAgain, "the token was given back for nobody")
        #expect(gyre_park_start_search(park.pointer), "and is free again")
    }

    @Test func whoHoldsTheTokenIsTheOnlyOne() {
        let park = Park(workers: 3)
        #expect(gyre_park_start_search(park.pointer))
        #expect(!gyre_park_start_search(park.pointer))
        gyre_park_prepare(park.pointer, 0, false)
        #expect(!gyre_park_wants_wake(park.pointer), "somebody searches")
        var lookAgain = true
        #expect(!gyre_park_wake_one(park.pointer, &lookAgain))
        #expect(!lookAgain, "the holder answers for it")
        gyre_park_stop_search(park.pointer)
        #expect(gyre_park_wants_wake(park.pointer))
    }

    @Test func aWakerHandsOverTheToken() {
        let park = Park(workers: 2)
        gyre_park_prepare(park.pointer, 1, false)
        var lookAgain = false
        #expect(gyre_park_wake_one(park.pointer, &lookAgain))
        #expect(!gyre_park_start_search(park.pointer), "it is on its way")
        #expect(gyre_park_withdraw(park.pointer, 1), "a waker was faster: the token is the worker's")
        gyre_park_stop_search(park.pointer)
        #expect(gyre_park_start_search(park.pointer))
    }

    @Test func aWithdrawalBeforeAnyWakeKeepsTheTokenFree() {
        let park = Park(workers: 2)
        #expect(gyre_park_start_search(park.pointer))
        gyre_park_prepare(park.pointer, 0, true)
        #expect(!gyre_park_withdraw(park.pointer, 0))
        #expect(gyre_park_start_search(park.pointer), "prepare gave it up")
        #expect(!gyre_park_wants_wake(park.pointer))
    }

    @Test func aWakeBeforeTheSleepEndsItAtOnce() {
        let park = Park(workers: 1)
        gyre_park_prepare(park.pointer, 0, false)
        var lookAgain = false
        #expect(gyre_park_wake_one(park.pointer, &lookAgain))
        #expect(gyre_park_sleep(park.pointer, 0, UInt64.max))
    }

    @Test func aSleepEndsAtItsDeadlineAndTakesTheBitBack() {
        let park = Park(workers: 1)
        gyre_park_prepare(park.pointer, 0, false)
        #expect(!gyre_park_sleep(park.pointer, 0, monotonicNanoseconds() + 1_000_000))
        #expect(!gyre_park_wants_wake(park.pointer))
    }

    /// Workers that take items from a count and sleep in between, as a pool's do. One lost wake-up, and this never
    /// ends.
    @Test(arguments: [(1, 1), (1, 4), (3, 2), (2, 6)]) func noWakeIsLost(producers: Int, workers: Int) {
        let park = Park(workers: UInt32(workers))
        let items = Items()
        let each = 8_000
        let taken = Tally()
        let total = producers * each
        onThreads(producers + workers) { me in
            if me < producers {
                for _ in 0..<each {
                    items.put()
                    park.wakeAfterPut(items)
                }
                return
            }
            let worker = UInt32(me - producers)
            var holdsToken = false
            while taken.count < total {
                if items.take() {
                    taken.add()
                    if holdsToken {
                        holdsToken = false
                        gyre_park_stop_search(park.pointer)
                        if gyre_park_wants_wake(park.pointer), items.areThere { park.wake(items) }
                    }
                    if taken.count == total { park.close(workers: UInt32(workers)) }
                    continue
                }
                if !holdsToken { holdsToken = gyre_park_start_search(park.pointer) }
                gyre_park_prepare(park.pointer, worker, holdsToken)
                holdsToken = false
                if items.areThere || taken.count == total {
                    holdsToken = gyre_park_withdraw(park.pointer, worker)
                } else {
                    holdsToken = gyre_park_sleep(park.pointer, worker, UInt64.max)
                }
            }
        }
        #expect(taken.count == total)
        #expect(!items.areThere)
    }
}

private final class Items: Sendable {
    private let count = Atomic(0)
    var areThere: Bool { count.load(ordering: .acquiring) > 0 }
    func put() { count.add(1, ordering: .releasing) }
    func take() -> Bool {
        var seen = count.load(ordering: .acquiring)
        while seen > 0 {
            let (isDone, original) = count.compareExchange(
                expected: seen, desired: seen - 1, ordering: .acquiringAndReleasing)
            if isDone { return true }
            seen = original
        }
        return false
    }
}

private final class Park: @unchecked Sendable {  // words are atomics
    private let memory = CacheAligned(bytes: 64)
    private let parkers: CacheAligned
    var pointer: OpaquePointer { memory.opaque }

    init(workers: UInt32) {
        parkers = CacheAligned(bytes: 64 * Int(workers))
        gyre_park_init(memory.opaque, parkers.opaque, workers)
    }

    func wakeAfterPut(_ items: Items) {
        gyre_fence_seq_cst()
        if gyre_park_wants_wake(pointer) { wake(items) }
    }

    func wake(_ items: Items) {
        while true {
            var lookAgain = false
            if gyre_park_wake_one(pointer, &lookAgain) || !lookAgain { return }
            if !gyre_park_wants_wake(pointer) || !items.areThere { return }
        }
    }

    /// Wakes whoever sleeps, one after the other, until none does: each gives the token on.
    func close(workers: UInt32) {
        gyre_fence_seq_cst()
        for _ in 0..<workers {
            gyre_park_stop_search(pointer)
            var lookAgain = false
            _ = gyre_park_wake_one(pointer, &lookAgain)
        }
    }
}
