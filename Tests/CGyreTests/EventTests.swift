import CGyre
import Synchronization
import Testing

@Suite struct EventTests {
    @Test func aNotifyThatFindsNobodyWritesNothing() {
        let event = Event()
        gyre_event_notify_one(event.pointer)
        gyre_event_notify_all(event.pointer)
        #expect(event.pointer.pointee.epoch.value == 0)
        #expect(event.pointer.pointee.waiters.value == 0)
    }

    @Test func aNotifyAfterPrepareEndsTheWaitAtOnce() {
        let event = Event()
        let key = gyre_event_prepare(event.pointer)
        gyre_event_notify_one(event.pointer)
        #expect(gyre_event_wait(event.pointer, key, UInt64.max))
        #expect(gyre_event_waiters(event.pointer) == 0)
    }

    @Test func aNotifyBeforePrepareIsNotRemembered() {
        let event = Event()
        _ = gyre_event_prepare(event.pointer)
        gyre_event_notify_all(event.pointer)
        gyre_event_cancel(event.pointer)
        let key = gyre_event_prepare(event.pointer)
        #expect(!gyre_event_wait(event.pointer, key, 0))
    }

    /// A thread that is asleep is taken off by the notify that wakes it, one that is not yet takes itself off: each
    /// once, or the count would not come back to none.
    @Test func everyWaiterIsTakenOffOnce() {
        let event = Event()
        let rounds = 2_000
        let woken = Atomic(0)
        onThreads(3) { me in
            if me < 2 {
                for _ in 0..<rounds {
                    let key = gyre_event_prepare(event.pointer)
                    if gyre_event_wait(event.pointer, key, UInt64.max) { woken.add(1, ordering: .relaxed) }
                }
                return
            }
            while woken.load(ordering: .relaxed) < 2 * rounds { gyre_event_notify_one(event.pointer) }
        }
        #expect(gyre_event_waiters(event.pointer) == 0)
    }

    @Test func aWaitEndsAtItsDeadlineAndLeavesNoWaiter() {
        let event = Event()
        let key = gyre_event_prepare(event.pointer)
        let deadline = monotonicNanoseconds() + 1_000_000
        #expect(!gyre_event_wait(event.pointer, key, deadline))
        #expect(monotonicNanoseconds() >= deadline)
        #expect(gyre_event_waiters(event.pointer) == 0)
    }

    @Test(arguments: [UInt32.max, UInt32.max - 1]) func theEpochWraps(from epoch: UInt32) {
        let event = Event()
        event.pointer.pointee.epoch.value = epoch
        for _ in 0..<4 {
            let key = gyre_event_prepare(event.pointer)
            gyre_event_notify_all(event.pointer)
            #expect(gyre_event_wait(event.pointer, key, UInt64.max))
        }
        #expect(event.pointer.pointee.epoch.value == epoch &+ 4)
    }

    /// Producers and consumers share a count of items; a consumer sleeps whenever there is none. One lost wake-up and
    /// the test never ends. Each consumer must take exactly its share, so none can be left behind either.
    @Test(arguments: [(1, 1), (2, 3), (4, 4)])
    func noWakeIsLostWhenTheTakerPassesItOn(producers: Int, consumers: Int) {
        let event = Event()
        let items = Atomic(0)
        let each = 12_000
        onThreads(producers + consumers) { me in
            if me < producers {
                for _ in 0..<(each / producers) {
                    items.wrappingAdd(1, ordering: .relaxed)
                    gyre_event_notify_one(event.pointer)
                }
            } else {
                for _ in 0..<(each / consumers) {
                    while !takeOne(of: items) {
                        let key = gyre_event_prepare(event.pointer)
                        if takeOne(of: items) {
                            gyre_event_cancel(event.pointer)
                            break
                        }
                        _ = gyre_event_wait(event.pointer, key, UInt64.max)
                    }
                    if items.load(ordering: .relaxed) > 0 { gyre_event_notify_one(event.pointer) }
                }
            }
        }
        #expect(items.load(ordering: .relaxed) == 0)
        #expect(gyre_event_waiters(event.pointer) == 0)
    }

    /// Each round is opened for all waiters by one notify, and ends when all have seen it.
    @Test func notifyAllReachesEveryWaiterInEveryRound() {
        let event = Event()
        let round = Atomic(0)
        let rounds = 300
        let threads = 5
        let endOfRound = StartLine(threads)
        onThreads(threads) { me in
            for next in 1...rounds {
                if me == 0 {
                    round.store(next, ordering: .relaxed)
                    gyre_event_notify_all(event.pointer)
                } else {
                    while round.load(ordering: .relaxed) < next {
                        let key = gyre_event_prepare(event.pointer)
                        if round.load(ordering: .relaxed) >= next {
                            gyre_event_cancel(event.pointer)
                            break
                        }
                        _ = gyre_event_wait(event.pointer, key, UInt64.max)
                    }
                }
                endOfRound.wait()
            }
        }
        #expect(gyre_event_waiters(event.pointer) == 0)
    }
}

private func takeOne(of items: borrowing Atomic<Int>) -> Bool {
    var seen = items.load(ordering: .relaxed)
    while seen > 0 {
        let (exchanged, original) = items.compareExchange(expected: seen, desired: seen - 1, ordering: .relaxed)
        if exchanged { return true }
        seen = original
    }
    return false
}

private final class Event: @unchecked Sendable {  // both words are atomics of CGyre
    let pointer = UnsafeMutablePointer<gyre_event>.allocate(capacity: 1)

    init() {
        pointer.initialize(to: gyre_event())
        gyre_event_init(pointer)
    }

    deinit { pointer.deallocate() }
}
