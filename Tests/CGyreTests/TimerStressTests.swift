import CGyre
import Synchronization
import Testing

@Suite struct TimerStressTests {
    /// Threads insert and cancel while others turn the wheel of a clock that they share and move on. Each timer must
    /// end exactly once, fired or cancelled, none early, and what its inserter wrote in a plain word must be seen by
    /// its end.
    @Test(arguments: [UInt64(11), 12, 13]) func everyTimerEndsExactlyOnce(seed: UInt64) {
        let inserters = 3
        let turners = 2
        let each = 6_000
        let total = inserters * each
        let wheel = Wheel(capacity: 4_096)
        let clock = Atomic<UInt64>(1)
        let working = Atomic(inserters)
        let payload = Plain(count: total)
        let ends = Counts(count: total)
        let early = Atomic(0)
        let unseen = Atomic(0)
        let cancelled = Atomic(0)
        let fired = Atomic(0)

        @Sendable func turn() {
            let now = clock.wrappingAdd(20_000, ordering: .relaxed).newValue
            _ = wheel.advance(to: now) { timer in
                if timer.due > clock.load(ordering: .relaxed) { early.wrappingAdd(1, ordering: .relaxed) }
                if payload[Int(timer.number)] != timer.number + 1 { unseen.wrappingAdd(1, ordering: .relaxed) }
                ends.add(at: Int(timer.number))
                fired.wrappingAdd(1, ordering: .relaxed)
            }
        }

        onThreads(inserters + turners) { me in
            guard me < inserters else {
                while working.load(ordering: .acquiring) > 0 { turn() }
                return
            }
            var random = SeededGenerator(seed: seed &* 1_000 &+ UInt64(me))
            var mine: [(token: gyre_timer_token, number: Int)] = []
            for step in 0..<each {
                let number = me * each + step
                payload[number] = UInt64(number) + 1
                let now = clock.load(ordering: .relaxed)
                let reach =
                    UInt64.random(in: 0...8_000_000, using: &random) >> UInt64.random(in: 0...20, using: &random)
                while true {
                    if let inserted = wheel.insert(UInt64(number), due: now + reach) {
                        mine.append((inserted.token, number))
                        break
                    }
                    turn()  // full: time has to pass
                }
                if UInt64.random(in: 0..<3, using: &random) > 0, let index = mine.indices.randomElement(using: &random)
                {
                    let chosen = mine.remove(at: index)
                    if wheel.cancel(chosen.token) {
                        ends.add(at: chosen.number)
                        cancelled.wrappingAdd(1, ordering: .relaxed)
                    }
                }
            }
            working.wrappingSubtract(1, ordering: .releasing)
        }
        clock.store(UInt64.max - 100_000, ordering: .relaxed)
        turn()
        #expect(early.load(ordering: .relaxed) == 0)
        #expect(unseen.load(ordering: .relaxed) == 0)
        #expect(fired.load(ordering: .relaxed) + cancelled.load(ordering: .relaxed) == total)
        #expect((0..<total).allSatisfy { ends[$0] == 1 })
        #expect(cancelled.load(ordering: .relaxed) > 0)
        #expect(wheel.waiting == 0)
        #expect(wheel.nextDue == UInt64.max)
    }

    /// One thread sleeps until the next due time, by the real clock, and is woken only when the calls say so. A wake
    /// that is missing leaves a timer waiting for ever.
    @Test func theSleeperIsWokenForEveryEarlierTimer() {
        let inserters = 2
        let each = 400
        let wheel = Wheel(capacity: 4_096)
        let fired = Atomic(0)
        let early = Atomic(0)
        let event = UnsafeMutablePointer<gyre_event>.allocate(capacity: 1)
        defer { event.deallocate() }
        event.initialize(to: gyre_event())
        gyre_event_init(event)
        let sleeper = Address(event)

        onThreads(inserters + 2) { me in
            if me < inserters {
                var random = SeededGenerator(seed: UInt64(me))
                for step in 0..<each {
                    let due = monotonicNanoseconds() + UInt64.random(in: 0...3_000_000, using: &random)
                    guard let inserted = wheel.insert(UInt64(me * each + step), due: due) else {
                        preconditionFailure("the wheel has room for all")
                    }
                    if inserted.wake { gyre_event_notify_all(sleeper.pointer) }
                }
                return
            }
            let sleeps = me == inserters  // the other one comes by now and then, as a worker does
            while fired.load(ordering: .relaxed) < inserters * each {
                let key = gyre_event_prepare(sleeper.pointer)
                let now = monotonicNanoseconds()
                let turn = wheel.advance(to: now) { timer in
                    if timer.due > monotonicNanoseconds() { early.wrappingAdd(1, ordering: .relaxed) }
                    if fired.wrappingAdd(1, ordering: .relaxed).newValue == inserters * each {
                        gyre_event_notify_all(sleeper.pointer)
                    }
                }
                if turn.wake { gyre_event_notify_all(sleeper.pointer) }
                if fired.load(ordering: .relaxed) == inserters * each {
                    gyre_event_cancel(sleeper.pointer)
                } else if sleeps {
                    _ = gyre_event_wait(sleeper.pointer, key, wheel.nextDue)
                } else {
                    _ = gyre_event_wait(sleeper.pointer, key, now + 700_000)
                }
            }
        }
        #expect(fired.load(ordering: .relaxed) == inserters * each)
        #expect(early.load(ordering: .relaxed) == 0)
        #expect(gyre_event_waiters(event) == 0)
    }

    @Test func oneMillionTimersTakeAtMost128BytesEach() {
        let count: UInt64 = 1_000_000
        let wheel = Wheel(capacity: UInt32(count))
        var random = SeededGenerator(seed: 1)
        for number in 0..<count {
            _ = wheel.insert(number, due: UInt64.random(in: 0...60_000_000_000, using: &random))
        }
        #expect(wheel.insert(count, due: 1) == nil)
        #expect(wheel.waiting == count)
        let bytes = Double(gyre_timer_bytes(wheel.pointer)) / Double(count)
        print("timer: \(bytes) bytes each at \(count) waiting")
        #expect(bytes <= 128)
        var last: UInt64 = 0
        var fired: UInt64 = 0
        for step in 1...60 {
            _ = wheel.advance(to: UInt64(step) * 1_000_000_000) { timer in
                if timer.due >= last { fired += 1 }
                last = timer.due
            }
        }
        #expect(fired == count)
    }
}

/// Counters that threads add to, one for each timer.
private final class Counts: @unchecked Sendable {  // every access is atomic
    private let counters: UnsafeMutablePointer<Atomic<Int>>
    private let count: Int

    init(count: Int) {
        self.count = count
        counters = .allocate(capacity: count)
        for index in 0..<count { (counters + index).initialize(to: Atomic(0)) }
    }

    deinit {
        counters.deinitialize(count: count)
        counters.deallocate()
    }

    func add(at index: Int) { counters[index].wrappingAdd(1, ordering: .relaxed) }
    subscript(index: Int) -> Int { counters[index].load(ordering: .relaxed) }
}
