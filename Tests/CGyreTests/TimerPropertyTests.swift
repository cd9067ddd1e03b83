import CGyre
import Testing

/// Random histories of one thread, compared step by step with a sorted list.
@Suite struct TimerPropertyTests {
    @Test(arguments: Array(UInt64(1)...24)) func theWheelAgreesWithASortedList(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let starts: [UInt64] = [0, 1 << 16, 86_400_000_000_000, 1 << 62]
        var now = starts[Int(seed) % starts.count]
        let wheel = Wheel(capacity: 600, now: now)
        var oracle = Oracle()
        var tokens: [(token: gyre_timer_token, number: UInt64)] = []
        var number: UInt64 = 0
        for _ in 0..<4_000 {
            switch UInt64.random(in: 0..<100, using: &random) {
            case 0..<45:
                number += 1
                let due = randomDue(after: now, using: &random)
                if let inserted = wheel.insert(number, due: due) {
                    tokens.append((inserted.token, number))
                    oracle.insert(number, due: due)
                } else {
                    #expect(oracle.timers.count + oracle.cancelledSinceTurn >= 600, "seed \(seed): full too early")
                }
            case 45..<70:
                guard let chosen = tokens.randomElement(using: &random) else { continue }
                #expect(wheel.cancel(chosen.token) == oracle.cancel(chosen.number), "seed \(seed)")
            default:
                now += randomStep(using: &random)
                let fired = wheel.advance(to: now)
                try #require(fired == oracle.advance(to: now), "seed \(seed): at \(now)")
                // Exact right after a turn: it has seen all inserts and cancels; only a slot may still be said to begin
                // with a timer that was cancelled in it.
                #expect(wheel.nextDue <= oracle.nextDue, "seed \(seed)")
                if oracle.cancelsEver == 0 { #expect(wheel.nextDue == oracle.nextDue, "seed \(seed)") }
            }
            #expect(wheel.waiting == UInt64(oracle.timers.count), "seed \(seed)")
            #expect(wheel.nextDue <= oracle.nextDue, "seed \(seed)")
        }
        #expect(wheel.advance(to: UInt64.max - 3) == oracle.advance(to: UInt64.max - 3))
        #expect(wheel.waiting == 0)
    }

    /// Going from one next due time to the next, as virtual time does, must fire each timer exactly at its own time.
    @Test(arguments: Array(UInt64(100)...107)) func virtualTimeMeetsEveryTimerOnTheDot(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let wheel = Wheel(capacity: 1_000)
        var dues: [UInt64] = []
        for number in 0..<1_000 {
            let due = randomDue(after: 0, using: &random)
            dues.append(due)
            #expect(wheel.insert(UInt64(number), due: due) != nil)
        }
        var met: [UInt64] = []
        var turns = 0
        while wheel.nextDue != UInt64.max {
            let fired = wheel.advance(to: wheel.nextDue)
            #expect(fired.allSatisfy { $0.lateness == 0 }, "seed \(seed)")
            met += fired.map(\.due)
            turns += 1
        }
        #expect(met == dues.sorted(), "seed \(seed)")
        #expect(turns == Set(dues).count, "seed \(seed): a turn for nothing")
    }

    private func randomDue(after now: UInt64, using random: inout SeededGenerator) -> UInt64 {
        switch UInt64.random(in: 0..<10, using: &random) {
        case 0: return now - min(now, UInt64.random(in: 0...5_000_000, using: &random))  // the past
        case 1, 2: return now + UInt64.random(in: 0...70_000, using: &random)  // this tick or the next
        case 3: return (now + 1_000_000) / 1_000_000 * 1_000_000  // ties
        case 4, 5: return now + UInt64.random(in: 0...5_000_000, using: &random)
        case 6, 7: return now + UInt64.random(in: 0...5_000_000_000, using: &random)
        case 8: return now + UInt64.random(in: 0...(1 << 42), using: &random)
        default:
            return now + (UInt64.random(in: 0...(1 << 60), using: &random) >> UInt64.random(in: 0...60, using: &random))
        }
    }

    private func randomStep(using random: inout SeededGenerator) -> UInt64 {
        switch UInt64.random(in: 0..<10, using: &random) {
        case 0: return 0
        case 1...4: return UInt64.random(in: 0...100_000, using: &random)
        case 5...7: return UInt64.random(in: 0...10_000_000, using: &random)
        case 8: return UInt64.random(in: 0...2_000_000_000, using: &random)
        default: return UInt64.random(in: 0...(1 << 45), using: &random)
        }
    }
}

/// What the wheel has to do, done slowly.
private struct Oracle {
    private(set) var timers: [(number: UInt64, due: UInt64)] = []  // in order of insertion
    private(set) var cancelledSinceTurn = 0
    private(set) var cancelsEver = 0

    mutating func insert(_ number: UInt64, due: UInt64) { timers.append((number, due)) }

    mutating func cancel(_ number: UInt64) -> Bool {
        guard let index = timers.firstIndex(where: { $0.number == number }) else { return false }
        timers.remove(at: index)
        cancelledSinceTurn += 1
        cancelsEver += 1
        return true
    }

    mutating func advance(to now: UInt64) -> [Wheel.Fired] {
        cancelledSinceTurn = 0
        let due = timers.filter { $0.due <= now }
        timers.removeAll { $0.due <= now }
        // Stable by construction: the position of the insert decides between equal due times.
        return due.enumerated()
            .sorted { ($0.element.due, $0.offset) < ($1.element.due, $1.offset) }
            .map { Wheel.Fired(number: $0.element.number, due: $0.element.due, lateness: now - $0.element.due) }
    }

    var nextDue: UInt64 { timers.map(\.due).min() ?? UInt64.max }
}
