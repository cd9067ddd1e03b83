import GyreCore
import GyrePolicy
import Testing

@Suite struct SpinControllerTests {
    private let now = MonotonicInstant(nanoseconds: 7)

    private func gaps(_ values: [(UInt64, UInt64)]) -> LatencyHistogram {
        var histogram = LatencyHistogram()
        for (gap, times) in values { histogram.record(nanoseconds: gap, times: times) }
        return histogram
    }

    @Test func aWorkerSpinsAsLongAsWorkUsuallyComes() {
        var controller = SpinController()
        controller.update(gaps([(3_500, 900), (5_000_000, 100)]), wakeNanoseconds: 20_000, at: now)
        #expect(controller.spin.value == 4_000)
        #expect(controller.spin.lastDecision?.reason == .cheapest)
        controller.update(gaps([(900, 50), (5_000_000, 950)]), wakeNanoseconds: 20_000, at: now)
        #expect(controller.spin.value == 1_500)
        controller.update(gaps([(9_500, 1_000)]), wakeNanoseconds: 20_000, at: now)
        #expect(controller.spin.value == 10_000)
    }

    @Test func spinningIsNeverLongerThanAWakeUp() {
        var controller = SpinController()
        controller.update(gaps([(5_900, 1_000)]), wakeNanoseconds: 5_500, at: now)
        #expect(controller.spin.value <= 5_500)
        controller.update(gaps([(4_900, 1_000)]), wakeNanoseconds: 5_500, at: now)
        #expect(controller.spin.value == 5_000)
        #expect(controller.spin.lastDecision?.reason == .bounded)
        controller.update(gaps([(1_000, 100)]), wakeNanoseconds: 1, at: now)
        #expect(controller.spin.value == 1_500)
    }

    @Test func fewGapsDecideNothingAndAPinnedTimeStays() {
        var controller = SpinController()
        controller.update(gaps([(1_000, 49)]), wakeNanoseconds: 20_000, at: now)
        #expect(controller.spin.value == 10_000)
        #expect(controller.spin.lastDecision?.reason == .fewSamples)
        controller.pin(.microseconds(7))
        controller.update(gaps([(1_000, 50)]), wakeNanoseconds: 20_000, at: now)
        #expect(controller.spin.value == 7_000)
        #expect(controller.spin.lastDecision?.value == 1_500)
        controller.unpin()
        controller.update(gaps([(1_000, 50)]), wakeNanoseconds: 20_000, at: now)
        #expect(controller.settings.map(\.description) == ["spinNanoseconds = 1500 (learned)"])
    }

    /// Against the definition: no candidate would have cost less on the very same gaps.
    @Test func noOtherTimeWouldHaveCostLess() throws {
        forSeeds(1_000) { random in
            var controller = SpinController()
            let values = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                (UInt64.random(in: 1...30_000, using: &random), UInt64.random(in: 50...90, using: &random))
            }
            let wake = UInt64.random(in: 1_500...30_000, using: &random)
            controller.update(gaps(values), wakeNanoseconds: wake, at: MonotonicInstant(nanoseconds: 0))
            func cost(_ spin: UInt64) -> Double {
                values.reduce(0) { $0 + Double($1.0 <= spin ? $1.0 : spin + wake) * Double($1.1) }
            }
            let chosen = cost(controller.spin.value)
            for candidate in SpinController.candidates where candidate <= wake {
                // A gap is read back within 0.79 %, so one beside a candidate may be taken for the other side of it.
                guard values.allSatisfy({ abs(Double($0.0) - Double(candidate)) > 0.01 * Double(candidate) }),
                    values.allSatisfy({
                        abs(Double($0.0) - Double(controller.spin.value)) > 0.01 * Double(controller.spin.value)
                    })
                else { continue }
                try require(
                    chosen <= cost(candidate) * 1.02, "\(controller.spin.value) costs \(chosen), \(candidate) less")
            }
        }
    }
}
