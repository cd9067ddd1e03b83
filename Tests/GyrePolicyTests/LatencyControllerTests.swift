import GyreCore
import GyrePolicy
import Testing

@Suite struct LatencyControllerTests {
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
}
