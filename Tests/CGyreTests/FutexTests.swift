import CGyre
import Synchronization
import Testing

@Suite struct FutexTests {
    @Test func aWordThatHasMovedOnIsNotSleptOn() {
        let word = FutexWord(7)
        #expect(gyre_futex_wait(word.pointer, 6, UInt64.max) == GYRE_FUTEX_LOOK)
    }

    @Test func aDeadlineThatHasPassedEndsTheWait() {
        let word = FutexWord(7)
        #expect(gyre_futex_wait(word.pointer, 7, 0) == GYRE_FUTEX_LATE)
        #expect(gyre_futex_wait(word.pointer, 7, monotonicNanoseconds()) == GYRE_FUTEX_LATE)
    }

    @Test func aWaitLastsUntilItsDeadline() {
        let word = FutexWord(7)
        let deadline = monotonicNanoseconds() + 2_000_000
        while gyre_futex_wait(word.pointer, 7, deadline) != GYRE_FUTEX_LATE {}
        #expect(monotonicNanoseconds() >= deadline)
    }

    /// Two threads take turns, each asleep while it is the other's: one lost wake and this never ends.
    @Test func wakesAreNotLost() {
        let turn = FutexWord(0)
        let turns = 2_000
        onThreads(2) { me in
            for _ in 0..<turns {
                while turn.load() != me { _ = gyre_futex_wait(turn.pointer, UInt32(1 - me), UInt64.max) }
                turn.store(UInt32(1 - me))
                gyre_futex_wake(turn.pointer, 1)
            }
        }
        #expect(turn.load() == 0)
    }

    @Test func aWakeForAllReachesEveryone() {
        let gate = FutexWord(0)
        let passed = Atomic(0)
        onThreads(5) { me in
            if me == 0 {
                gate.store(1)
                gyre_futex_wake(gate.pointer, UInt32.max)
            } else {
                while gate.load() == 0 { _ = gyre_futex_wait(gate.pointer, 0, UInt64.max) }
                passed.wrappingAdd(1, ordering: .relaxed)
            }
        }
        #expect(passed.load(ordering: .relaxed) == 4)
    }
}

/// A word that C sees as a gyre_atomic_u32 and this file as an Atomic: both are one aligned 32-bit field.
private final class FutexWord: @unchecked Sendable {  // every access to the word is atomic
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    init(_ value: UInt32) {
        word = .allocate(capacity: 1)
        word.initialize(to: Atomic(value))
    }

    deinit { word.deallocate() }

    var pointer: UnsafeMutablePointer<gyre_atomic_u32> {
        UnsafeMutableRawPointer(word).assumingMemoryBound(to: gyre_atomic_u32.self)
    }

    func load() -> UInt32 { word.pointee.load(ordering: .acquiring) }
    func store(_ value: UInt32) { word.pointee.store(value, ordering: .releasing) }
}
