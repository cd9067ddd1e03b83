import GyreCore
import GyrePolicy
import Testing

@Suite struct ErrorThrottleTests {
    private func at(_ milliseconds: UInt64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: milliseconds * 1_000_000)
    }

    /// A dependency that accepts so many requests a second and not one more, asked 100 times a second for 20 minutes;
    /// how many a second were sent in the last half.
    private func sentPerSecond(_ throttle: ErrorThrottle, capacity: Int, seed: UInt64) -> Double {
        var random = SeededRandom(seed: seed)
        var state = ErrorThrottleState()
        var (sent, acceptedThisSecond) = (0, 0)
        for index in 0..<120_000 as Range<UInt64> {
            if index.isMultiple(of: 100) { acceptedThisSecond = 0 }
            let answer = throttle.admit(state, at: at(index * 10), chance: random.next())
            state = answer.state
            guard answer.verdict == .admitted else { continue }
            if index >= 60_000 { sent += 1 }
            guard acceptedThisSecond < capacity else { continue }
            acceptedThisSecond += 1
            state = throttle.accept(state, at: at(index * 10))
        }
        return Double(sent) / 600
    }

    @Test func aHealthyDependencyIsAlwaysAsked() throws {
        #expect(sentPerSecond(try ErrorThrottle(), capacity: 100, seed: 1) == 100)
        #expect(sentPerSecond(try ErrorThrottle(), capacity: 55, seed: 2) == 100)
    }

    @Test func aDeadDependencyIsHardlyAsked() throws {
        let sent = sentPerSecond(try ErrorThrottle(), capacity: 0, seed: 3)
        #expect(sent > 0, "somebody must find out when it is back")
        #expect(sent < 1)
    }

    @Test(arguments: [2, 10, 30]) func inTheLongRunTwiceAsManyAreSentAsAreAccepted(capacity: Int) throws {
        let sent = sentPerSecond(try ErrorThrottle(), capacity: capacity, seed: 4)
        #expect(abs(sent - Double(2 * capacity)) < 0.1 * Double(2 * capacity) + 1, "\(sent) a second")
    }

    @Test func allOfItGoesAgainFifteenMinutesAfterItIsBack() throws {
        let throttle = try ErrorThrottle()
        var random = SeededRandom(seed: 6)
        var state = ErrorThrottleState()
        for index in 0..<10_000 as Range<UInt64> {
            state = throttle.admit(state, at: at(index * 10), chance: random.next()).state
        }
        #expect(throttle.refusalProbability(state) > 0.9)
        for index in 10_000..<100_000 as Range<UInt64> {
            let answer = throttle.admit(state, at: at(index * 10), chance: random.next())
            state = answer.state
            if answer.verdict == .admitted { state = throttle.accept(state, at: at(index * 10)) }
        }
        #expect(throttle.refusalProbability(state) == 0)
    }

    /// Counted at its end, none of a thousand slow failures would be seen before the first has ended.
    @Test func whatHasNotAnsweredYetCountsAtOnce() throws {
        let throttle = try ErrorThrottle()
        var random = SeededRandom(seed: 7)
        var state = ErrorThrottleState()
        var sent = 0
        for _ in 0..<1_000 {
            let answer = throttle.admit(state, at: at(0), chance: random.next())
            state = answer.state
            if answer.verdict == .admitted { sent += 1 }
        }
        #expect(sent >= 25)
        #expect(sent < 250, "\(sent) were sent to somebody who never answered")
    }

    @Test func theCountsFadeAndAnIdleWindowForgets() throws {
        let throttle = try ErrorThrottle(window: .seconds(8))
        var state = ErrorThrottleState()
        for _ in 0..<800 { state = throttle.admit(state, at: at(0), chance: .max).state }
        let later = throttle.admit(state, at: at(1_000), chance: .max).state
        #expect(later.requests == 701)
        #expect(throttle.admit(state, at: at(8_000), chance: .max).state.requests < 300)
        #expect(throttle.admit(state, at: at(200_000), chance: .max).state.requests == 1)
        // Behind by one interval: a thread that was held up.
        #expect(throttle.admit(later, at: at(999), chance: .max).state.requests == 702)
        // Behind by more than any thread is: the circle has been gone round.
        #expect(throttle.admit(state, at: at(40_000_000), chance: .max).state.requests == 1)
    }

    @Test func fullCountsKeepTheirRatio() throws {
        let throttle = try ErrorThrottle()
        var state = ErrorThrottleState(word: UInt64(4_000_000) << 24 | UInt64((1 << 24) - 1))
        let before = throttle.refusalProbability(state)
        state = throttle.admit(state, at: at(0), chance: .max).state
        #expect(state.requests == Double(1 << 20) + 0.875)
        #expect(abs(throttle.refusalProbability(state) - before) < 0.001)
    }

    @Test(arguments: [
        (0.5, Duration.seconds(1), UInt32(0), "ratio"), (.nan, .seconds(1), 0, "ratio"), (2, .zero, 0, "window"),
        (2, .seconds(1), .max, "allowance"),
    ])
    func whatMakesNoSenseIsNamed(ratio: Double, window: Duration, allowance: UInt32, field: String) {
        #expect { try ErrorThrottle(ratio: ratio, window: window, allowance: allowance) } throws: { error in
            (error as? ConfigurationError)?.field == field
        }
    }

    @Test func everyValueSaysWhereItCameFrom() throws {
        #expect(
            try ErrorThrottle(ratio: 1.5).settings.map(\.description)
                == ["ratio = 1.5 (user)", "window = 120 s (default)", "allowance = 25 (default)"])
    }
}
