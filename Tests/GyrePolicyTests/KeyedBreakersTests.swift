import GyreCore
import GyrePolicy
import Testing

@Suite struct KeyedBreakersTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)

    /// With a breaker that one failure opens, for an hour.
    private func keyed(_ keysMax: Int) throws -> KeyedBreakers<String> {
        try KeyedBreakers(CircuitBreaker(callsMin: 1, openMin: .seconds(3_600)), keysMax: keysMax)
    }

    private func fail(
        _ key: String, in keyed: inout KeyedBreakers<String>, at now: MonotonicInstant
    ) {
        if case .admitted(let lease)? = keyed.admit(key, at: now, draw: 0) {
            keyed.end(key, lease, with: .failed, at: now, draw: 0)
        }
    }

    @Test func whatIsOutOfRangeIsRefused() {
        #expect(throws: ConfigurationError(field: "keysMax", reason: "0 is outside 1 to 1000000")) { try keyed(0) }
    }

    @Test func aKeysFailuresAreItsOwn() throws {
        var keyed = try keyed(4)
        fail("a", in: &keyed, at: start)
        #expect(keyed.mode(of: "a", at: start) == .open)
        #expect(keyed.admit("b", at: start, draw: 0) != nil)
        #expect(keyed.mode(of: "b", at: start) == .closed)
        #expect(keyed.mode(of: "c", at: start) == nil)
        #expect(keyed.count == 2)
    }

    @Test func onlyWhoWasUnusedForAWindowGoes() throws {
        var keyed = try keyed(2)
        _ = keyed.admit("a", at: start, draw: 0)
        _ = keyed.admit("b", at: start + .seconds(5), draw: 0)
        #expect(keyed.admit("c", at: start + .milliseconds(9_999), draw: 0) == nil)
        #expect(keyed.admit("c", at: start + .seconds(10), draw: 0) != nil)
        #expect(keyed.mode(of: "a", at: start) == nil)
        #expect(keyed.mode(of: "b", at: start) == .closed)
        #expect(keyed.count == 2)
    }

    @Test func whoWasUsedStays() throws {
        var keyed = try keyed(2)
        _ = keyed.admit("a", at: start, draw: 0)
        _ = keyed.admit("b", at: start, draw: 0)
        _ = keyed.admit("a", at: start + .seconds(10), draw: 0)
        _ = keyed.admit("c", at: start + .seconds(10), draw: 0)
        #expect(keyed.mode(of: "b", at: start) == nil)
        #expect(keyed.mode(of: "a", at: start) == .closed)
    }

    @Test func ofTwoThatMayGoTheLongerUnusedGoes() throws {
        var keyed = try keyed(2)
        for (key, second) in [("a", 0), ("b", 1), ("a", 2), ("c", 60)] {
            _ = keyed.admit(key, at: start + .seconds(second), draw: 0)
        }
        #expect(keyed.mode(of: "a", at: start) == .closed)
        #expect(keyed.mode(of: "b", at: start) == nil)
    }

    @Test func whatIsNotClosedIsNeverForgotten() throws {
        var keyed = try keyed(2)
        fail("a", in: &keyed, at: start)
        let isSet = keyed.obey(.forceOpen, for: "b", at: start)
        #expect(isSet)
        let later = start + .seconds(1_000_000)
        #expect(keyed.admit("c", at: later, draw: 0) == nil)
        let isRefused = !keyed.obey(.disable, for: "c", at: later)
        #expect(isRefused)
        #expect(keyed.mode(of: "b", at: later) == .forcedOpen)
    }

    /// Sixteen open ones are the longest unused; the closed one behind them is found by the next look.
    @Test func openOnesDoNotHideAClosedOne() throws {
        var keyed = try keyed(17)
        for index in 0..<16 { fail("open \(index)", in: &keyed, at: start) }
        _ = keyed.admit("closed", at: start, draw: 0)
        let later = start + .seconds(60)
        let first = keyed.admit("new", at: later, draw: 0)
        let second = keyed.admit("new", at: later, draw: 0)
        #expect(first == nil && second != nil)
        #expect(keyed.count == 17)
    }

    @Test func aCallThatOutlivedItsBreakerReportsToNobody() throws {
        var keyed = try keyed(1)
        guard case .admitted(let old)? = keyed.admit("a", at: start, draw: 0) else {
            Issue.record("refused")
            return
        }
        _ = keyed.admit("b", at: start + .seconds(10), draw: 0)
        keyed.end("a", old, with: .failed, at: start + .seconds(10), draw: 0)
        _ = keyed.admit("a", at: start + .seconds(20), draw: 0)
        keyed.end("a", old, with: .failed, at: start + .seconds(20), draw: 0)
        #expect(keyed.mode(of: "a", at: start + .seconds(20)) == .closed)
    }

    // MARK: - For every seed

    /// Forgetting changes nothing that a caller could see: whenever there is room, the answer is that of breakers of
    /// which none was ever given up.
    @Test func forgettingIsNotNoticed() {
        forSeeds { random in
            let keysMax = Int(random.pick(1...4))
            let breaker = try CircuitBreaker(
                window: .milliseconds(100), callsMin: 2, openMin: .milliseconds(50), openMax: .milliseconds(400),
                probeMax: .milliseconds(30))
            var keyed = try KeyedBreakers<UInt64>(breaker, keysMax: keysMax)
            var all: [UInt64: BreakerSubject] = [:]
            var now = start
            for _ in 0..<30 {
                now = now + .milliseconds(Int64(random.isOne(in: 5) ? random.pick(0...300) : random.pick(0...10)))
                let key = random.pick(0...6), draw = random.next()
                let verdict = keyed.admit(key, at: now, draw: draw)
                try require(keyed.count <= keysMax, "\(keyed.count) of \(keysMax)")
                guard let verdict else {
                    try require(all[key, default: BreakerSubject(breaker)].mode == .closed, "a lost breaker")
                    continue
                }
                var subject = all[key, default: BreakerSubject(breaker)]
                subject.now = now
                subject.random = SeededRandom(seed: draw)
                let (state, expected) = breaker.admitting(subject.state, at: now, draw: draw)
                subject.state = state
                switch (verdict, expected) {
                case (.admitted(let lease), .admitted(let other)) where lease.isProbe == other.isProbe:
                    if lease.isProbe && random.isOne(in: 4) { break }  // never heard of again
                    let sample = random.pick(BreakerSample.allCases)
                    subject.random = SeededRandom(seed: 9)
                    keyed.end(key, lease, with: sample, at: now, draw: SeededRandom.draw(seed: 9, index: 0))
                    subject.end(other, sample)
                default:
                    try require(verdict == expected, "\(verdict), not \(expected)")
                }
                all[key] = subject
            }
        }
    }
}
