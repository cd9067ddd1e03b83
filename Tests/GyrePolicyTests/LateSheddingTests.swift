import GyreCore
import GyrePolicy
import Testing

@Suite struct LateSheddingTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)
    private var late: Deadline { Deadline(start, by: .parent) }

    @Test func theDefaultsAreTheDocumentedOnes() throws {
        let lines = try LateShedding().settings.map(\.description)
        #expect(lines == ["share = 0.2 (default)", "period = 10 s (default)"])
        #expect(throws: ConfigurationError.self) { try LateShedding(share: 1.5) }
        #expect(throws: ConfigurationError.self) { try LateShedding(period: .zero) }
    }

    @Test func aDeadlineOfThisProcessIsAlwaysKept() throws {
        let policy = try LateShedding()
        for _ in 0..<100 {
            let next = policy.verdict(deadline: late, isSuspect: false, in: LateSheddingState(), at: start)
            #expect(next.verdict == .shed)
            #expect(next.state.word == 0)
        }
        let early = policy.verdict(
            deadline: late, isSuspect: false, in: LateSheddingState(), at: start - .nanoseconds(1))
        #expect(early.verdict == .run)
    }

    @Test func aClockThatMakesEverythingLateShedsAFifth() throws {
        let policy = try LateShedding()
        var state = LateSheddingState()
        var shed = 0
        for _ in 0..<1_000 {
            let next = policy.verdict(deadline: late, isSuspect: true, in: state, at: start)
            state = next.state
            if next.verdict == .shed { shed += 1 } else { #expect(next.verdict == .runLate) }
        }
        #expect(shed == 200)
    }

    @Test func aPeriodBeginsAnew() throws {
        let policy = try LateShedding(share: 1)
        let first = policy.verdict(deadline: late, isSuspect: true, in: LateSheddingState(), at: start)
        #expect(first.state.shedCount == 1)
        let next = policy.verdict(deadline: .never, isSuspect: true, in: first.state, at: start + .seconds(10))
        #expect(next.state.shedCount == 0 && next.state.seenCount == 1)
    }

    @Test func twoMillionInAPeriodStayInTheirFields() throws {
        let policy = try LateShedding()
        var state = LateSheddingState()
        for _ in 0..<1_100_000 { state = policy.verdict(deadline: late, isSuspect: true, in: state, at: start).state }
        let share = Double(state.shedCount) / Double(state.seenCount)
        #expect((0.199_99...0.200_01).contains(share))
    }

    @Test func inNoPeriodMoreThanTheShareIsShed() {
        forSeeds { random in
            let share = random.next().unit
            let policy = try LateShedding(share: share, period: .milliseconds(10))
            var state = LateSheddingState()
            var now = start
            var seen: [UInt64: (seen: Int, shed: Int)] = [:]
            for _ in 0..<40 {
                now = now + .microseconds(Int64(random.pick(0...1_500)))
                let isSuspect = !random.isOne(in: 4)
                let deadline = random.isOne(in: 2) ? late : .never
                let next = policy.verdict(deadline: deadline, isSuspect: isSuspect, in: state, at: now)
                state = next.state
                try require(next.verdict == .run || deadline == late, "\(next.verdict) without being late")
                guard isSuspect else { continue }
                var counts = seen[now.nanoseconds / 10_000_000, default: (0, 0)]
                counts.seen += 1
                if next.verdict == .shed { counts.shed += 1 }
                seen[now.nanoseconds / 10_000_000] = counts
                try require(
                    Double(counts.shed) <= (share + 1e-6) * Double(counts.seen), "\(counts.shed) of \(counts.seen)")
            }
        }
    }
}
