import GyreCore
import GyrePolicy
import Testing

@Suite struct BatchControllerTests {
    private func at(_ microseconds: UInt64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: microseconds * 1_000)
    }

    /// A model that takes 10 ms and 1 ms per member, with a goal of 50 ms: 40 members fit.
    @Test func theSizeSettlesWhereTheGoalIsKept() throws {
        var controller = BatchController(try BatchPolicy(max: 1_000, goal: .milliseconds(50)))
        var sizes: [Int] = []
        for index in 0..<20_000 as Range<UInt64> {
            let milliseconds = 10 + UInt64(controller.size.value)
            controller.record(nanoseconds: milliseconds * 1_000_000, wasFull: true, at: at(index))
            sizes.append(controller.size.value)
        }
        let settled = sizes.suffix(10_000)
        #expect((settled.min() ?? 0) >= 35)
        #expect((settled.max() ?? 0) <= 41)
        #expect(controller.expectedNanoseconds > 44_000_000)
    }

    @Test func batchesThatWereNotFullProveNothing() throws {
        var controller = BatchController(try BatchPolicy(max: 10, goal: .seconds(1)))
        for _ in 0..<20 { controller.record(nanoseconds: 5, wasFull: false, at: at(0)) }
        #expect(controller.size.value == 1)
        #expect(controller.size.lastDecision?.reason == .unused)
        for _ in 0..<(20 * 15) { controller.record(nanoseconds: 5, wasFull: true, at: at(0)) }
        #expect(controller.size.value == 10)
        #expect(controller.size.lastDecision?.reason == .bounded)
    }

    @Test func withoutAGoalABatchIsAsLargeAsItMayBe() throws {
        var controller = BatchController(try BatchPolicy(max: 10))
        for _ in 0..<40 { controller.record(nanoseconds: 1 << 40, wasFull: true, at: at(0)) }
        #expect(controller.size.value == 10)
        #expect(controller.size.lastDecision == nil)
    }

    @Test func aPinnedSizeStays() throws {
        var controller = BatchController(try BatchPolicy(max: 10, goal: .seconds(1)))
        controller.pin(99)
        #expect(controller.size.value == 10)
        controller.pin(4)
        for _ in 0..<20 { controller.record(nanoseconds: 5, wasFull: true, at: at(0)) }
        #expect(controller.size.value == 4)
        #expect(controller.size.lastDecision?.value == 5)
        controller.unpin()
        for _ in 0..<20 { controller.record(nanoseconds: 5, wasFull: true, at: at(0)) }
        #expect(controller.size.value == 5)
        #expect(
            controller.settings.map(\.description)
                == ["max = 10 (user)", "within = 0 s (default)", "goal = 1 s (user)", "size = 5 (learned)"])
    }
}
