/// What a runtime did since it started, and what it is doing now.
///
/// Each number is exact for some moment during the call that took the snapshot, but they are not of one moment: a task
/// that ends meanwhile may be counted as done and still as in flight. After a drain nothing moves and all agree.
public struct RuntimeSnapshot: Sendable, Equatable {
    /// Time since the runtime started.
    public let uptime: Duration
    /// What the stamps were taken with. A figure in nanoseconds means no more than its step.
    public let clock: ClockDescription

    /// Tasks whose body ran to its end without an error.
    public package(set) var tasksDone: UInt64 = 0
    /// Tasks whose body threw.
    public package(set) var tasksFailed: UInt64 = 0
    /// Tasks that did not run because their deadline had passed.
    public package(set) var tasksLate: UInt64 = 0
    /// Tasks that did not run because they were cancelled or the runtime ended.
    public package(set) var tasksCancelled: UInt64 = 0
    /// Graph tasks that did not run because a task they need did not succeed.
    public package(set) var tasksSkipped: UInt64 = 0
    /// Submissions that were turned away for lack of room. Who waited for room and got it is not among them, nor is who
    /// came after the end; who came too late is among ``tasksLate``.
    public package(set) var tasksRefused: UInt64 = 0

    /// Records that are queued or running: tasks, and steps of longer ones.
    public package(set) var recordsInFlight: UInt64 = 0
    /// Async tasks and graph runs that have begun and not ended.
    public package(set) var runsLive: UInt64 = 0
    /// Steps of longer tasks that ran on the workers: jobs of Swift concurrency, starts and nodes of graphs. They are
    /// not tasks of their own and in no other number.
    public package(set) var executorJobs: UInt64 = 0
    /// The most jobs that ever waited in the queue for those that find every bounded queue full.
    public package(set) var overflowJobsMax: UInt64 = 0
    /// Timers that have been set and have not fired.
    public package(set) var timersWaiting: UInt64 = 0

    /// From ready to started.
    public package(set) var queueWait = LatencyHistogram()
    /// From started to ended.
    public package(set) var run = LatencyHistogram()
    /// From submitted to ended.
    public package(set) var total = LatencyHistogram()

    /// One for each worker, by index.
    public package(set) var workers: [WorkerSnapshot] = []

    /// The threads for bodies that block.
    public package(set) var blocking = BlockingSnapshot.none
    /// One for each cache of results that is in use, in the order in which they were made.
    public package(set) var caches: [CacheSnapshot] = []

    /// A snapshot in which nothing has happened.
    package init(uptime: Duration, clock: ClockDescription) {
        self.uptime = uptime
        self.clock = clock
    }
}

/// What one worker did.
///
/// Busy is the time between leaving idleness and returning to it; looking for work before sleeping counts as busy,
/// because it uses a core.
public struct WorkerSnapshot: Sendable, Equatable {
    /// From 0.
    public let index: Int
    /// Whether it can be expected to make progress.
    public package(set) var state = State.awake
    /// Tasks that this worker ran.
    public package(set) var tasks: UInt64 = 0
    /// Records that this worker took from a queue and is done with: its tasks, tasks that it found late or cancelled,
    /// and steps of longer ones.
    public package(set) var records: UInt64 = 0
    public package(set) var busyNanoseconds: UInt64 = 0
    /// Of these, what was counted when the worker left work for idleness: it stands still within a body.
    package var endedBusyNanoseconds: UInt64 = 0
    /// Times that this worker took work out of another worker's queue.
    public package(set) var steals: UInt64 = 0
    /// Times that this worker went to sleep.
    public package(set) var parks: UInt64 = 0
    /// Times that this worker woke another one.
    public package(set) var wakes: UInt64 = 0
    /// The processor that this worker is pinned to now. `nil` when it may move.
    public package(set) var pinnedProcessor: Int?

    /// What a worker's thread is about.
    public enum State: String, Sendable {
        /// It runs something, or looks for something to run.
        case awake
        /// It sleeps until there is something to do, or is about to.
        case parked
        /// It has no thread: a spare that is not needed, or the pool has ended.
        case absent
    }

    /// A worker that has not done anything.
    package init(index: Int) {
        self.index = index
    }
}
