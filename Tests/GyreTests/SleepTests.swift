import GyreCore
import Testing

@testable import Gyre

/// `Runtime.sleep`: no thread waits, and every sleeper wakes once, for one reason.
@Suite struct SleepTests {
    private static let start = MonotonicInstant(nanoseconds: 1_000_000)

    /// Waits until `count` sleepers lie in the wheel.
    private func wait(for count: UInt64, in runtime: Runtime) async {
        let end = ContinuousClock.now + .seconds(patienceSeconds)
        while runtime.timers.waiting != count, ContinuousClock.now < end { await Task.yield() }
        #expect(runtime.timers.waiting == count)
    }

    @Test func aSleepEndsAtItsDeadlineAndNotBefore() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: Self.start)
        let runtime = try makeRuntime { $0.clock = clock }
        let deadline = Self.start + .milliseconds(5)
        let wokeAt = Task {
            try await runtime.sleep(until: deadline)
            return clock.now
        }
        await wait(for: 1, in: runtime)
        time.advance(by: .milliseconds(5) - .nanoseconds(1))
        let early = Task { try await runtime.sleep(until: Self.start) }
        try await early.value  // a timer that was due before: by then the wheel has been turned
        #expect(runtime.timers.waiting == 1)
        time.advance(by: .nanoseconds(1))
        #expect(try await wokeAt.value == deadline)
        #expect(runtime.timers.waiting == 0)
        await runtime.finishAsync()
    }

    @Test func aLengthOfTimeCountsFromTheCall() async throws {
        let runtime = try makeRuntime()
        let began = runtime.clock.now
        try await runtime.sleep(for: .milliseconds(2))
        #expect(began.duration(to: runtime.clock.now) >= .milliseconds(2))
        await runtime.finishAsync()
    }

    @Test func cancellingWakesTheSleeper() async throws {
        let (clock, _) = MonotonicClock.manual(startingAt: Self.start)
        let runtime = try makeRuntime { $0.clock = clock }
        let sleepers = (0..<50).map { _ in
            Task { try await runtime.sleep(for: .seconds(1)) }
        }
        await wait(for: 50, in: runtime)
        for sleeper in sleepers { sleeper.cancel() }
        for sleeper in sleepers {
            await #expect(throws: CancellationError.self) { try await sleeper.value }
        }
        #expect(runtime.timers.waiting == 0, "the timers were taken back")
        await runtime.finishAsync()
    }

    @Test func aTaskThatIsCancelledAlreadyDoesNotSleep() async throws {
        let (clock, _) = MonotonicClock.manual(startingAt: Self.start)
        let runtime = try makeRuntime { $0.clock = clock }
        let sleeper = Task {
            while !Task.isCancelled { await Task.yield() }
            try await runtime.sleep(for: .seconds(1))
        }
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        await runtime.finishAsync()
    }

    /// Half of the sleepers are cancelled at the moment at which all are due.
    @Test func cancelAndTimeMayMeet() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: Self.start)
        let runtime = try makeRuntime { $0.clock = clock }
        let sleepers = (0..<200).map { number in
            Task { try await runtime.sleep(until: Self.start + .milliseconds(1 + number / 100)) }
        }
        await wait(for: 200, in: runtime)
        time.advance(by: .milliseconds(1))
        for sleeper in sleepers.dropFirst(100) { sleeper.cancel() }
        time.advance(by: .milliseconds(1))
        for sleeper in sleepers.prefix(100) { try await sleeper.value }
        for sleeper in sleepers.dropFirst(100) {
            // Either reason will do, but it is one of the two.
            do { try await sleeper.value } catch { #expect(error is CancellationError) }
        }
        await runtime.finishAsync()
        #expect(runtime.timers.waiting == 0)
    }

    @Test func theEndOfTheRuntimeWakesWhoSleeps() async throws {
        let (clock, _) = MonotonicClock.manual(startingAt: Self.start)
        let runtime = try makeRuntime { $0.clock = clock }
        let sleeper = Task { try await runtime.sleep(for: .seconds(1)) }
        await wait(for: 1, in: runtime)
        await runtime.finishAsync()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        await #expect(throws: CancellationError.self) { try await runtime.sleep(for: .zero) }
    }
}
