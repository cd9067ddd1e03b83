import GyrePolicy
import Testing

@testable import Gyre
@testable import GyreCore

/// How long workers look for work before they sleep: who decides, on what, and when.
@Suite struct SpinTests {
    /// A search time of which a tuner decides, as a runtime has it.
    private func tuned() -> (SpinTuner, SearchTime) {
        let tuner = SpinTuner()
        return (tuner, SearchTime { time, now in tuner.decide(time, at: now) })
    }

    private func record(_ count: Int, gaps: UInt64, wakes: UInt64? = nil, _ time: SearchTime) {
        for _ in 0..<count {
            time.recordGap(nanoseconds: gaps)
            if let wakes { time.recordWake(nanoseconds: wakes) }
        }
    }

    @Test func aWindowIsDecidedOnceAndByItsOwnGaps() {
        let (tuner, time) = tuned()
        #expect(time.nanoseconds == 10_000)
        record(100, gaps: 3_500, wakes: 20_000, time)
        time.decide(at: 1_000)
        #expect(time.nanoseconds == 4_000)
        #expect(tuner.spin.lastDecision?.reason == .cheapest)
        record(100, gaps: 900, time)
        time.decide(at: 1_000_000_999)
        #expect(time.nanoseconds == 4_000, "a window lasts a second")
        time.decide(at: 1_000_001_000)
        #expect(time.nanoseconds == 1_500, "what was measured before does not count again")
        time.decide(at: 2_000_001_000)
        #expect(tuner.spin.lastDecision?.reason == .fewSamples)
        #expect(time.nanoseconds == 1_500)
    }

    @Test func aWakeUpIsTheBoundUntilALaterWindowKnowsBetter() {
        let (tuner, time) = tuned()
        record(100, gaps: 5_900, wakes: 1_800, time)
        time.decide(at: 0)
        #expect(time.nanoseconds <= 5_400)
        record(100, gaps: 5_900, time)
        time.decide(at: 1_000_000_000)
        #expect(time.nanoseconds <= 5_400, "nobody was woken since")
        record(100, gaps: 5_900, wakes: 30_000, time)
        time.decide(at: 2_000_000_000)
        #expect(time.nanoseconds == 6_000 && tuner.spin.value == 6_000)
    }

    @Test func aPinnedTimeStaysAndTheDecisionIsShown() {
        let (tuner, time) = tuned()
        tuner.pin(.microseconds(7), time)
        record(100, gaps: 900, wakes: 20_000, time)
        time.decide(at: 0)
        #expect(time.nanoseconds == 7_000)
        #expect(tuner.spin.isPinned && tuner.spin.lastDecision?.value == 1_500)
        tuner.pin(nil, time)
        record(100, gaps: 900, time)
        time.decide(at: 1_000_000_000)
        #expect(time.nanoseconds == 1_500)
    }

    @Test func aRuntimeShowsItAndKeepsWhatIsPinned() throws {
        let runtime = try makeRuntime { _ in }
        #expect(runtime.learnedSpin.value == 10_000)
        runtime.pinSpin(.microseconds(3))
        #expect(runtime.learnedSpin.value == 3_000 && runtime.pool.searchTime.nanoseconds == 3_000)
        runtime.finish()
    }

    /// Real workers: each task finds one asleep that it has to wake.
    @Test func workersMeasureTheirGapsAndWakeUps() throws {
        let runtime = try makeRuntime(workers: 1)
        let ran = Tally()
        for number in 1...60 {
            let before = parks(of: runtime)
            try runtime.post { ran.add() }
            #expect(eventually { ran.count == number && parks(of: runtime) > before })
        }
        var measured = SearchTime.Measurements()
        measured.advance(over: runtime.pool.searchTime)
        #expect((40...60).contains(measured.gaps.values.count))
        #expect((1...60).contains(measured.wakes.values.count))
        #expect(runtime.learnedSpin.lastDecision != nil)
        runtime.finish()
    }

    private func parks(of runtime: Runtime) -> UInt64 {
        runtime.pool.snapshot().workers.reduce(0) { $0 + $1.parks }
    }
}
