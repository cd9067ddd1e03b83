import GyreCore
import Synchronization
import Testing

/// The Swift faces of the ring; the algorithm itself is tested in C.
@Suite struct RingTests {
    @Test(arguments: [-1, 0, 1, (1 << 29) + 1])
    func aCapacityThatIsNoQueueIsRefused(capacity: Int) {
        let error = #expect(throws: ConfigurationError.self) { try Ring<String>(capacity: capacity) }
        #expect(error?.field == "capacity")
        #expect(error?.reason.contains("\(capacity)") == true)
    }

    @Test(arguments: [2, 3, 7, 64, 1_000])
    func theNumberAskedForIsTheNumberThatFits(capacity: Int) throws {
        let ring = try Ring<String>(capacity: capacity)
        for lap in 0..<3 {
            for index in 0..<capacity { #expect(ring.tryPush("\(lap).\(index)") == .pushed) }
            #expect(ring.tryPush("one more") == .full)
            #expect(ring.approximateCount == capacity)
            for index in 0..<capacity { #expect(ring.tryPop().element == "\(lap).\(index)") }
            guard case .empty = ring.tryPop() else {
                Issue.record("an emptied ring says empty")
                return
            }
        }
    }

    @Test func aClosedRingGivesBackWhatIsInAndRefusesMore() throws {
        let ring = try Ring<Int>(capacity: 4)
        _ = ring.tryPush(1)
        _ = ring.tryPush(2)
        #expect(ring.close())
        #expect(!ring.close())
        #expect(ring.tryPush(3) == .closed)
        #expect(ring.tryPop().element == 1)
        #expect(ring.tryPop().element == 2)
        guard case .drained = ring.tryPop() else {
            Issue.record("a closed and emptied ring says drained")
            return
        }
    }

    @Test func whatIsLeftInARingIsReleasedWithIt() throws {
        final class Counted: Sendable {
            static let live = Atomic<Int>(0)
            init() { Self.live.add(1, ordering: .relaxed) }
            deinit { Self.live.subtract(1, ordering: .relaxed) }
        }
        do {
            let ring = try Ring<Counted>(capacity: 3)
            for _ in 0..<5 { _ = ring.tryPush(Counted()) }
            #expect(Counted.live.load(ordering: .relaxed) == 3)
        }
        #expect(Counted.live.load(ordering: .relaxed) == 0)
    }

    @Test func handlesTravelWithoutSlots() throws {
        let ring = try HandleRing(capacity: 2)
        #expect(ring.tryPush(HandleRing.handleMax) == .pushed)
        #expect(ring.tryPush(0) == .pushed)
        #expect(ring.tryPush(1) == .full)
        #expect(ring.tryPop().element == HandleRing.handleMax)
        #expect(ring.close())
        #expect(ring.tryPush(1) == .closed)
        #expect(ring.tryPop().element == 0)
        #expect(ring.approximateCount == 0)
    }
}
