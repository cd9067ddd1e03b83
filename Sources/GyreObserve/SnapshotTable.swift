public import GyreCore

/// A snapshot as a table that a person can read.
///
/// Latencies are in nanoseconds, and the clock's step stands beside them. Where nothing was measured there is a dash.
public struct SnapshotTable: Sendable {
    /// How lines may look.
    public enum Style: Sendable {
        /// Text only, for files, pipes and logs.
        case plain
        /// With the escape sequences of a terminal.
        case terminal
    }

    private let snapshot: RuntimeSnapshot
    private let interval: Duration

    /// A table of `snapshot`.
    ///
    /// - Parameter interval: The time that the rate and the workers' shares refer to. `nil` means the uptime.
    public init(_ snapshot: RuntimeSnapshot, over interval: Duration? = nil) {
        self.snapshot = snapshot
        self.interval = interval ?? snapshot.uptime
    }

    /// The whole table; every line ends in a line feed.
    public func text(style: Style = .plain) -> String {
        let parts = [taskLines(style), latencyLines(style), workerLines(style)]
        return parts.map { $0.map { $0 + "\n" }.joined() }.joined(separator: "\n")
    }

    private func taskLines(_ style: Style) -> [String] {
        var counts: [(name: String, count: UInt64, isTrouble: Bool)] = [
            ("tasks done", snapshot.tasksDone, false),
            ("tasks failed", snapshot.tasksFailed, true),
            ("tasks skipped", snapshot.tasksSkipped, true),
        ]
        // These are left out where they say nothing: most programs never see them.
        if snapshot.tasksLate > 0 { counts.append(("tasks late", snapshot.tasksLate, true)) }
        if snapshot.tasksCancelled > 0 { counts.append(("tasks cancelled", snapshot.tasksCancelled, true)) }
        if snapshot.tasksRefused > 0 { counts.append(("tasks refused", snapshot.tasksRefused, true)) }
        let rate = snapshot.tasksPerMinute(over: interval)
        counts.append(("tasks per minute", rate, false))

        var table = TextTable()
        for row in counts { table.append([row.name, grouped(row.count)]) }
        var lines = table.lines
        for (position, row) in counts.enumerated() where row.isTrouble && row.count > 0 {
            lines[position] = styled(lines[position], .trouble, style)
        }
        lines[lines.count - 1] = styled(lines[lines.count - 1], .heading, style)
        lines[lines.count - 1] += "  (agent platforms are proud of 1,000 per minute"
        lines[lines.count - 1] += rate >= 2_000 ? "; this is \(grouped(rate / 1_000)) times that)" : ")"
        return lines
    }

    private func latencyLines(_ style: Style) -> [String] {
        var table = TextTable()
        table.append(["nanoseconds", "p50", "p99", "p99.9", "max"])
        for (name, histogram) in [
            ("queue wait", snapshot.queueWait), ("run", snapshot.run), ("total", snapshot.total),
        ] {
            let values = [50, 99, 99.9, 100].map { histogram.nanoseconds(atPercentile: $0) }
            table.append([name] + values.map { $0.map(grouped) ?? "-" })
        }
        let clock = snapshot.clock
        return headed(table.lines, style) + ["clock \(clock.source), step \(grouped(clock.stepNanoseconds)) ns"]
    }

    private func workerLines(_ style: Style) -> [String] {
        var table = TextTable()
        table.append(["worker", "tasks", "busy %", "steals", "parks"])
        for worker in snapshot.workers {
            table.append([
                String(worker.index), grouped(worker.tasks), oneDecimal(worker.busyPercent(of: interval)),
                grouped(worker.steals), grouped(worker.parks),
            ])
        }
        return headed(table.lines, style)
    }

    private enum Emphasis: String {
        case heading = "\u{1B}[1m"
        case trouble = "\u{1B}[31m"
    }

    private func headed(_ lines: [String], _ style: Style) -> [String] {
        lines.prefix(1).map { styled($0, .heading, style) } + lines.dropFirst()
    }

    private func styled(_ line: String, _ emphasis: Emphasis, _ style: Style) -> String {
        style == .plain ? line : "\(emphasis.rawValue)\(line)\u{1B}[0m"
    }
}

extension RuntimeSnapshot {
    /// Tasks done, as they would be in a minute of the pace of `interval`. 0 for no time at all.
    func tasksPerMinute(over interval: Duration) -> UInt64 {
        let nanoseconds = interval.wholeNanoseconds
        guard nanoseconds > 0 else { return 0 }
        let (high, low) = tasksDone.multipliedFullWidth(by: 60_000_000_000)
        guard high < nanoseconds else { return .max }
        return nanoseconds.dividingFullWidth((high, low)).quotient
    }
}

extension WorkerSnapshot {
    func busyPercent(of interval: Duration) -> Double {
        let nanoseconds = interval.wholeNanoseconds
        return nanoseconds == 0 ? 0 : Double(busyNanoseconds) * 100 / Double(nanoseconds)
    }
}
