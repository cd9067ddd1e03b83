import GyreCore
import Synchronization
import Testing

@Suite struct EventCountTests {
    private let clock = MonotonicClock.system(.kernel)

    @Test func aConditionThatHoldsIsNotWaitedFor() {
        let event = EventCount()
        #expect(event.wait(until: nil, clock: clock) { true })
        #expect(event.wait(until: .distantPast, clock: clock) { true })
    }

    @Test func aDeadlineThatHasPassedEndsTheWait() {
        let event = EventCount()
        #expect(!event.wait(until: .distantPast, clock: clock) { false })
        let deadline = clock.now + .milliseconds(1)
        #expect(!event.wait(until: deadline, clock: clock) { false })
        #expect(clock.now >= deadline)
    }

    /// The condition becomes true in many small steps, each of them notified; the waiters need all of them.
    @Test func everyWaiterSeesTheLastStep() {
        let event = EventCount()
        let clock = clock
        let steps = Atomic(0)
        let arrived = Atomic(0)
        onThreads(4) { me in
            if me == 0 {
                for _ in 0..<3_000 {
                    steps.wrappingAdd(1, ordering: .relaxed)
                    event.notifyAll()
                }
            } else if event.wait(until: nil, clock: clock, { steps.load(ordering: .relaxed) == 3_000 }) {
                arrived.wrappingAdd(1, ordering: .relaxed)
            }
        }
        #expect(arrived.load(ordering: .relaxed) == 3)
    }
}
