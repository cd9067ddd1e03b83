public import GyreCore

/// Tells which workers stand still, from one snapshot to the next.
///
/// A worker stands still when it neither sleeps nor has got anything done since an earlier snapshot: its body takes
/// long or blocks, or the system does not let its thread run. Other workers take over what is queued meanwhile, so
/// this shows in no task count.
///
/// ```swift
/// var watchdog = StallWatchdog(limit: .seconds(1))
/// for stall in watchdog.observe(gyre.snapshot()) { logger.warning("\(stall)") }  // wherever snapshots are taken
/// ```
///
/// The watchdog is a value without a thread or a clock: whoever scrapes feeds it. It counts from the first snapshot in
/// which a worker stood where it stands now, so a stall is longer than what is reported, by up to one interval.
public struct StallWatchdog: Sendable {
    /// A worker that has got nothing done for longer than the limit.
    public struct Stall: Sendable, Equatable, CustomStringConvertible {
        /// The worker's index in the snapshot.
        public let worker: Int
        /// For how long at least.
        public let duration: Duration

        public init(worker: Int, duration: Duration) {
            self.worker = worker
            self.duration = duration
        }

        public var description: String { "worker \(worker) has got nothing done for \(duration)" }
    }

    /// Where a worker stood, and since when.
    private struct Position {
        var records: UInt64
        var endedBusyNanoseconds: UInt64
        var parks: UInt64
        var since: Duration

        /// What is counted when a worker leaves work for idleness moves for one that searches without end
        /// (``IdlePolicy/spin``). All of its busy time would move within a body as well.
        func isWhere(_ worker: WorkerSnapshot) -> Bool {
            records == worker.records && endedBusyNanoseconds == worker.endedBusyNanoseconds && parks == worker.parks
        }
    }

    public let limit: Duration
    private var positions: [Int: Position] = [:]

    /// - Parameter limit: The longest that a worker may take for one body without being reported.
    public init(limit: Duration) { self.limit = limit }

    /// Takes the next snapshot of one runtime, in the order in which they were taken.
    ///
    /// - Returns: Every worker that stands still at this moment for longer than the limit, by index: a stall is in
    ///   every answer until it ends.
    /// - Complexity: O(workers).
    public mutating func observe(_ snapshot: RuntimeSnapshot) -> [Stall] {
        var stalls: [Stall] = []
        var seen: [Int: Position] = [:]
        for worker in snapshot.workers where worker.state == .awake {
            if let position = positions[worker.index], position.isWhere(worker) {
                seen[worker.index] = position
                let duration = snapshot.uptime - position.since
                if duration > limit { stalls.append(Stall(worker: worker.index, duration: duration)) }
            } else {
                seen[worker.index] = Position(
                    records: worker.records, endedBusyNanoseconds: worker.endedBusyNanoseconds,
                    parks: worker.parks, since: snapshot.uptime)
            }
        }
        positions = seen
        return stalls.sorted { $0.worker < $1.worker }
    }
}
