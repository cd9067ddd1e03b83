import CGyre
import Glibc
import Synchronization
import Testing

@testable import GyreCore

@Suite struct MonotonicClockTests {
    @Test(arguments: [MonotonicClock.SystemSource.automatic, .kernel])
    func theSystemClockFollowsTheKernels(source: MonotonicClock.SystemSource) {
        let before = kernelNanoseconds()
        let clock = MonotonicClock.system(source)
        let created = kernelNanoseconds()
        // Long enough to be beyond reading errors, by a loop and not by sleeping.
        while kernelNanoseconds() < created + 3_000_000 {}
        let now = clock.now.nanoseconds
        let after = kernelNanoseconds()
        // 0.1 % is the bound of the check; right after creation the rate is good to some 20 ppm.
        #expect(Double(now) >= 3_000_000 * 0.999)
        #expect(Double(now) <= Double(after - before) * 1.001)
    }

    @Test func theKernelSourceIsNotChecked() {
        let clock = MonotonicClock.system(.kernel)
        #expect(clock.description.source == "monotonic")
        #expect(clock.check() == .notNeeded)
    }

    @Test func theDescriptionIsMeasured() {
        let description = MonotonicClock.system().description
        #expect(["tsc", "cntvct", "monotonic"].contains(description.source))
        #expect(description.stepNanoseconds >= 1)
        #expect(description.stepNanoseconds < 10_000_000, "coarser than any kernel's tick")
        #expect(description.readCostNanoseconds > 0)
        #expect(description.driftPartsPerBillion == 0, "nothing was compared yet")
        #expect(description.refinements == 0)
    }

    @Test func theStepIsThatOfTheReadings() {
        let clock = MonotonicClock.system()
        let step = clock.description.stepNanoseconds
        var differences: [UInt64] = []
        for _ in 0..<2_000 {
            let first = clock.now
            differences.append(clock.now.nanoseconds - first.nanoseconds)
        }
        differences.sort()
        #expect(differences[1_900] + 2 >= step, "no finer than what the readings show")
    }

    /// Threads hand the largest time seen so far to each other; a reading taken after it must not lie before it.
    /// Checks run beside them, and with a short first interval the rate is replaced several times meanwhile.
    @Test func timeIsMonotoneOverThreadsWhileTheRateChanges() throws {
        var hooks = gyre_clock_hooks(
            counter: { _ in kernelNanoseconds() / 3 &* 7 }, reference: { _ in kernelNanoseconds() },
            trusted: { _ in true }, pause: { _, span in spin(nanoseconds: span) }, context: nil,
            lead_ns: 20_000_000, first_refine_ns: 21_000_000)
        let clock = Shared(try #require(gyre_clock_create_injected(&hooks, 0)))
        defer { gyre_clock_destroy(clock.value) }
        let latest = Atomic<UInt64>(0)
        let backwards = Atomic<Int>(0)
        onThreads(3) { thread in
            // Until two rates were replaced and the second has been in force for a while; at the latest in 20 s.
            var end = kernelNanoseconds() + 20_000_000_000
            var isRefined = false
            while kernelNanoseconds() < end {
                if !isRefined, gyre_clock_refinements(clock.value) >= 2 {
                    isRefined = true
                    end = kernelNanoseconds() + 40_000_000
                }
                if thread == 0 { _ = gyre_clock_check(clock.value) }
                let seen = latest.load(ordering: .acquiring)
                let now = gyre_clock_now(clock.value)
                if now < seen { backwards.add(1, ordering: .relaxed) }
                latest.max(now, ordering: .acquiringAndReleasing)
            }
        }
        #expect(backwards.load(ordering: .relaxed) == 0)
        #expect(gyre_clock_refinements(clock.value) >= 2)
        #expect(gyre_clock_present_source(clock.value) == GYRE_CLOCK_INJECTED)
    }

    /// Of callers at the same time one checks and the others are sent away at once; none waits, none corrupts.
    @Test func checksFromManyThreadsAreOneAtATime() {
        let clock = MonotonicClock.system()
        onThreads(4) { _ in
            var before = clock.now
            for _ in 0..<200 {
                let result = clock.check()
                #expect([.notNeeded, .busy, .compared, .refined].contains(result))
                let now = clock.now
                #expect(now >= before)
                before = now
            }
        }
    }

    @Test func manualTimeMovesOnlyByHand() {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 100))
        #expect(clock.now.nanoseconds == 100)
        #expect(clock.now == time.now)
        #expect(time.advance(by: .nanoseconds(5)).nanoseconds == 105)
        #expect(time.advance(by: .zero).nanoseconds == 105)
        #expect(clock.now.nanoseconds == 105)
        #expect(clock.check() == .notNeeded)
        #expect(clock.description.source == "manual")
        #expect(clock.description.stepNanoseconds == 1)
    }

    @Test func manualTimeStopsAtTheEnd() {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: .max - 3))
        #expect(time.advance(by: .nanoseconds(2)).nanoseconds == UInt64.max - 1)
        #expect(time.advance(by: .nanoseconds(2)) == .distantFuture)
        #expect(time.advance(by: .seconds(Int64.max)) == .distantFuture)
        #expect(clock.now == .distantFuture)
    }

    @Test func manualTimeIsMovedByManyThreadsWithoutLoss() {
        let (clock, time) = MonotonicClock.manual()
        onThreads(4) { _ in
            for _ in 0..<10_000 { time.advance(by: .nanoseconds(3)) }
        }
        #expect(clock.now.nanoseconds == 120_000)
    }

    /// ThreadSanitizer proves the edge: the plain word is written before time moves and read after it was seen moved.
    @Test func whatWasDoneBeforeTimeMovedIsSeen() {
        final class Box: @unchecked Sendable { var word = 0 }
        let (clock, time) = MonotonicClock.manual()
        let box = Box()
        onThreads(2) { thread in
            if thread == 0 {
                box.word = 42
                time.advance(by: .nanoseconds(1))
            } else {
                while clock.now == .distantPast {}
                #expect(box.word == 42)
            }
        }
    }

    @Test func advancingLeavesASystemClockAlone() {
        let clock = MonotonicClock.system()
        let before = clock.now
        let shown = gyre_clock_advance(clock.pointer, 1 << 60)
        #expect(shown >= before.nanoseconds)
        #expect(shown < 1 << 59)
    }
}

private func kernelNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

private func spin(nanoseconds: UInt64) {
    let end = kernelNanoseconds() + nanoseconds
    while kernelNanoseconds() < end {}
}
