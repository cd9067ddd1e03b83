internal import CGyre
internal import Synchronization

/// Threads that run tasks: the machine under every ``WorkerPool/Configuration``.
///
/// A task is submitted by any thread, queued without a lock or an allocation, run by one worker, and timed. The pool
/// knows no policy: what to run, when to try again and whom to tell is the business of the modules above.
///
/// `@unchecked Sendable`: all mutable state is behind atomics of CGyre, or behind `control`.
public final class WorkerPool: @unchecked Sendable {
    /// How a pool is made. The defaults are what is measured.
    public struct Configuration: Sendable {
        /// Number of workers; `nil` takes what the affinity mask and the CPU quota of the cgroup allow, at most 64
        /// less spares.
        public var workers: Int?
        /// Tasks that are accepted at least before ``SubmitError/full``; at most 64 more for each thread that submits.
        /// 4,096 records of a cache line fit the second-level cache of current cores; more work in flight costs misses.
        public var inFlight: Int = 4_096
        /// Threads beside the workers that have a queue of their own in the pool. Further threads share one.
        public var submitters: Int = 64
        public var pinning: Pinning = .soft
        public var idle: IdlePolicy = .balanced
        public var timing: Timing = .all
        public var clock: MonotonicClock = .system()
        /// Prefix of the thread names.
        public var name: String = "gyre"
        /// Whether no thread is started: the pool does nothing but what ``WorkerPool/turn(worker:)`` is called for.
        package var isDriven = false
        /// Who says how long workers look for work before they sleep; nobody keeps the standard.
        package var searchDecision: SearchTime.Decision?

        public init() {}

        public init(workers: Int?, pinning: Pinning = .soft) {
            self.workers = workers
            self.pinning = pinning
        }
    }

    /// Spare workers that can stand in for workers whose body blocks in a wait.
    package static let sparesMax = 8
    /// The most workers a pool can have.
    public static let workersMax = Int(GYRE_PARK_WORKERS_MAX) - sparesMax

    public let configuration: Configuration
    public let clock: MonotonicClock
    /// Workers without spares.
    public let workerCount: Int

    let dispatch: OpaquePointer
    let workers: [Worker]
    let timingStride: UInt32
    /// CPUs that workers may run on: the affinity mask at creation.
    let cpus: CPUMask
    /// Notified when a quarter of the records is free, when a worker went idle, and when one left.
    let progress: EventCount
    /// Notified when a task with a handle was settled, for those who block until then.
    let settlements: EventCount
    package let searchTime: SearchTime
    let control = PoolControl()
    /// Times of tasks that ended on threads beside the workers.
    let outsideTimes = TaskTimes()
    let started: MonotonicInstant
    /// When the clock was compared with the system's last.
    let clockChecked = Atomic<UInt64>(0)
    /// Unlike an address it is never used again: tickets name their pool by it.
    let id = WorkerPool.identities.add(1, ordering: .relaxed).newValue
    private static let identities = Atomic<UInt64>(0)

    /// Workers whose thread has not left yet, spares included.
    package var workersLeft: Int { control.state.withLock { $0.running.count } }

    /// Whether running work has been asked to stop, in one order with whoever asks and looks for running work then.
    package var isAskedToStop: Bool { control.isStoppingInOrder }

    public init(_ configuration: Configuration = Configuration()) throws(ConfigurationError) {
        let topology = CPUTopology.current()
        let workerCount = configuration.workers ?? min(topology.effectiveParallelism, Self.workersMax)
        try Self.check(configuration, workerCount: workerCount)
        var native = gyre_dispatch_configuration(
            workers: UInt32(workerCount + Self.sparesMax), submitters: UInt32(configuration.submitters),
            in_flight: UInt32(configuration.inFlight), guests: Self.guestRecords, clock: configuration.clock.pointer)
        guard let dispatch = gyre_dispatch_create(&native) else {
            throw ConfigurationError(
                field: "inFlight", reason: "no memory for \(configuration.inFlight) tasks in flight; ask for fewer")
        }
        self.configuration = configuration
        self.clock = configuration.clock
        self.started = configuration.clock.now
        self.workerCount = workerCount
        self.dispatch = dispatch
        self.timingStride = configuration.timing.stride
        self.cpus = CPUMask(cpus: topology.allowedCPUs)
        self.searchTime = SearchTime(configuration.searchDecision)
        self.progress = EventCount()
        self.settlements = EventCount()
        self.workers = (0..<(workerCount + Self.sparesMax)).map { index in
            Worker(index: index, dispatch: dispatch, clock: configuration.clock)
        }
        if configuration.isDriven { return }
        for index in 0..<workerCount {
            do {
                try startWorker(index)
            } catch {
                close()
                _ = join(until: nil)  // nothing is queued: those that were started leave at once
                throw ConfigurationError(
                    field: "workers", reason: "the system started \(index) of \(workerCount) threads; ask for fewer")
            }
        }
    }

    deinit {
        // Every thread of the pool holds the pool, so none runs any more.
        gyre_dispatch_destroy(dispatch)
    }

    /// Records of threads that found every submitter's seat taken.
    private static let guestRecords: UInt32 = 256

    private static func check(_ configuration: Configuration, workerCount: Int) throws(ConfigurationError) {
        guard (1...workersMax).contains(workerCount) else {
            throw ConfigurationError(
                field: "workers",
                reason: "\(workerCount) is outside 1...\(workersMax); nil takes what the machine allows")
        }
        guard (2...(1 << 24)).contains(configuration.inFlight) else {
            throw ConfigurationError(
                field: "inFlight", reason: "\(configuration.inFlight) is outside 2...\(1 << 24)")
        }
        guard (1...(1 << 12)).contains(configuration.submitters) else {
            throw ConfigurationError(
                field: "submitters", reason: "\(configuration.submitters) is outside 1...\(1 << 12)")
        }
        if case .sampled(let every) = configuration.timing, every < 2 {
            throw ConfigurationError(
                field: "timing", reason: "sampled(every: \(every)) must be at least 2; .all times every task")
        }
    }
}
