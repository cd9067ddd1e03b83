import GyreCore
import GyrePolicy
import Testing

@Suite struct ControllerTests {
    private let now = MonotonicInstant(nanoseconds: 7)

    /// 1 to `count` times `unit`.
    private func evenly(_ count: UInt64, unit: UInt64) -> LatencyHistogram {
        var histogram = LatencyHistogram()
        for index in 1...count { histogram.record(nanoseconds: index * unit) }
        return histogram
    }

    private func isNear(_ value: UInt64?, _ expected: Double) -> Bool {
        value.map { abs(Double($0) - expected) <= 0.008 * expected } ?? false
    }

    @Test func aCallIsLateAfterTheNinetyFifthPercentile() throws {
        var controller = LatencyController()
        #expect(controller.hedgeLatency == nil)
        controller.update(evenly(49, unit: 1_000_000), at: now)
        #expect(controller.hedgeLatency == nil)
        #expect(controller.hedgeDelay.lastDecision?.reason == .fewSamples)
        controller.update(evenly(2_000, unit: 1_000), at: now)
        #expect(isNear(controller.hedgeLatency?.usuallyNanoseconds, 1_900_000))
        #expect(controller.hedgeLatency?.samples == 2_000)
        #expect(isNear(controller.slowest.value, 1_998_000))
        #expect(controller.slowest.lastDecision?.reason == .percentile)
        #expect(controller.slowest.lastDecision?.instant == now)
    }

    @Test func aThousandthIsNotKnownFromAHundred() {
        var controller = LatencyController()
        controller.update(evenly(999, unit: 1_000), at: now)
        #expect(controller.slowest.value == nil)
        #expect(controller.slowest.lastDecision?.reason == .fewSamples)
        #expect(controller.hedgeDelay.value != nil)
    }

    @Test func whenEverythingIsSlowTheMedianSaysSoAndHedgingStops() throws {
        let policy = try HedgePolicy()
        func facts(_ controller: LatencyController) -> HedgeFacts {
            HedgeFacts(isIdempotent: true, latency: controller.hedgeLatency)
        }
        var controller = LatencyController()
        for _ in 0..<20 { controller.update(evenly(100, unit: 100_000), at: now) }
        #expect(throws: Never.self) { try policy.planning(facts(controller), started: now).get() }
        controller.update(evenly(100, unit: 300_000), at: now)
        #expect(controller.hedgeDelay.lastDecision?.reason == .medianMoved)
        #expect(throws: HedgeRefusal.slowService) { try policy.planning(facts(controller), started: now).get() }
        for _ in 0..<20 { controller.update(evenly(100, unit: 300_000), at: now) }
        #expect(controller.hedgeDelay.lastDecision?.reason == .percentile, "a new normal is learned")
        #expect(throws: Never.self) { try policy.planning(facts(controller), started: now).get() }
    }

    @Test func pinnedFiguresStayAndShowWhatWouldHaveBeen() {
        var controller = LatencyController()
        controller.pinHedgeDelay(.milliseconds(3))
        controller.pinSlowest(.milliseconds(9))
        controller.update(evenly(1_000, unit: 1_000), at: now)
        #expect(controller.hedgeLatency?.usuallyNanoseconds == 3_000_000)
        #expect(controller.slowest.value == 9_000_000)
        #expect(isNear(controller.slowest.lastDecision?.value ?? nil, 999_000))
        #expect(
            controller.settings.map(\.description)
                == ["hedgeDelayNanoseconds = 3000000 (user)", "slowestNanoseconds = 9000000 (user)"])
        controller.pinHedgeDelay(nil)
        controller.pinSlowest(nil)
        controller.update(evenly(1_000, unit: 1_000), at: now)
        #expect(isNear(controller.hedgeLatency?.usuallyNanoseconds, 950_000))
        #expect(controller.settings.allSatisfy { $0.source == .learned })
    }

    // MARK: - Spinning

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
