import GyreCore
import GyrePolicy
import Testing

@Suite struct RateLimitTests {
    private func at(_ nanoseconds: UInt64) -> MonotonicInstant { MonotonicInstant(nanoseconds: nanoseconds) }

    @Test func oneByOneIsPacedEvenly() throws {
        let limit = try RateLimit(10, per: .seconds(1))
        let first = limit.admit(.init(), at: at(5))
        #expect(first.verdict == .granted)
        let second = limit.admit(first.state, at: at(6))
        #expect(second.verdict == .wait(until: at(100_000_005)))
        #expect(second.state == first.state)
    }

    @Test func aBurstGoesAtOnceAndThenThePaceHolds() throws {
        let limit = try RateLimit(60, per: .seconds(60), burst: 5)
        var state = RateLimitState()
        for _ in 0..<5 { state = limit.admit(state, at: at(0)).state }
        #expect(limit.available(state, at: at(0)) == 0)
        #expect(limit.admit(state, at: at(0)).verdict == .wait(until: at(1_000_000_000)))
        #expect(limit.available(state, at: at(3_000_000_000)) == 3)
        #expect(limit.available(state, at: at(.max)) == 5)
    }

    @Test func whatIsLargerThanTheBurstFailsAtOnceWithTheNumbers() throws {
        let limit = try RateLimit(30_000, per: .seconds(60), burst: 30_000)
        let answer = limit.admit(.init(), cost: 36_055, at: at(0))
        #expect(answer.verdict == .exceedsBurst(asked: 36_055, burst: 30_000))
        #expect(answer.state == .init())
        #expect(limit.admit(.init(), cost: 30_000, at: at(0)).verdict == .granted)
    }

    @Test func aLimitThatDividesNoSecondIsNotRoundedUp() throws {
        let limit = try RateLimit(7, per: .seconds(1), burst: 7)
        var state = RateLimitState()
        var granted = 0
        for nanoseconds in stride(from: UInt64(0), to: 100_000_000_000, by: 1_000_000) {
            let answer = limit.admit(state, at: at(nanoseconds))
            if answer.verdict == .granted { granted += 1 }
            state = answer.state
        }
        #expect((693...707).contains(granted), "\(granted) in 100 seconds at 7 a second and a burst of 7")
    }

    @Test func afterA429NobodyIsServedBeforeTheInstantItNames() throws {
        let limit = try RateLimit(100, per: .seconds(1), burst: 50)
        let state = limit.throttle(.init(), until: at(9_000_000_000))
        #expect(limit.admit(state, at: at(1_000_000_000)).verdict == .wait(until: at(9_000_000_000)))
        #expect(limit.admit(state, at: at(8_999_999_999)).verdict == .wait(until: at(9_000_000_000)))
        let resumed = limit.admit(state, at: at(9_000_000_000))
        #expect(resumed.verdict == .granted)
        #expect(limit.admit(resumed.state, at: at(9_000_000_000)).verdict == .wait(until: at(9_010_000_000)))
        #expect(limit.throttle(state, until: at(2_000_000_000)) == state, "a nearer instant loosens nothing")
    }

    @Test func whatTheServerSaysIsLeftIsBelievedWhenItIsLess() throws {
        let limit = try RateLimit(60, per: .seconds(60), burst: 60)
        let used = limit.admit(.init(), cost: 10, at: at(0)).state
        #expect(limit.available(limit.observe(used, remaining: 7, at: at(0)), at: at(0)) == 7)
        #expect(limit.available(limit.observe(used, remaining: 55, at: at(0)), at: at(0)) == 50)
        #expect(limit.available(limit.observe(used, remaining: 999, at: at(0)), at: at(0)) == 50)
    }

    @Test func whatWasUsedOnTopIsOwed() throws {
        let limit = try RateLimit(1, per: .seconds(1), burst: 10)
        let granted = limit.admit(.init(), cost: 4, at: at(0)).state
        func corrected(_ used: UInt64) -> RateLimitState {
            limit.correct(granted, granted: 4, used: used, arrival: granted, at: at(0))
        }
        #expect(limit.available(corrected(9), at: at(0)) == 1)
        #expect(limit.available(corrected(1), at: at(0)) == 9)
        #expect(limit.admit(corrected(12), at: at(0)).verdict == .wait(until: at(3_000_000_000)))
    }

    @Test func whatHasRefilledMeanwhileDoesNotComeBackToo() throws {
        let limit = try RateLimit(1, per: .seconds(1), burst: 10)
        let first = limit.admit(.init(), cost: 4, at: at(0)).state
        let second = limit.admit(first, cost: 10, at: at(5_000_000_000)).state
        let after = limit.correct(second, granted: 4, used: 0, arrival: first, at: at(5_000_000_000))
        #expect(limit.available(after, at: at(5_000_000_000)) == 0)
        let half = limit.correct(first, granted: 4, used: 0, arrival: first, at: at(2_000_000_000))
        #expect(limit.available(half, at: at(2_000_000_000)) == 10)
    }

    @Test func theEndOfTimeIsNotThePast() throws {
        let limit = try RateLimit(1, per: .seconds(3600))
        let late = limit.admit(.init(), at: at(.max - 5)).state
        #expect(late.word == .max)
        #expect(limit.admit(late, at: at(1)).verdict != .granted)
        #expect(limit.correct(late, granted: 1, used: .max, arrival: late, at: at(1)).word == .max)
        #expect(limit.correct(.init(), granted: .max, used: 0, arrival: late, at: at(1)).word == 0)
    }

    @Test(arguments: [
        (UInt64(0), Duration.seconds(1), UInt64(1), "limit"), (1, .zero, 1, "period"), (1, .seconds(1), 0, "burst"),
        (1, .seconds(86_400), .max, "burst"),
    ])
    func whatMakesNoSenseIsNamed(limit: UInt64, period: Duration, burst: UInt64, field: String) {
        #expect { try RateLimit(limit, per: period, burst: burst) } throws: { error in
            (error as? ConfigurationError)?.field == field
        }
    }

    @Test func everyValueSaysWhereItCameFrom() throws {
        #expect(
            try RateLimit(3, per: .seconds(1)).settings.map(\.description)
                == ["limit = 3 (user)", "period = 1 s (user)", "burst = 1 (default)"])
    }

    // MARK: - For all histories

    /// R1. With S the cost granted so far, in units of 1/period so that nothing is rounded, any span from grant i to
    /// grant j keeps `cost·period <= burst·period + (t + 1)·limit`. One pass checks all spans: the worst beginning for
    /// each end is the one with the smallest `S - t·limit` before it.
    @Test func noSpanEverGetsMoreThanItsQuota() throws {
        forSeeds { random in
            var history = try History(&random)
            for _ in 0..<60 {
                history.pause(&random)
                let cost = UInt64.random(in: 1...history.burst, using: &random)
                let answer = history.limit.admit(history.state, cost: cost, at: history.now)
                if answer.verdict == .granted { try history.count(cost) }
                history.state = answer.state
            }
        }
    }

    /// The same when each request gives back, at some later time, what it did not use.
    @Test func whatComesBackNeverAddsUpToMoreThanTheQuota() throws {
        forSeeds { random in
            var history = try History(&random)
            var open: [(granted: UInt64, arrival: RateLimitState)] = []
            for _ in 0..<60 {
                history.pause(&random)
                if !open.isEmpty, Bool.random(using: &random) {
                    let done = open.remove(at: Int.random(in: open.indices, using: &random))
                    let used = UInt64.random(in: 0...done.granted, using: &random)
                    history.state = history.limit.correct(
                        history.state, granted: done.granted, used: used, arrival: done.arrival, at: history.now)
                    history.giveBack(done.granted - used)
                }
                let cost = UInt64.random(in: 1...history.burst, using: &random)
                let answer = history.limit.admit(history.state, cost: cost, at: history.now)
                if answer.verdict == .granted {
                    open.append((cost, answer.state))
                    try history.count(cost)
                }
                history.state = answer.state
            }
        }
    }

    /// R2.
    @Test func aRefusalIsExactToTheNanosecond() throws {
        forSeeds { random in
            var history = try History(&random)
            for _ in 0..<20 {
                let cost = UInt64.random(in: 1...history.burst, using: &random)
                let answer = history.limit.admit(history.state, cost: cost, at: history.now)
                if case .wait(let until) = answer.verdict {
                    try require(answer.state == history.state, "a refusal changed the state")
                    let before = MonotonicInstant(nanoseconds: until.nanoseconds - 1)
                    let early = history.limit.admit(history.state, cost: cost, at: before).verdict
                    try require(early == .wait(until: until), "granted too early: \(early)")
                    let then = history.limit.admit(history.state, cost: cost, at: until)
                    try require(then.verdict == .granted, "not granted at the instant it named")
                    let available = history.limit.available(history.state, at: until)
                    try require(available >= cost, "\(available) available, \(cost) granted")
                    history.now = until
                    history.state = then.state
                } else {
                    history.state = answer.state
                }
            }
        }
    }
}

/// A limit, a clock, and the sums that judge every span.
private struct History {
    let limit: RateLimit
    let burst: UInt64
    var state = RateLimitState()
    var now: MonotonicInstant
    private let rate: Int128
    private let period: Int128
    private var granted: Int128 = 0
    private var lowest = Int128.max

    init(_ random: inout SeededRandom) throws {
        let rate = UInt64.random(in: 1...1_000, using: &random)
        let period = UInt64.random(in: 1...10_000_000_000, using: &random)
        burst = UInt64.random(in: 1...50, using: &random)
        limit = try RateLimit(rate, per: .nanoseconds(period), burst: burst)
        self.rate = Int128(rate)
        self.period = Int128(period)
        now = MonotonicInstant(nanoseconds: UInt64.random(in: 0...(1 << 61), using: &random))
    }

    /// Mostly about as long as a few units take, so that the limit is met; sometimes nothing, sometimes long.
    mutating func pause(_ random: inout SeededRandom) {
        let unit = UInt64(period / rate) + 1
        let most = [0, unit, unit * 4, unit * 4, unit * 100][Int.random(in: 0..<5, using: &random)]
        now = MonotonicInstant(nanoseconds: now.nanoseconds + UInt64.random(in: 0...most, using: &random))
    }

    mutating func giveBack(_ cost: UInt64) {
        granted -= Int128(cost)
    }

    mutating func count(_ cost: UInt64) throws {
        let time = Int128(now.nanoseconds) * rate
        lowest = min(lowest, granted * period - time)
        granted += Int128(cost)
        let most = Int128(burst) * period + rate
        try require(granted * period - time - lowest <= most, "more than \(limit.settings) granted by \(now)")
    }
}
