import GyreCore
import GyrePolicy

/// A schedule that runs, to look at and to cancel. It goes on when nobody holds it.
public final class Schedule: Sendable {
    public let name: String
    private let runtime: Runtime
    private let overlap: Overlap
    private let wall: WallClock
    private let isCron: Bool
    private let body: @Sendable (ScheduledTime) async throws -> Void

    private struct State {
        var plan: SchedulePlan
        var report = ScheduleReport()
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    private let state: Lock<State>
    /// How long it sleeps at most when it goes by the calendar.
    private static let wallSleepMax = Duration.seconds(60)

    init(
        _ name: String, _ timing: ScheduleTiming, _ misfire: Misfire, _ overlap: Overlap, _ wall: WallClock,
        runtime: Runtime, _ body: @escaping @Sendable (ScheduledTime) async throws -> Void
    ) {
        self.name = name
        self.runtime = runtime
        self.overlap = overlap
        self.wall = wall
        self.body = body
        if case .cron = timing { isCron = true } else { isCron = false }
        let start = isCron ? wall.nanoseconds : Int64(clamping: runtime.clock.now.nanoseconds)
        state = Lock(State(plan: SchedulePlan(timing, misfire: misfire, startingAt: start)))
    }

    /// What it has done until now.
    public var report: ScheduleReport { state.withLock { $0.report } }

    /// Ends the schedule. A run that is under way is cancelled.
    ///
    /// - Concurrency: Any thread. Does not wait.
    public func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    func start() {
        let task = Task(executorPreference: runtime.pool) {
            await self.work()
            self.runtime.schedules.remove(self)
        }
        let isCancelled = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    private var now: Int64 { isCron ? wall.nanoseconds : Int64(clamping: runtime.clock.now.nanoseconds) }

    private func work() async {
        await withDiscardingTaskGroup { group in
            while let due = state.withLock({ $0.plan.next }), await sleep(until: due) {
                let now = now
                let runs = state.withLock { state in
                    let runs = state.plan.runs(at: now)
                    state.report.missed = state.plan.missed
                    return runs
                }
                for due in runs {
                    if Task.isCancelled { return }
                    switch overlap {
                    case .never: await run(dueAt: due)
                    case .allowed: group.addTask { await self.run(dueAt: due) }
                    }
                }
            }
            group.cancelAll()
        }
    }

    /// False when the schedule ends.
    private func sleep(until due: Int64) async -> Bool {
        while true {
            if Task.isCancelled || runtime.intake.isClosed { return false }
            let began = runtime.clock.now  // before the time is looked at: better woken early than late
            let left = due - now
            if left <= 0 { return true }
            let pause = isCron ? min(.nanoseconds(left), Self.wallSleepMax) : .nanoseconds(left)
            do {
                try await runtime.sleep(until: began + pause)
            } catch is CancellationError {
                return false
            } catch {
                // No timer is free. The schedule cannot go on, and says so.
                note(error)
                return false
            }
        }
    }

    private func run(dueAt due: Int64) async {
        let number = state.withLock { state in
            defer { state.report.runs += 1 }
            return state.report.runs
        }
        let onWall = isCron ? due : wall.nanoseconds - (now - due)
        let time = ScheduledTime(secondsSince1970: onWall / 1_000_000_000, number: number)
        do {
            try await runtime.run { try await body(time) }
        } catch is CancellationError {
            // Asked for.
        } catch {
            note(error)
        }
    }

    private func note(_ error: any Error) {
        state.withLock { state in
            state.report.failures += 1
            state.report.lastError = error
        }
    }
}

/// What a schedule has done.
public struct ScheduleReport: Sendable {
    /// Runs that began.
    public internal(set) var runs: UInt64 = 0
    /// Times that had no run of their own.
    public internal(set) var missed: UInt64 = 0
    /// Runs that threw.
    public internal(set) var failures: UInt64 = 0
    public internal(set) var lastError: (any Error)?
}
