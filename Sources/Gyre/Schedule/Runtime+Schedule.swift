public import GyreCore
public import GyrePolicy

extension Runtime {
    /// Runs a body whenever a schedule says so, until it is cancelled or the runtime drains.
    ///
    /// ```swift
    /// let report = try gyre.schedule("report", .cron(CronExpression("0 6 * * MON-FRI"), in: .utc)) { due in
    ///     try await writeReport(due)
    /// }
    /// ```
    ///
    /// A name has one schedule, and of it one run at a time: when a run is due while the one before still runs, it is
    /// a misfire.
    ///
    /// - Parameters:
    ///   - name: Unique among the live schedules of the runtime.
    ///   - timing: When it is due.
    ///   - misfire: What becomes of times that passed without a run.
    ///   - overlap: Whether runs may overlap.
    ///   - wall: What cron goes by. It is looked at once a minute at least, so that a step of it is noticed: after one
    ///     forwards, what lies between is a misfire; after one back, nothing runs a second time.
    ///   - body: What to run, with the time at which it was due. What it throws is counted, and the schedule goes on.
    /// - Throws: ``ScheduleError``.
    @discardableResult
    public func schedule(
        _ name: String, _ timing: ScheduleTiming, misfire: Misfire = .runOnce, overlap: Overlap = .never,
        wall: WallClock = .system, _ body: @escaping @Sendable (ScheduledTime) async throws -> Void
    ) throws(ScheduleError) -> Schedule {
        if case .every(let interval) = timing, interval < .milliseconds(1) {
            throw ScheduleError(name: name, reason: "\(interval) is too short an interval; it must be at least 1 ms")
        }
        let schedule = Schedule(name, timing, misfire, overlap, wall, runtime: self, body)
        guard schedules.add(schedule) else {
            throw ScheduleError(name: name, reason: "there is a schedule of this name; cancel it first")
        }
        schedule.start()
        return schedule
    }
}

/// Whether runs of one schedule may overlap.
public enum Overlap: String, Sendable, CaseIterable {
    /// One at a time. What became due meanwhile is a misfire.
    case never
    /// Each run starts when it is due.
    case allowed
}

/// When a run was due.
public struct ScheduledTime: Sendable, Hashable {
    /// Seconds since 1970-01-01 00:00 UTC, by the wall clock of the schedule.
    public let secondsSince1970: Int64
    /// Counted from 0, misfires left out.
    public let number: UInt64
}

/// Why there can be no such schedule, and what to do.
public struct ScheduleError: Error, Sendable, Equatable, CustomStringConvertible {
    public let name: String
    public let reason: String
    public var description: String { "schedule \(name): \(reason)" }
}

/// The live schedules of a runtime, by name.
final class ScheduleSet: Sendable {
    private let byName = Lock<[String: Schedule]>([:])

    func add(_ schedule: Schedule) -> Bool {
        byName.withLock { byName in
            if byName[schedule.name] != nil { return false }
            byName[schedule.name] = schedule
            return true
        }
    }

    func remove(_ schedule: Schedule) {
        byName.withLock { byName in
            if byName[schedule.name] === schedule { byName[schedule.name] = nil }
        }
    }

    var all: [Schedule] { byName.withLock { Array($0.values) } }
}
