import GyreCore
import Synchronization
import Testing

@Suite struct DrainGateTests {
    private let clock = MonotonicClock.system(.kernel)

    @Test func aClosedGateLetsNobodyIn() throws {
        let gate = DrainGate()
        let stripe = try #require(gate.enter())
        #expect(gate.inside == 1)
        #expect(!gate.isClosed)
        #expect(gate.close())
        #expect(!gate.close())
        #expect(gate.isClosed)
        #expect(gate.enter() == nil)
        #expect(!gate.wait(until: .distantPast, clock: clock))
        gate.leave(stripe)
        #expect(gate.wait(until: nil, clock: clock))
        #expect(gate.inside == 0)
    }

    @Test func whoWaitsSeesAllThatWasDoneInside() {
        let clock = clock
        for _ in 0..<100 {
            let gate = DrainGate()
            let entered = Atomic(0)
            let left = Atomic(0)
            let missing = Atomic(0)
            onThreads(4) { me in
                if me == 0 {
                    while entered.load(ordering: .relaxed) < 50 {}
                    gate.close()
                    let isDrained = gate.wait(until: nil, clock: clock)
                    let difference = entered.load(ordering: .relaxed) - left.load(ordering: .relaxed)
                    if difference != 0 || !isDrained { missing.wrappingAdd(1, ordering: .relaxed) }
                } else {
                    while let stripe = gate.enter() {
                        entered.wrappingAdd(1, ordering: .relaxed)
                        left.wrappingAdd(1, ordering: .relaxed)
                        gate.leave(stripe)
                    }
                }
            }
            #expect(missing.load(ordering: .relaxed) == 0)
        }
    }
}
