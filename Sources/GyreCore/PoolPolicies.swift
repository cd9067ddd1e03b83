/// Whether workers are tied to cores.
public enum Pinning: String, Sendable, CaseIterable {
    /// The kernel places every worker, always.
    case none
    /// A worker is tied to the core it is on once it has worked for 200 microseconds without a pause, and released
    /// before it sleeps; no two are tied to one core. Throughput near `hard`, wake-up latency near `none`.
    case soft
    /// Each worker is tied to one core for life. Best when the cores belong to the pool alone; a worker that wakes on
    /// a busy core waits for it.
    case hard
}

/// What a worker does while there is nothing to do.
public enum IdlePolicy: String, Sendable, CaseIterable {
    /// Looks again without end: the shortest wake-up, and a whole core burnt by each worker.
    case spin
    /// A worker that has run something looks for more for 1.5 to 10 microseconds, then sleeps. Idle, the pool uses next
    /// to no CPU.
    case balanced
    /// Sleeps at once: for hosts that count every cycle.
    case park
}

/// Which tasks are timed.
public enum Timing: Sendable, Equatable {
    /// Every task: two clock reads and three histogram entries each.
    case all
    /// One in so many, picked by count. At least 2.
    case sampled(every: UInt32)
    /// None. Deadlines still hold.
    case off

    /// Every how many tasks are timed; 0 for none.
    package var stride: UInt32 {
        switch self {
        case .all: return 1
        case .sampled(let every): return max(2, every)
        case .off: return 0
        }
    }
}
