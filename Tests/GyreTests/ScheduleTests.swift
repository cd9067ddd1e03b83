import GyreCore
import GyreFoundation
import GyrePolicy
import Testing

@testable import Gyre

/// Schedules under manual time.
@Suite struct ScheduleTests {
    private static let start = MonotonicInstant(nanoseconds: 1_000_000_000)
    /// 2026-03-28 00:00 UTC, the day before the clocks of Europe are put forward.
    private static let saturday: Int64 = 1_774_656_000

    private func runtime() throws -> (Runtime, ManualTime) {
        let (clock, time) = MonotonicClock.manual(startingAt: Self.start)
        return (try makeRuntime { $0.clock = clock }, time)
    }

    @Test func anIntervalRunsAtItsTimesAndNotBefore() async throws {
        let (runtime, time) = try runtime()
        let runs = Tally()
        let schedule = try runtime.schedule("tick", .every(.seconds(10))) { _ in runs.add() }
        for number in 1...20 {
            #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
            try await runtime.pass(.seconds(10) - .nanoseconds(1), time)
            #expect(runs.count == number - 1)
            try await runtime.pass(.nanoseconds(1), time)
            #expect(await eventuallyAsync { runs.count == number })
        }
        #expect(schedule.report.runs == 20 && schedule.report.missed == 0)
        schedule.cancel()
        #expect(await eventuallyAsync { runtime.schedules.all.isEmpty })
        await runtime.finishAsync()
    }

    @Test(arguments: [(Misfire.runOnce, 1, 4), (.skip, 0, 5), (.runAll, 5, 0)])
    func timesThatPassedAreDealtWithAsAsked(_ misfire: Misfire, _ runs: Int, _ missed: UInt64) async throws {
        let (runtime, time) = try runtime()
        let count = Tally()
        let schedule = try runtime.schedule("tick", .every(.seconds(10)), misfire: misfire) { _ in count.add() }
        #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
        try await runtime.pass(.seconds(55), time)
        #expect(await eventuallyAsync { count.count == runs && schedule.report.missed == missed })
        #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
        try await runtime.pass(.seconds(5), time)
        #expect(await eventuallyAsync { count.count == runs + 1 })
        schedule.cancel()
        await runtime.finishAsync()
    }

    @Test func oneRunAtATime() async throws {
        let (runtime, time) = try runtime()
        let (live, most, runs) = (Tally(), Tally(), Tally())
        let schedule = try runtime.schedule("slow", .every(.seconds(10)), misfire: .runAll) { _ in
            live.add()
            if live.count > 1 { most.add() }
            try await runtime.sleep(for: .seconds(25))
            runs.add()
            live.add(-1)
        }
        for _ in 0..<40 {
            #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
            try await runtime.pass(.seconds(5), time)
        }
        #expect(most.count == 0 && runs.count >= 6)
        schedule.cancel()
        await runtime.finishAsync()
    }

    @Test func runsOverlapWhereThatIsAllowed() async throws {
        let (runtime, time) = try runtime()
        let live = Tally()
        let schedule = try runtime.schedule("slow", .every(.seconds(10)), overlap: .allowed) { _ in
            live.add()
            try await runtime.sleep(until: .distantFuture)
        }
        for number in 1...3 {
            #expect(await eventuallyAsync { runtime.timers.waiting == UInt64(number) })
            try await runtime.pass(.seconds(10), time)
            #expect(await eventuallyAsync { live.count == number })
        }
        schedule.cancel()
        #expect(await eventuallyAsync { runtime.schedules.all.isEmpty })
        await runtime.finishAsync()
    }

    @Test func aNameHasOneScheduleAndAnErrorDoesNotEndIt() async throws {
        let (runtime, time) = try runtime()
        let runs = Tally()
        let schedule = try runtime.schedule("tick", .every(.seconds(1))) { _ in
            runs.add()
            throw Failure(number: runs.count)
        }
        let reason = "there is a schedule of this name; cancel it first"
        #expect(throws: ScheduleError(name: "tick", reason: reason)) {
            try runtime.schedule("tick", .every(.seconds(1))) { _ in }
        }
        #expect(throws: ScheduleError.self) { try runtime.schedule("fast", .every(.microseconds(1))) { _ in } }
        for number in 1...3 {
            #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
            try await runtime.pass(.seconds(1), time)
            #expect(await eventuallyAsync { schedule.report.failures == UInt64(number) })
        }
        #expect(schedule.report.lastError as? Failure == Failure(number: 3))
        schedule.cancel()
        #expect(await eventuallyAsync { runtime.schedules.all.isEmpty })
        let again = try runtime.schedule("tick", .every(.seconds(1))) { _ in }
        again.cancel()
        await runtime.finishAsync()
    }

    /// Half past two does not exist on that Sunday in Berlin: it runs at three, once.
    @Test func cronFollowsTheWallOfItsZone() async throws {
        let (runtime, time) = try runtime()
        let due = Lock<[Int64]>([])
        let timing = ScheduleTiming.cron(try CronExpression("30 2 * * *"), in: try .named("Europe/Berlin"))
        let wall = WallClock.following(runtime.clock, showing: Self.saturday)
        let schedule = try runtime.schedule("night", timing, wall: wall) { time in
            due.withLock { $0.append(time.secondsSince1970 - Self.saturday) }
        }
        for _ in 0..<(3 * 24 * 4) {
            #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
            try await runtime.pass(.seconds(900), time)
        }
        // Saturday 2:30 is 1:30 UTC; Sunday's gap ends at 1:00 UTC; Monday 2:30 is 0:30 UTC.
        #expect(await eventuallyAsync { due.withLock { $0.count } == 3 })
        let wanted: [Int64] = [5_400, 90_000, 174_600]
        #expect(due.withLock { $0 } == wanted)
        #expect(schedule.report.missed == 0)
        schedule.cancel()
        await runtime.finishAsync()
    }

    /// A step of the wall clock forwards is a misfire; after one back nothing runs a second time.
    @Test func stepsOfTheWallClockAreNoticed() async throws {
        let (runtime, time) = try runtime()
        let runs = Tally()
        let step = Lock<Int64>(0)
        let base = WallClock.following(runtime.clock, showing: Self.saturday)
        let wall = WallClock { base.nanoseconds + step.withLock { $0 } * 1_000_000_000 }
        let schedule = try runtime.schedule("hourly", .cron(CronExpression("@hourly"), in: .utc), wall: wall) { _ in
            runs.add()
        }
        #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
        step.withLock { $0 = 3 * 3_600 }
        try await runtime.pass(.seconds(60), time)
        #expect(await eventuallyAsync { runs.count == 1 && schedule.report.missed == 2 })
        #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
        step.withLock { $0 = 2 * 3_600 }
        for _ in 0..<118 {
            try await runtime.pass(.seconds(60), time)
            #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
        }
        #expect(runs.count == 1, "three o'clock has been")
        try await runtime.pass(.seconds(60), time)
        #expect(await eventuallyAsync { runs.count == 2 })
        schedule.cancel()
        await runtime.finishAsync()
    }

    @Test func aDrainEndsSchedules() async throws {
        let (runtime, _) = try runtime()
        try runtime.schedule("tick", .every(.seconds(1))) { _ in Issue.record("it was never due") }
        #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
        await runtime.finishAsync()
        #expect(await eventuallyAsync { runtime.schedules.all.isEmpty })
    }
}
