import CGyre
import Synchronization
import Testing

@Suite struct GateTests {
    @Test func anOpenGateLetsInAndOut() {
        let gate = Gate()
        #expect(gyre_gate_enter(gate.pointer, 3))
        #expect(gyre_gate_enter(gate.pointer, 4))
        #expect(gyre_gate_inside(gate.pointer) == 2)
        gyre_gate_leave(gate.pointer, 3)
        gyre_gate_leave(gate.pointer, 4)
        #expect(gyre_gate_inside(gate.pointer) == 0)
        #expect(!gyre_gate_is_closed(gate.pointer))
    }

    @Test func aClosedGateRefusesOnEveryStripe() {
        let gate = Gate()
        #expect(gyre_gate_close(gate.pointer))
        #expect(!gyre_gate_close(gate.pointer))
        #expect(gyre_gate_is_closed(gate.pointer))
        for stripe: UInt32 in 0..<40 { #expect(!gyre_gate_enter(gate.pointer, stripe)) }
        #expect(gyre_gate_inside(gate.pointer) == 0)
        #expect(gyre_gate_wait(gate.pointer, UInt64.max))
    }

    @Test(arguments: [0, 7, 15, UInt32.max]) func theWaitEndsAtItsDeadlineWhileSomebodyIsInside(stripe: UInt32) {
        let gate = Gate()
        #expect(gyre_gate_enter(gate.pointer, stripe))
        gyre_gate_close(gate.pointer)
        let deadline = monotonicNanoseconds() + 1_000_000
        #expect(!gyre_gate_wait(gate.pointer, deadline))
        #expect(monotonicNanoseconds() >= deadline)
        gyre_gate_leave(gate.pointer, stripe)
        #expect(gyre_gate_wait(gate.pointer, 0))
    }

    /// Threads come and go, each writing plain words of its own while it is inside. After the wait one thread reads
    /// them all: what is missing was lost, what races is reported by ThreadSanitizer. Nobody may come inside
    /// afterwards.
    @Test(arguments: [1, 16]) func theWaitSeesWhatWasDoneInsideAndNothingFollows(stripes: UInt32) {
        let threads = 5
        for _ in 0..<60 {
            let gate = Gate()
            let words = Plain(count: threads)
            let counted = Atomic(0)
            let drained = Atomic(false)
            let late = Atomic(0)
            onThreads(threads + 1) { me in
                if me == threads {
                    while counted.load(ordering: .relaxed) < 200 { gyre_pause() }
                    gyre_gate_close(gate.pointer)
                    _ = gyre_gate_wait(gate.pointer, UInt64.max)
                    drained.store(true, ordering: .relaxed)
                    let sum = (0..<threads).reduce(0) { $0 + words[$1] }
                    if sum != UInt64(counted.load(ordering: .relaxed)) { late.wrappingAdd(1, ordering: .relaxed) }
                } else {
                    while gyre_gate_enter(gate.pointer, UInt32(me) % stripes) {
                        if drained.load(ordering: .relaxed) { late.wrappingAdd(1, ordering: .relaxed) }
                        words[me] += 1
                        counted.wrappingAdd(1, ordering: .relaxed)
                        gyre_gate_leave(gate.pointer, UInt32(me) % stripes)
                    }
                }
            }
            #expect(late.load(ordering: .relaxed) == 0)
            #expect(gyre_gate_inside(gate.pointer) == 0)
        }
    }

    /// The closer sleeps while everybody is inside; each thread then leaves. A lost wake-up would never end.
    @Test func theLastToLeaveWakesEveryWaiter() {
        let inside = 3
        for _ in 0..<200 {
            let gate = Gate()
            for stripe in 0..<inside { _ = gyre_gate_enter(gate.pointer, UInt32(stripe % 2)) }
            gyre_gate_close(gate.pointer)
            let drains = Atomic(0)
            onThreads(inside + 2) { me in
                if me < inside {
                    gyre_gate_leave(gate.pointer, UInt32(me % 2))
                } else if gyre_gate_wait(gate.pointer, UInt64.max) {
                    drains.wrappingAdd(1, ordering: .relaxed)
                }
            }
            #expect(drains.load(ordering: .relaxed) == 2)
        }
    }
}

private final class Gate: @unchecked Sendable {  // every word is an atomic of CGyre
    let pointer: OpaquePointer

    init() {
        guard let created = gyre_gate_create() else { preconditionFailure("no memory for a gate") }
        pointer = created
    }

    deinit { gyre_gate_destroy(pointer) }
}
