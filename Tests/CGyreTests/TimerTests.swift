import CGyre
import Testing

@Suite struct TimerTests {
    static let tick: UInt64 = 1 << 16

    @Test func aCapacityOutOfRangeIsRefused() {
        #expect(gyre_timer_create(0, 0) == nil)
        #expect(gyre_timer_create(1 << 28, 0) == nil)
    }

    @Test func aTimerFiresAtItsTimeAndNotBefore() {
        let wheel = Wheel(capacity: 4, now: 1_000)
        #expect(wheel.insert(7, due: 5_000_000) != nil)
        #expect(wheel.nextDue == 5_000_000)
        #expect(wheel.advance(to: 4_999_999) == [])
        #expect(wheel.nextDue == 5_000_000)
        #expect(wheel.advance(to: 5_000_003) == [.init(number: 7, due: 5_000_000, lateness: 3)])
        #expect(wheel.nextDue == UInt64.max)
        #expect(wheel.waiting == 0)
    }

    @Test func aTimerOfThePastFiresInTheNextTurn() {
        let wheel = Wheel(capacity: 4, now: 10 * Self.tick)
        #expect(wheel.advance(to: 20 * Self.tick) == [])
        #expect(wheel.insert(1, due: 3) != nil)
        #expect(wheel.advance(to: 20 * Self.tick).map(\.number) == [1])
    }

    @Test func onlyAnEarlierTimerAsksForAWake() throws {
        let wheel = Wheel(capacity: 8)
        #expect(try #require(wheel.insert(1, due: 9_000_000)).wake)
        #expect(try #require(wheel.insert(2, due: 9_000_001)).wake == false)
        #expect(try #require(wheel.insert(3, due: 9_000_000)).wake == false)
        #expect(try #require(wheel.insert(4, due: 8_999_999)).wake)
    }

    @Test func everyFullInboxAsksForAWakeAndForATurn() throws {
        let deep = UInt64(GYRE_TIMER_INBOX_DEEP)
        let wheel = Wheel(capacity: 10_000)
        _ = wheel.insert(0, due: 1_000)
        for number in 1..<(2 * deep) {
            #expect(gyre_timer_wants_advance(wheel.pointer, 0) == (number >= deep))
            #expect(try #require(wheel.insert(number, due: 2_000)).wake == ((number + 1) % deep == 0))
        }
        #expect(wheel.advance(to: 0) == [])
        #expect(!gyre_timer_wants_advance(wheel.pointer, 999))
        #expect(gyre_timer_wants_advance(wheel.pointer, 1_000))
    }

    @Test func cancelsAloneAskForATurnToo() throws {
        let wheel = Wheel(capacity: 10_000)
        let tokens = try (0..<UInt64(GYRE_TIMER_INBOX_DEEP)).map { try #require(wheel.insert($0, due: 1_000)).token }
        _ = wheel.advance(to: 0)
        for token in tokens {
            #expect(!gyre_timer_wants_advance(wheel.pointer, 0))
            #expect(wheel.cancel(token))
        }
        #expect(gyre_timer_wants_advance(wheel.pointer, 0))
    }

    @Test func aCancelledTimerDoesNotFireAndIsRefusedTwice() throws {
        let wheel = Wheel(capacity: 4)
        let inInbox = try #require(wheel.insert(1, due: 10)).token
        #expect(wheel.cancel(inInbox))
        #expect(!wheel.cancel(inInbox))
        let onWheel = try #require(wheel.insert(2, due: 20_000_000)).token
        #expect(wheel.advance(to: 15) == [])
        #expect(wheel.cancel(onWheel))
        #expect(!wheel.cancel(onWheel))
        #expect(wheel.advance(to: 30_000_000) == [])
        #expect(wheel.waiting == 0)
    }

    @Test func aStaleTokenIsRefusedAndHarmsNobody() throws {
        let wheel = Wheel(capacity: 1)
        let first = try #require(wheel.insert(1, due: 10)).token
        #expect(wheel.advance(to: 10).count == 1)
        let second = try #require(wheel.insert(2, due: 20)).token
        #expect(first != second)
        #expect(!wheel.cancel(first))
        let nonsense: [gyre_timer_token] = [0, 1, 2, UInt64.max, 1 << 28, 5 << 28 | 1]
        for token in nonsense { #expect(!wheel.cancel(token)) }
        #expect(wheel.advance(to: 20).map(\.number) == [2])
        #expect(!wheel.cancel(second))
    }

    @Test func aFullWheelRefusesAndACancelMakesRoomAfterATurn() throws {
        let wheel = Wheel(capacity: 3)
        let tokens = try (0..<3).map { try #require(wheel.insert($0, due: 1_000_000 + $0)).token }
        #expect(wheel.insert(9, due: 5) == nil)
        #expect(wheel.cancel(tokens[1]))
        #expect(wheel.advance(to: 0) == [])
        #expect(wheel.insert(4, due: 1_000_001) != nil)
        #expect(wheel.insert(5, due: 1_000_001) == nil)
        #expect(wheel.advance(to: 2_000_000).map(\.number) == [0, 4, 2])
    }

    /// One record through many generations, by firing, by cancelling in the inbox and by cancelling on the wheel.
    @Test func aRecordIsUsedAgainHoweverItsTimerEnded() throws {
        let wheel = Wheel(capacity: 1)
        var now: UInt64 = 0
        for round in 0..<300 {
            now += 1_000_000
            let token = try #require(wheel.insert(UInt64(round), due: now)).token
            switch round % 3 {
            case 0: #expect(wheel.advance(to: now).count == 1)
            case 1:
                #expect(wheel.cancel(token))
                #expect(wheel.advance(to: now) == [])
            default:
                #expect(wheel.advance(to: now - 1) == [])
                #expect(wheel.cancel(token))
                #expect(wheel.advance(to: now) == [])
            }
            #expect(wheel.waiting == 0)
        }
        #expect(gyre_timer_bytes(wheel.pointer) < 16_384)
    }

    @Test func timersFireInOrderOfDueTimeThenOfInsertion() {
        let wheel = Wheel(capacity: 64)
        let dues: [UInt64] = [900_000, 100, 900_000, 65_535, 65_536, 100, 1 << 40, 900_000, 0, 1 << 22]
        for (number, due) in dues.enumerated() { #expect(wheel.insert(UInt64(number), due: due) != nil) }
        #expect(wheel.advance(to: 1 << 41).map(\.number) == [8, 1, 5, 3, 4, 0, 2, 7, 9, 6])
    }

    /// The farther ahead a timer is inserted, the higher its level: of three levels a slot begins at this tick, and any
    /// of them may hold what is due first.
    @Test(arguments: [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] as [[UInt64]])
    func slotsThatBeginTogetherAreOneOrder(dues: [UInt64]) {
        let meeting = 64 * 64 * Self.tick
        let wheel = Wheel(capacity: 3)
        for (ticksBefore, due) in zip([64 * 64, 96, 10] as [UInt64], dues) {
            #expect(wheel.advance(to: meeting - ticksBefore * Self.tick) == [])
            #expect(wheel.insert(due, due: meeting + due) != nil)
        }
        #expect(wheel.advance(to: meeting) == [])
        #expect(wheel.nextDue == meeting + 1)
        #expect(wheel.advance(to: meeting + 3).map(\.number) == [1, 2, 3])
    }

    /// Each distance is alone on its level; the turn goes straight to it, then one nanosecond short of it.
    @Test(arguments: (0..<63).map { UInt64(1) << $0 })
    func everyDistanceIsInReach(distance: UInt64) {
        for start: UInt64 in [0, 1, 65_535, 1 << 52, (1 << 62) - 1] {
            let wheel = Wheel(capacity: 2, now: start)
            #expect(wheel.insert(1, due: start + distance) != nil)
            #expect(wheel.advance(to: start + distance - 1) == [])
            #expect(wheel.nextDue == start + distance)
            #expect(wheel.advance(to: start + distance).map(\.number) == [1])
        }
    }

    @Test func theEndOfTimeFiresWhatNeverComesDue() {
        let wheel = Wheel(capacity: 3, now: UInt64.max - 1_000_000)
        #expect(wheel.insert(1, due: UInt64.max) != nil)
        #expect(wheel.insert(2, due: UInt64.max - 10) != nil)
        #expect(wheel.advance(to: UInt64.max - 11) == [])
        #expect(wheel.advance(to: UInt64.max - 10).map(\.number) == [2])
        #expect(wheel.advance(to: UInt64.max).map(\.number) == [1])
    }

    @Test func timeThatGoesBackFiresNothingEarly() {
        let wheel = Wheel(capacity: 3)
        _ = wheel.advance(to: 1 << 30)
        #expect(wheel.insert(1, due: (1 << 30) - 5) != nil)
        #expect(wheel.insert(2, due: (1 << 30) + 5) != nil)
        #expect(wheel.advance(to: 77) == [])
        #expect(wheel.advance(to: (1 << 30) - 5).map(\.number) == [1])
        #expect(wheel.advance(to: (1 << 30) + 5).map(\.number) == [2])
    }

    /// What a sink inserts fires in the same turn when it is due and arrives before the last look, else in the next; a
    /// sink that advances is turned away, and the turn goes on for it.
    @Test func aSinkMayInsertCancelAndAdvance() throws {
        let wheel = Wheel(capacity: 8)
        let doomed = try #require(wheel.insert(3, due: 300)).token
        _ = wheel.insert(1, due: 100)
        _ = wheel.insert(2, due: 200)
        var order: [UInt64] = []
        var busy = 0
        let turn = wheel.advance(to: 1_000) { fired in
            order.append(fired.number)
            if fired.number == 1 { _ = wheel.insert(10, due: 50) }
            if fired.number == 2 { #expect(wheel.cancel(doomed)) }
            if fired.number == 10 {
                _ = wheel.insert(11, due: 60)
                if wheel.advance(to: 2_000, { _ in Issue.record("a turn within a turn") }).busy { busy += 1 }
                _ = wheel.insert(12, due: 2_000)
            }
        }
        #expect(order == [1, 2, 10, 11, 12])
        #expect(turn.fired == 5)
        #expect(busy == 1)
        #expect(wheel.waiting == 0)
    }

    @Test func theTokenIsThereBeforeTheTimerIs() {
        let wheel = Wheel(capacity: 2)
        var token: gyre_timer_token = 0
        var wake = false
        #expect(gyre_timer_insert(wheel.pointer, 5, { _, _ in }, 1, ~1, &token, &wake))
        #expect(token != 0)
        #expect(wake)
    }

    // MARK: - Turning while it turns

    /// Whoever comes while another turns the wheel leaves his time there: the turner goes on until then.
    @Test(arguments: [50 << 20, .max, 1] as [UInt64]) func aTurnGoesOnForWhoeverCameMeanwhile(until: UInt64) {
        let wheel = Wheel(capacity: 8)
        for (number, due) in [(UInt64(1), UInt64(5 << 20)), (2, 40 << 20), (3, 1 << 62)] {
            #expect(wheel.insert(number, due: due) != nil)
        }
        var fired: [UInt64] = []
        var answers: [Bool] = []
        let turn = wheel.advance(to: 10 << 20) { timer in
            fired.append(timer.number)
            if timer.number == 1 {
                answers.append(wheel.advance(to: until) { _ in Issue.record("a second turner") }.busy)
            }
        }
        #expect(answers == [true])
        #expect(!turn.busy)
        #expect(fired == (until == .max ? [1, 2, 3] : until == 1 ? [1] : [1, 2]))
        #expect(turn.fired == fired.count)
    }

    /// Of several who come while another turns the wheel, the latest time holds, whoever came last.
    @Test func theLatestOfSeveralTimesHolds() {
        let wheel = Wheel(capacity: 8)
        for (number, due) in [(UInt64(1), UInt64(5 << 20)), (2, 40 << 20), (3, 60 << 20)] {
            #expect(wheel.insert(number, due: due) != nil)
        }
        var fired: [UInt64] = []
        _ = wheel.advance(to: 10 << 20) { timer in
            fired.append(timer.number)
            guard timer.number == 1 else { return }
            for until in [50 << 20, 20 << 20] as [UInt64] {
                #expect(wheel.advance(to: until) { _ in Issue.record("a second turner") }.busy)
            }
        }
        #expect(fired == [1, 2])
    }

    /// A timer that comes during a turn finds the old next due time, which is early enough, and wakes nobody. The turn
    /// raises that time and must then see to it that the new timer is not slept past.
    @Test func aTimerThatComesDuringATurnIsNotSleptPast() {
        let wheel = Wheel(capacity: 8)
        #expect(wheel.insert(1, due: 5 << 20) != nil)
        #expect(wheel.insert(2, due: 90 << 20) != nil)
        var wakes: [Bool?] = []
        let turn = wheel.advance(to: 10 << 20) { _ in wakes.append(wheel.insert(3, due: 40 << 20)?.wake) }
        #expect(wakes == [false])
        #expect(turn.wake, "whoever sleeps until the old time must be told")
        #expect(turn.next_due == 40 << 20)
        #expect(wheel.nextDue == 40 << 20)
    }

    @Test func noWheelIsDestroyedWithoutHarm() { gyre_timer_destroy(nil) }
}
