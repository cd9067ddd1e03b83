import CGyre
import Glibc
import Testing

@testable import GyreCore

/// The C clock on counters that the tests make: conversion, refinement, falling back.
@Suite struct ClockTests {
    @Test func theCounterBecomesNanosecondsFromTheStart() throws {
        let clock = try InjectedClock(startingAt: 500)
        #expect(clock.now == 500)
        clock.pass(microseconds: 1_000_000)
        // 2,600 ticks are not a whole fraction of a microsecond: the multiplier is rounded down by 2^-48.
        #expect(500 + 1_000_000_000 - clock.now <= 1)
    }

    @Test(arguments: [1, 19, 24, 100, 1_000, 3_700, 10_000] as [UInt64])
    func countersOfAnyRateAreConverted(ticksPerMicrosecond: UInt64) throws {
        let clock = try InjectedClock(ticksPerMicrosecond: ticksPerMicrosecond)
        clock.pass(microseconds: 3_600_000_000)
        #expect(3_600_000_000_000 - clock.now <= 1_000, "an hour")
    }

    @Test func aYearDoesNotOverflow() throws {
        let clock = try InjectedClock()
        let year: UInt64 = 365 * 86_400 * 1_000_000
        clock.pass(microseconds: year)
        #expect(year * 1_000 - clock.now <= 1_000)
    }

    @Test func readingsBeforeTheBaseReadAsTheBase() throws {
        let clock = try InjectedClock(startingAt: 9_000)
        clock.ticks -= 1
        #expect(clock.now == 9_000)
        clock.ticks -= 1_000_000
        #expect(clock.now == 9_000)
    }

    /// The counter passes 2^64 while the clock runs: only differences are looked at.
    @Test func theCounterMayWrap() throws {
        let clock = try InjectedClock(ticks: UInt64.max - 2_600 * 3_000)
        let before = clock.now
        clock.pass(microseconds: 5_000)
        #expect(clock.ticks < 1 << 40)
        #expect(before + 5_000_000 - clock.now <= 1)
        #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED)
    }

    /// A counter that is 40 ppm slower than it was during calibration. The first interval shows it, and the new rate
    /// takes over without a step.
    @Test func aBetterRateIsPublishedAndTimeIsContinuous() throws {
        let clock = try InjectedClock(ticksPerMicrosecond: 25_000)
        clock.ticksPerMicrosecond = 24_999
        clock.pass(microseconds: 9_000)
        #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED, "not yet")
        clock.pass(microseconds: 2_000)
        #expect(clock.check() == GYRE_CLOCK_CHECK_REFINED)
        #expect(clock.refinements == 1)
        #expect(abs(clock.drift + 40_000) <= 100, "one nanosecond of 11 ms is 91 ppb")
        var before = clock.now
        var steps: [UInt64] = []
        for _ in 0..<3_000 {
            clock.pass(microseconds: 1)
            steps.append(clock.now - before)
            before = clock.now
        }
        #expect(steps.allSatisfy { (999...1_001).contains($0) }, "no jump where the rate changes")
        // The old rate holds for the lead of 1 ms, then the new one.
        let (then, reference) = (clock.now, clock.reference)
        clock.pass(microseconds: 1_000_000)
        #expect(clock.reference - reference - (clock.now - then) <= 1)
    }

    /// A thread may take its reading, lose the processor, and find a new block when it goes on.
    @Test func aReadingHasOneTimeWhicheverBlockIsTheNewest() throws {
        let clock = try InjectedClock(ticksPerMicrosecond: 25_000)
        clock.ticksPerMicrosecond = 24_000
        clock.pass(microseconds: 10)
        let readings = stride(from: clock.ticks, to: clock.ticks + 24_000 * 11_000, by: 24_000 * 100).map { $0 }
        let times = readings.map { ticks -> UInt64 in
            clock.ticks = ticks
            return clock.now
        }
        clock.ticks = readings[0]
        clock.ticksPerMicrosecond = 24_999
        clock.pass(microseconds: 11_000)
        #expect(clock.check() == GYRE_CLOCK_CHECK_REFINED)
        for (ticks, time) in zip(readings, times) {
            clock.ticks = ticks
            #expect(clock.now == time)
        }
    }

    @Test func intervalsGrowAndTheLastBlockIsKeptForFallingBack() throws {
        let clock = try InjectedClock()
        var interval: UInt64 = 10_000
        for round: UInt32 in 1...14 {
            clock.pass(microseconds: interval - 1)
            #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED, "round \(round)")
            clock.pass(microseconds: 1)
            #expect(clock.check() == GYRE_CLOCK_CHECK_REFINED, "round \(round)")
            #expect(clock.refinements == round)
            interval *= 4
        }
        clock.pass(microseconds: interval * 4)
        #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED, "no block is left")
        let before = clock.now
        clock.isTrusted = false
        clock.pass(microseconds: 11_000_000)
        #expect(clock.check() == GYRE_CLOCK_CHECK_FELL_BACK)
        #expect(clock.refinements == 14)
        #expect(clock.now >= before)
    }

    @Test func aCounterThatRunsAwayIsGivenUpWithoutGoingBack() throws {
        let clock = try InjectedClock(startingAt: 1_000)
        clock.pass(microseconds: 5_000)
        #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED)
        clock.ticks += 2_600 * 1_000_000  // a second that nobody else saw
        let shown = clock.now
        #expect(clock.check() == GYRE_CLOCK_CHECK_FELL_BACK)
        #expect(clock.sourceName == "monotonic")
        #expect(clock.now >= shown)
        let before = clock.now
        clock.ticks = 0
        clock.reference += 12_345
        #expect(clock.now == before + 12_345, "the counter is no longer read")
        #expect(clock.check() == GYRE_CLOCK_CHECK_NOT_NEEDED)
    }

    @Test func aCounterThatStandsStillIsGivenUpAndTimeCatchesUp() throws {
        let clock = try InjectedClock(startingAt: 1_000)
        clock.pass(microseconds: 10)
        let begin = clock.now
        clock.reference += 50_000_000
        #expect(clock.now == begin)
        #expect(clock.check() == GYRE_CLOCK_CHECK_FELL_BACK)
        #expect(clock.now >= begin + 50_000_000)
        #expect(clock.now <= begin + 50_001_000)
    }

    @Test func aCounterThatGoesBackIsGivenUpAndTimeDoesNot() throws {
        let clock = try InjectedClock(ticksPerMicrosecond: 10_000)
        // Ahead of the reference by what is tolerated, so that catching up with it would be going back.
        clock.ticksPerMicrosecond = 10_005
        clock.pass(microseconds: 8_000)
        #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED)
        let shown = clock.now
        clock.ticks -= 10_000 * 4_000
        #expect(clock.check() == GYRE_CLOCK_CHECK_FELL_BACK)
        #expect(clock.now >= shown)
    }

    @Test func aCounterThatTheKernelLeavesIsLeftToo() throws {
        let clock = try InjectedClock()
        clock.isTrusted = false
        clock.pass(microseconds: 9_900)
        #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED, "the kernel is not asked each time")
        clock.pass(microseconds: 9_990_100)
        let shown = clock.now
        #expect(clock.check() == GYRE_CLOCK_CHECK_FELL_BACK)
        #expect(clock.now >= shown)
        #expect(clock.now - shown <= 1_000)
    }

    /// CLOCK_MONOTONIC itself may be slewed by 500 ppm; that is no failure of the counter. 2,000 ppm is one.
    @Test(
        arguments: [
            (10_005, GYRE_CLOCK_CHECK_REFINED), (9_995, GYRE_CLOCK_CHECK_REFINED),
            (10_020, GYRE_CLOCK_CHECK_FELL_BACK), (9_980, GYRE_CLOCK_CHECK_FELL_BACK),
        ] as [(UInt64, gyre_clock_check_result)])
    func aSlewedReferenceIsNoFailure(ticksPerMicrosecond: UInt64, result: gyre_clock_check_result) throws {
        let clock = try InjectedClock(ticksPerMicrosecond: 10_000)
        clock.ticksPerMicrosecond = ticksPerMicrosecond
        clock.pass(microseconds: 1_000_000)
        #expect(clock.check() == result)
    }

    /// A thread that measures may lose the processor: what it then reads says too little to be used.
    @Test func anInterruptedMeasurementChangesNothing() throws {
        let clock = try InjectedClock()
        clock.pass(microseconds: 11_000)
        clock.ticksPerReading = 2_600 * 50  // 50 us from one reading to the next
        #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED)
        #expect(clock.refinements == 0)
        clock.ticksPerReading = 0
        #expect(clock.sourceName == "injected")
    }

    @Test func aRateKnownWorseThanThePresentOneIsNotPublished() throws {
        let clock = try InjectedClock()
        clock.pass(microseconds: 11_000)
        clock.ticksPerReading = 2_600  // a microsecond; at the calibration readings took no time at all
        #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED)
        clock.ticksPerReading = 0
        #expect(clock.check() == GYRE_CLOCK_CHECK_REFINED)
    }

    /// The new rate begins 1 ms ahead. Who is held up for longer between fixing its beginning and publishing it must
    /// not: other threads would already have read past it.
    @Test func aRateThatComesTooLateIsNotPublished() throws {
        let clock = try InjectedClock()
        clock.pass(microseconds: 11_000)
        var last = 0
        clock.onReadings { last = $0 }
        let before = clock.now
        #expect(clock.check() == GYRE_CLOCK_CHECK_REFINED)
        #expect(clock.now == before)
        let readings = last - 2  // those of `now` do not count
        clock.pass(microseconds: 44_000)
        clock.onReadings { number in
            if number == readings { clock.pass(microseconds: 600) }
        }
        #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED)
        #expect(clock.refinements == 1)
        clock.beforeReading = nil
        #expect(clock.check() == GYRE_CLOCK_CHECK_REFINED, "the next check does it")
    }

    /// Another thread checks at this moment: here the same thread, from within a reading.
    @Test func oneCheckAtATime() throws {
        let clock = try InjectedClock()
        clock.pass(microseconds: 11_000)
        var answers: [gyre_clock_check_result] = []
        clock.onReadings { number in
            if number == 1 { answers.append(clock.check()) }
        }
        #expect(clock.check() == GYRE_CLOCK_CHECK_REFINED)
        clock.beforeReading = nil
        #expect(answers == [GYRE_CLOCK_CHECK_BUSY])
    }

    @Test func intervalsGrowUpToTheEndOfTime() throws {
        let longest = UInt64.max / 4 + 1
        let clock = try InjectedClock(ticksPerMicrosecond: 100, firstRefine: longest)
        clock.pass(microseconds: longest / 1_000 + 1)
        #expect(clock.check() == GYRE_CLOCK_CHECK_REFINED)
        clock.pass(microseconds: 1 << 50)
        #expect(clock.check() == GYRE_CLOCK_CHECK_COMPARED, "there is no next time")
    }

    @Test func aReferenceThatDoesNotRunOrACounterThatHardlyDoesIsRefused() {
        var hooks = gyre_clock_hooks(
            counter: { me in Self.step(me) }, reference: { _ in 5 }, trusted: { _ in true }, pause: { _, _ in },
            context: nil, lead_ns: 1, first_refine_ns: 2)
        let steps = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        defer { steps.deallocate() }
        steps.initialize(to: 1_000)
        hooks.context = UnsafeMutableRawPointer(steps)
        #expect(gyre_clock_create_injected(&hooks, 0) == nil)
        hooks.reference = { me in Self.step(me) * 1_000_000 }  // a tick takes a millisecond or more
        #expect(gyre_clock_create_injected(&hooks, 0) == nil)
    }

    private static func step(_ word: UnsafeMutableRawPointer?) -> UInt64 {
        guard let steps = word?.assumingMemoryBound(to: UInt64.self) else { return 0 }
        steps.pointee += 1
        return steps.pointee
    }

    @Test func aCounterMayBeAskedForByName() {
        let native = Self.foreignCounter == GYRE_CLOCK_TSC ? GYRE_CLOCK_CNTVCT : GYRE_CLOCK_TSC
        errno = 0
        if let clock = gyre_clock_create(native, 0) {
            #expect(["tsc", "cntvct"].contains(String(cString: gyre_clock_source_name(clock))))
            gyre_clock_destroy(clock)
        } else {
            #expect(errno == ENOTSUP, "a machine whose kernel does not trust it")
        }
    }

    @Test func aCounterThatDoesNotRunIsRefused() {
        var hooks = gyre_clock_hooks(
            counter: { _ in 5 }, reference: { _ in 5 }, trusted: { _ in true }, pause: { _, _ in }, context: nil,
            lead_ns: 1, first_refine_ns: 2)
        #expect(gyre_clock_create_injected(&hooks, 0) == nil)
    }

    @Test(
        arguments: [
            (true, "tsc", "tsc kvm-clock", true), (false, "tsc", "tsc kvm-clock", false),
            (true, "kvm-clock\n", "kvm-clock tsc acpi_pm\n", true), (true, "kvm-clock", "kvm-clock acpi_pm", false),
            (false, "kvm-clock", "kvm-clock tsc", false), (true, "arch_sys_counter\n", "arch_sys_counter", true),
            (true, "hpet", "tsc hpet", false), (true, "tsc-early", "tsc-early", false),
            (true, "hyperv_clocksource_tsc_page", "hyperv_clocksource_tsc_page", false), (true, "", "", false),
            (true, "xen", "xen tsc", false),
        ] as [(Bool, String, String, Bool)])
    func theKernelsWordDecides(invariant: Bool, current: String, available: String, trusted: Bool) {
        #expect(gyre_clock_counter_is_trusted(invariant, current, available) == trusted)
    }

    @Test(
        arguments: [
            (GYRE_CLOCK_INJECTED, 0, EINVAL), (GYRE_CLOCK_MONOTONIC, 1 << 63, EINVAL),
            (ClockTests.foreignCounter, 0, ENOTSUP),
        ] as [(gyre_clock_source, UInt64, Int32)])
    func impossibleClocksAreRefusedWithAReason(source: gyre_clock_source, start: UInt64, reason: Int32) {
        errno = 0
        let clock = gyre_clock_create(source, start)
        let found = errno
        #expect(clock == nil)
        #expect(found == reason)
    }

    /// The counter of the other architecture.
    private static var foreignCounter: gyre_clock_source {
        #if arch(x86_64)
        GYRE_CLOCK_CNTVCT
        #else
        GYRE_CLOCK_TSC
        #endif
    }
}
