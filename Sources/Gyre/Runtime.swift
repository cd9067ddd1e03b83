import GyreCore
public import GyrePolicy

/// The execution core of a program: a pool of pinned workers, and everything that may be run on it.
///
/// ```swift
/// let gyre = try Runtime()
/// try gyre.post { print("on a worker") }
/// let total = try await gyre.run { try await fetchTotal() }
/// await gyre.drain()
/// ```
///
/// A program usually has one runtime for its life. Several are independent of each other. A runtime that is no longer
/// used must be drained: its workers live until then.
public final class Runtime: Sendable {
    public typealias Configuration = WorkerPool.Configuration

    /// The workers. Also a `TaskExecutor`: `withTaskExecutorPreference(gyre.pool) { … }`.
    public let pool: WorkerPool
    let intake = Intake()
    let runners: RunnerSet
    package let timers: TimerService
    let blockingLane: BlockingLane
    /// On which the handler nodes of graphs run, unless their run names another.
    public let engine: MemoryEngine
    /// Where recorded runs of graphs keep their outcomes, unless they name another.
    public let journal: MemoryJournal
    let schedules = ScheduleSet()
    let spinTuner: SpinTuner
    let parts = RuntimeParts()
    /// What is paused on this runtime, for parts that are yet to be made too.
    let pauses = Lock(Pauses())
    /// Of a runtime that somebody drives; of no other one.
    let drivenDrain = Lock(DrivenDrain())

    /// Starts the workers.
    ///
    /// - Parameter blocking: How many threads ``blocking(deadline:_:)`` may start.
    /// - Throws: ``ConfigurationError`` naming the field that is out of range.
    public init(
        _ configuration: Configuration = Configuration(), blocking: BlockingLimits = .standard
    ) throws(ConfigurationError) {
        let spinTuner = SpinTuner()
        var configuration = configuration
        configuration.searchDecision = { time, now in spinTuner.decide(time, at: now) }
        let pool = try WorkerPool(configuration)
        self.pool = pool
        self.spinTuner = spinTuner
        self.runners = RunnerSet(pool: pool)
        let timers = TimerService(clock: pool.clock, isDriven: configuration.isDriven)
        self.timers = timers
        self.blockingLane = BlockingLane(blocking, clock: pool.clock, name: configuration.name)
        engine = MemoryEngine(clock: pool.clock, timers: timers)
        journal = MemoryJournal()
    }

    /// The clock of all stamps and deadlines of this runtime.
    public var clock: MonotonicClock { pool.clock }

    /// How long a worker that expects more work looks for it before it sleeps, in nanoseconds, with the last decision
    /// and its reason. Learned, once in a second at most, from how long workers were without work and what it took to
    /// wake them; 10,000 until then. Of no effect unless ``WorkerPool/Configuration/idle`` is `balanced`.
    public var learnedSpin: TunedValue<UInt64> { spinTuner.spin }

    /// Sets how long workers look for work before they sleep, or lets the measurements decide again with `nil`.
    ///
    /// - Parameter duration: A search ends after 4,096 looks, which is some hundred microseconds, whatever stands here.
    public func pinSpin(_ duration: Duration?) { spinTuner.pin(duration, pool.searchTime) }
}
