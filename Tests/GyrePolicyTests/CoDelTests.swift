import GyreCore
import GyrePolicy
import Testing

@Suite struct CoDelTests {
    private let milliseconds: UInt64 = 1_000_000

    private func run(
        _ codel: CoDel, _ samples: [(at: UInt64, wait: UInt64)]
    ) -> [CoDel.Verdict] {
        var state = CoDelState()
        return samples.map { sample in
            let answer = codel.admit(
                state, waitedNanoseconds: sample.wait * milliseconds,
                at: MonotonicInstant(nanoseconds: sample.at * milliseconds))
            state = answer.state
            return answer.verdict
        }
    }

    @Test func aStandingQueueIsShedFromTheNextIntervalOn() throws {
        let verdicts = run(try CoDel(), [(1_000, 6), (1_050, 60), (1_100, 60), (1_101, 60), (1_102, 10), (1_103, 11)])
        #expect(verdicts == [.run, .run, .run, .shed, .run, .shed])
    }

    @Test func aBurstThatDrainsIsLeftAlone() throws {
        let verdicts = run(try CoDel(), [(1_000, 90), (1_050, 50), (1_099, 4), (1_100, 90), (1_110, 90)])
        #expect(verdicts == Array(repeating: .run, count: 5))
    }

    @Test func aQuietHourIsForgotten() throws {
        let verdicts = run(try CoDel(), [(1_000, 500), (1_010, 500), (3_601_000, 400), (3_601_010, 300)])
        #expect(verdicts == Array(repeating: .run, count: 4))
    }

    @Test func aThreadThatWasHeldUpDoesNotTurnTimeBack() throws {
        let verdicts = run(
            try CoDel(), [(1_000, 60), (1_100, 60), (1_099, 60), (1_101, 60)])
        #expect(verdicts == [.run, .run, .shed, .shed])
    }

    @Test func mostCallsOfAQuietQueueChangeNothing() throws {
        let codel = try CoDel()
        let now = MonotonicInstant(nanoseconds: 1_000 * milliseconds)
        let state = codel.admit(.init(), waitedNanoseconds: 0, at: now).state
        #expect(codel.admit(state, waitedNanoseconds: 80 * milliseconds, at: now).state == state)
    }

    @Test(arguments: [
        (Duration.zero, Duration.seconds(1), "target"), (.seconds(600), .seconds(900), "target"),
        (.seconds(1), .seconds(1), "interval"),
    ])
    func whatMakesNoSenseIsNamed(target: Duration, interval: Duration, field: String) {
        #expect { try CoDel(target: target, interval: interval) } throws: { error in
            (error as? ConfigurationError)?.field == field
        }
    }

    @Test func everyValueSaysWhereItCameFrom() throws {
        #expect(
            try CoDel(target: .milliseconds(5)).settings.map(\.description) == [
                "target = 5 ms (user)", "interval = 100 ms (default)", "newestFirstWhileOverloaded = false (default)",
            ])
    }

    /// C1 and C2 against a list of all waits.
    @Test func nothingIsShedWhileTheShortestWaitIsUnderTheTarget() throws {
        let codel = try CoDel()
        var (shed, histories) = (0, 0)
        forSeeds { random in
            histories += 1
            var state = CoDelState()
            var now = UInt64.random(in: 0...(1 << 60), using: &random)
            var shortest: [UInt64: UInt64] = [:]
            let waitMost = UInt64.random(in: 1...60, using: &random) * milliseconds
            let pauseMost = UInt64.random(in: 1...150, using: &random) * milliseconds
            for _ in 0..<40 {
                now += UInt64.random(in: 0...pauseMost, using: &random)
                let wait = UInt64.random(in: 0...waitMost, using: &random)
                let interval = now / (100 * milliseconds)
                let answer = codel.admit(
                    state, waitedNanoseconds: wait, at: MonotonicInstant(nanoseconds: now))
                state = answer.state
                if answer.verdict == .shed {
                    shed += 1
                    let before = shortest[interval - 1]
                    try require(before.map { $0 > 5 * milliseconds } ?? false, "shed after \(before ?? 0) ns")
                    try require(shortest[interval] != nil, "shed the first of an interval")
                    try require(wait > 10 * milliseconds, "shed after waiting \(wait) ns")
                }
                shortest[interval] = min(shortest[interval] ?? .max, wait)
            }
        }
        #expect(shed > histories, "the histories must shed: \(shed)")
    }
}
