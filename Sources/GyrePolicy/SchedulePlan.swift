/// When a scheduled task is due.
public enum ScheduleTiming: Sendable {
    /// Again and again after the same time, on the monotonic clock, the first time after one such time.
    case every(Duration)
    /// At the minutes of an expression, on the wall of a zone.
    case cron(CronExpression, in: ZoneRules)
}

/// What becomes of times that passed without a run: the process stood still, the machine slept, or the run before took
/// too long.
public enum Misfire: String, Sendable, CaseIterable {
    /// One run makes up for all of them.
    case runOnce
    /// They are left out.
    case skip
    /// Each has its run, one after the other; at most the last 1,000 of them.
    case runAll
}

/// A schedule as a value: it takes the time and says what is to run.
///
/// Instants are nanoseconds on the schedule's own clock: the monotonic one for intervals, since 1970 UTC for cron.
public struct SchedulePlan: Sendable {
    public let timing: ScheduleTiming
    public let misfire: Misfire
    /// What is later than this is a misfire.
    public let tolerance: Duration
    /// Until where everything was dealt with.
    private var last: Int64
    /// Times that had no run of their own.
    public private(set) var missed: UInt64 = 0

    private static let runsMax = 1_000
    private static let second: Int64 = 1_000_000_000

    /// - Parameters:
    ///   - start: Only what is due after it counts.
    ///   - tolerance: How late a run may be and still be in time. One second by default, for timers fire a little late.
    public init(
        _ timing: ScheduleTiming, misfire: Misfire = .runOnce, tolerance: Duration = .seconds(1),
        startingAt start: Int64
    ) {
        self.timing = timing
        self.misfire = misfire
        self.tolerance = tolerance
        last = start
    }

    /// When the next run is due; `nil` for never.
    public var next: Int64? { next(after: last) }

    private func next(after instant: Int64) -> Int64? {
        switch timing {
        case .every(let interval):
            let (next, isTooLate) = instant.addingReportingOverflow(max(1, Int64(clamping: interval.wholeNanoseconds)))
            return isTooLate ? nil : next
        case .cron(let expression, let zone):
            return expression.next(after: CivilMinute.divide(instant, Self.second), in: zone).map { $0 * Self.second }
        }
    }

    /// What is to run at `now`, in order, each by the instant at which it was due. Each is named once.
    ///
    /// - Complexity: O(times that passed) for cron, O(runs) for an interval.
    public mutating func runs(at now: Int64) -> [Int64] {
        let (passed, count) = passed(until: now)
        guard let latest = passed.last else { return [] }
        last = latest
        let isInTime = now - latest <= Int64(clamping: tolerance.wholeNanoseconds)
        let runs: [Int64]
        switch misfire {
        case .runAll: runs = passed
        case .runOnce: runs = [latest]
        case .skip: runs = isInTime ? [latest] : []
        }
        missed += count - UInt64(runs.count)
        return runs
    }

    /// Times after the last one that was dealt with: the latest of them, at most ``runsMax``, and how many there are.
    private func passed(until now: Int64) -> (latest: [Int64], count: UInt64) {
        if case .every(let interval) = timing {
            let step = max(1, Int64(clamping: interval.wholeNanoseconds))
            let count = max(0, now - last) / step
            let first = max(1, count - Int64(Self.runsMax) + 1)
            return (stride(from: first, through: count, by: 1).map { last + $0 * step }, UInt64(count))
        }
        var (latest, count): ([Int64], UInt64) = ([], 0)
        var instant = last
        while let due = next(after: instant), due <= now {
            if latest.count == 2 * Self.runsMax { latest.removeFirst(Self.runsMax) }
            latest.append(due)
            count += 1
            instant = due
        }
        return (latest.suffix(Self.runsMax), count)
    }
}
