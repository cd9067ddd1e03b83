import CGyre
import Glibc
import Synchronization
import Testing

@testable import GyreCore

/// Masks are read back from the kernel. Each test places threads of its own, which end with it.
@Suite struct ThreadPlacementTests {
    @Test func aPinnedThreadHasOneCPUAndARestoredOneItsOld() {
        onThreads(1) { _ in
            attempt {
                let before = try CPUMask(ofThread: 0)
                let cpu = try #require(before.cpus.last)
                try CurrentThread.pin(toCPU: cpu)
                #expect(try CPUMask(ofThread: 0).cpus == [cpu])
                #expect(try CPUMask(ofThread: CurrentThread.id).cpus == [cpu])
                #expect(CurrentThread.cpu == cpu)
                try before.apply()
                #expect(try CPUMask(ofThread: 0) == before)
            }
        }
    }

    @Test func everyAllowedCPUCanBePinnedTo() {
        onThreads(1) { _ in
            attempt {
                for cpu in try CPUMask(ofThread: 0).cpus {
                    let mask = CPUMask(cpus: [cpu])
                    try mask.apply()
                    #expect(CurrentThread.cpu == cpu)
                    try CPUMask(ofThread: getpid()).apply()
                }
            }
        }
    }

    /// Another thread's mask is read and set by its number.
    @Test func aThreadIsPlacedByItsNumber() {
        let number = Atomic<Int32>(0)
        let isDone = Atomic<Bool>(false)
        onThreads(2) { thread in
            guard thread == 1 else {
                number.store(CurrentThread.id, ordering: .releasing)
                while !isDone.load(ordering: .acquiring) {}
                return
            }
            attempt {
                while number.load(ordering: .acquiring) == 0 {}
                let other = number.load(ordering: .acquiring)
                let mine = try CPUMask(ofThread: 0)
                let first = try #require(mine.cpus.first)
                try CPUMask(cpus: [first]).apply(toThread: other)
                #expect(try CPUMask(ofThread: other).cpus == [first])
                #expect(try CPUMask(ofThread: 0) == mine)
            }
            isDone.store(true, ordering: .releasing)
        }
    }

    @Test(arguments: [-1, 8_191, 100_000, Int.max]) func aCPUThatIsNotThereIsRefused(cpu: Int) {
        #expect(throws: PlacementError(code: EINVAL)) { try CurrentThread.pin(toCPU: cpu) }
        #expect(throws: PlacementError(code: EINVAL)) { try CPUMask(cpus: [cpu]).apply() }
    }

    @Test func anEmptyMaskAndAThreadThatIsGoneAreRefused() {
        #expect(throws: PlacementError(code: EINVAL)) { try CPUMask(cpus: []).apply() }
        #expect(throws: PlacementError(code: ESRCH)) { try CPUMask(ofThread: Int32.max) }
    }

    @Test func setsCrossWordBoundaries() throws {
        let set = try #require(gyre_cpu_set_create(300))
        defer { gyre_cpu_set_destroy(set) }
        let cpus: [UInt32] = [0, 63, 64, 127, 128, 299]
        for cpu in cpus { #expect(gyre_cpu_set_add(set, cpu)) }
        #expect(!gyre_cpu_set_add(set, 320))
        #expect(gyre_cpu_set_count(set) == 6)
        var found: [UInt32] = []
        var cpu: UInt32 = 0
        while gyre_cpu_set_next(set, cpu, &cpu) {
            found.append(cpu)
            cpu += 1
        }
        #expect(found == cpus)
        #expect(gyre_cpu_set_has(set, 127))
        #expect(!gyre_cpu_set_has(set, 126))
        #expect(!gyre_cpu_set_has(set, .max))
    }

    @Test(arguments: [("gyre-worker-1", "gyre-worker-1"), ("a name that is too long", "a name that is "), ("", "")])
    func aThreadIsNamedInFifteenBytes(name: String, kept: String) {
        onThreads(1) { _ in
            attempt {
                try CurrentThread.setName(name)
                #expect(CurrentThread.name == kept)
            }
        }
    }
}

/// A thread has nobody to throw to: what it throws becomes an issue of the test.
private func attempt(_ body: () throws -> Void) {
    do { try body() } catch { Issue.record(error) }
}
