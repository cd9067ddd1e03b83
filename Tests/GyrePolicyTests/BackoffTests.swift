import GyreCore
import GyrePolicy
import Testing

@Suite struct BackoffTests {
    /// A backoff by chance, with ends of the ranges among them.
    static func made(by random: inout SeededRandom, jitter: Backoff.Jitter) throws -> Backoff {
        let cap: UInt64 = random.pick([1_000, 10_000_000_000, 86_400_000_000_000])
        let base = random.isOne(in: 2) ? random.pick(0...cap) : min(cap, 50_000_000)
        let factor: Double = random.pick([1, 1.5, 2, 1_000])
        return try Backoff(base: .nanoseconds(base), factor: factor, cap: .nanoseconds(cap), jitter: jitter)
    }

    @Test func theDefaultsAreTheDocumentedOnes() throws {
        let lines = try Backoff().settings.map(\.description)
        let documented = [
            "base = 50 ms (default)", "factor = 2.0 (default)", "cap = 10 s (default)", "jitter = byClass (default)",
        ]
        #expect(lines == documented)
    }

    @Test func whatIsOutOfRangeIsRefused() {
        #expect(throws: ConfigurationError.self) { try Backoff(base: .nanoseconds(-1)) }
        #expect(throws: ConfigurationError.self) { try Backoff(base: .seconds(2), cap: .seconds(1)) }
        #expect(throws: ConfigurationError.self) { try Backoff(cap: .seconds(86_401)) }
        #expect(throws: ConfigurationError.self) { try Backoff(factor: 0.9) }
        #expect(throws: ConfigurationError.self) { try Backoff(factor: .nan) }
        #expect(throws: Never.self) { try Backoff(base: .seconds(20)).cap.value == .seconds(20) }
    }

    @Test func theCeilingDoublesUpToTheCap() throws {
        let backoff = try Backoff(jitter: Backoff.Jitter.none)
        let waits = (0..<12 as Range<UInt64>).map {
            backoff.wait(before: $0, isPaced: false, floor: 0, memory: 0, draw: 0).nanoseconds / 1_000_000
        }
        #expect(waits == [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000, 10_000])
    }

    /// Both ends are reached: a jitter that never came near them would be another one.
    @Test func fullJitterGoesFromZeroToTheCeiling() throws {
        let backoff = try Backoff()
        #expect(backoff.wait(before: 2, isPaced: false, floor: 0, memory: 0, draw: 0).nanoseconds == 0)
        #expect(backoff.wait(before: 2, isPaced: false, floor: 0, memory: 0, draw: .max).nanoseconds == 200_000_000)
    }

    @Test func equalJitterGoesFromHalfTheCeilingToAllOfIt() throws {
        let backoff = try Backoff()
        #expect(backoff.wait(before: 2, isPaced: true, floor: 0, memory: 0, draw: 0).nanoseconds == 100_000_000)
        #expect(backoff.wait(before: 2, isPaced: true, floor: 0, memory: 0, draw: .max).nanoseconds == 200_000_000)
    }

    @Test(arguments: Backoff.Jitter.allCases) func noWaitLeavesItsBounds(jitter: Backoff.Jitter) {
        forSeeds { random in
            let backoff = try Self.made(by: &random, jitter: jitter)
            let cap = backoff.cap.value.wholeNanoseconds
            var memory: UInt64 = 0
            for index in 0..<12 as Range<UInt64> {
                let isPaced = random.isOne(in: 2)
                let floor = random.isOne(in: 2) ? random.pick(0...2 * cap) : 0
                let next = backoff.wait(
                    before: index, isPaced: isPaced, floor: floor, memory: memory, draw: random.next())
                try require(next.nanoseconds >= floor, "\(next.nanoseconds) is earlier than the floor \(floor)")
                try require(
                    next.nanoseconds <= max(cap, floor + cap / 2), "\(next.nanoseconds) is beyond the cap \(cap)")
                try require(next.memory < 1 << 48, "memory of more than 48 bits")
                memory = next.memory
            }
        }
    }

    /// All whom the server told the same must not come back together.
    @Test func aFloorKeepsItsJitter() throws {
        let backoff = try Backoff()
        var random = SeededRandom(seed: 1)
        let waits = (0..<1_000).map { _ in
            backoff.wait(before: 3, isPaced: true, floor: 5_000_000_000, memory: 0, draw: random.next()).nanoseconds
        }
        #expect(Set(waits).count > 990)
        #expect(waits.allSatisfy { (5_000_000_000...5_200_000_000).contains($0) })
    }

    @Test func decorrelatedWaitsFollowThoseBefore() throws {
        let backoff = try Backoff(jitter: .decorrelated)
        var wait = backoff.wait(before: 0, isPaced: false, floor: 0, memory: 0, draw: .max)
        #expect(wait.nanoseconds == 150_000_000)
        wait = backoff.wait(before: 1, isPaced: false, floor: 0, memory: wait.memory, draw: .max)
        #expect(wait.nanoseconds == 450_000_000)
        wait = backoff.wait(before: 2, isPaced: false, floor: 0, memory: wait.memory, draw: 0)
        #expect(wait.nanoseconds == 50_000_000)
    }

    /// The waits are differences, so their sum is the formula's value at the last attempt: 2^t · tanh(√4t) / 1.4 ·
    /// base.
    @Test func smoothWaitsAddUpToTheFormula() throws {
        let backoff = try Backoff(base: .seconds(1), cap: .seconds(86_400), jitter: .smooth)
        var sum: UInt64 = 0
        var memory: UInt64 = 0
        for index in 0..<5 as Range<UInt64> {
            // The draw 2^63 is one half.
            let wait = backoff.wait(before: index, isPaced: false, floor: 0, memory: memory, draw: 1 << 63)
            sum += wait.nanoseconds
            memory = wait.memory
        }
        // At t = 4.5: 22.6274 · tanh(√18) = 22.6181, / 1.4 = 16.1558 s.
        #expect((16.155...16.157).contains(Double(sum) / 1e9))
        let late = backoff.wait(before: 65_535, isPaced: false, floor: 0, memory: memory, draw: 0)
        #expect(late.nanoseconds == 86_400_000_000_000)
    }
}
