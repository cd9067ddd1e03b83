public import Gyre
public import GyreCore
import GyrePolicy
import Synchronization

/// A runtime whose time stands still until a test moves it, and whose work runs on the thread of the test.
///
/// ```swift
/// let test = try ManualRuntime()
/// let call = test.start { try await test.runtime.sleep(for: .seconds(60)) }
/// test.advance(by: .seconds(59))
/// #expect(call.isPending)
/// test.advance(by: .seconds(1))
/// #expect(!call.isPending)
/// test.finish()
/// ```
///
/// It is the scheduler that programs run on: its queues, lanes, timers and runners. Only the threads are missing, and
/// ``settle()``, ``advance(by:)`` and ``run(_:)`` lend it the caller's. So nothing happens at any other moment, and
/// when they return, nothing could go on: each task that has not ended waits for a timer, or for somebody outside.
/// Which of its workers makes the next turn is drawn from the seed: another seed is another order of what may happen
/// in any order, and the same seed is the same history.
///
/// What leaves the runtime is outside: actors with an executor of their own, unstructured `Task { }`, threads. Nothing
/// waits for them; a test that has some calls ``settle()`` after they came back. A body that blocks its thread blocks
/// the test.
///
/// - Concurrency: The calls that move it are made by one thread at a time, and by none of its tasks.
public final class ManualRuntime: Sendable {
    public let runtime: Runtime
    /// Moving it directly runs nothing: the next call that moves the runtime does.
    public let time: ManualTime
    private let random: Lock<SeededRandom>
    private let isMoving = Atomic<Bool>(false)

    /// - Parameters:
    ///   - seed: Chooses the order of what may happen in any order.
    ///   - start: Where the clock stands at first. Not at 0, where differences could not be told from instants.
    ///   - configuration: Of the runtime, by default one with two workers. Clock and pinning are replaced. Whoever
    ///     makes thousands of runtimes makes it once.
    /// - Throws: ``ConfigurationError`` as ``Runtime/init(_:)`` does.
    public init(
        seed: UInt64 = 0, startingAt start: MonotonicInstant = MonotonicInstant(nanoseconds: 3_600_000_000_000),
        _ configuration: Runtime.Configuration? = nil
    ) throws(ConfigurationError) {
        var configuration = configuration ?? Self.twoWorkers
        (configuration.clock, time) = MonotonicClock.manual(startingAt: start)
        configuration.pinning = .none
        configuration.isDriven = true
        runtime = try Runtime(configuration)
        random = Lock(SeededRandom(seed: SeededRandom.mixed(seed)))
    }

    /// Made once: a configuration has a clock of the system at first, which takes 2 ms.
    private static let twoWorkers = Runtime.Configuration(workers: 2)

    /// The present instant.
    public var now: MonotonicInstant { time.now }

    /// No timer is due before this instant. `nil` when none waits.
    public var nextTimer: MonotonicInstant? { runtime.timers.nextDue }

    /// Starts an async body as a task of the runtime, with the caller's task-locals. None of it runs before this
    /// runtime is moved.
    @discardableResult
    public func start<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) -> ManualTask<Value> {
        let ending = ManualTask<Value>.Ending()
        let task = Task(executorPreference: runtime.pool) {
            do {
                ending.end(.success(try await body()))
            } catch {
                ending.end(.failure(error))
            }
        }
        return ManualTask(ending: ending, task: task)
    }

    /// Runs all that can run while time stands still.
    public func settle() {
        moving { settleWhileMoving() }
    }

    /// Moves time by `duration`, from timer to timer: at each instant at which one is due, all that are due then fire
    /// in order, and all that they set going runs, before time moves on.
    public func advance(by duration: Duration) {
        advance(to: time.now + duration)
    }

    /// As ``advance(by:)``, to `instant`. An instant that has passed moves nothing, but what can run runs.
    public func advance(to instant: MonotonicInstant) {
        moving {
            settleWhileMoving()
            while let next = nextTimer, next <= instant { step(to: next) }
            move(to: instant)
        }
    }

    /// Runs `body` as ``start(_:)`` does, and moves time from timer to timer until it has ended.
    ///
    /// - Throws: What the body throws; ``StuckError`` when it waits and there is no timer to wait for.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        try finish(start(body))
    }

    /// Moves time from timer to timer until `task` has ended.
    ///
    /// - Throws: As ``run(_:)``.
    public func finish<Value>(_ task: ManualTask<Value>) throws -> Value {
        try moving {
            settleWhileMoving()
            while task.isPending {
                guard let next = nextTimer else { throw StuckError() }
                step(to: next)
            }
        }
        guard let result = task.result else { preconditionFailure("what is not pending has a result") }
        return try result.get()
    }

    /// Ends the runtime, after all that can run while time stands still, and moves time as far as that takes.
    ///
    /// It is the drain of ``Runtime/drain(soft:hard:)`` in virtual time: until `soft` everything goes on, timer by
    /// timer; then what still runs is cancelled; at `hard`, or when all has ended, who waits for a timer, a turn or a
    /// pause is told that the runtime has closed. All of that runs before this returns. A body that calls
    /// ``Runtime/drain(soft:hard:)`` itself has the same, as the test moves time.
    ///
    /// - Parameters:
    ///   - soft: By default what has not ended is cancelled at once.
    ///   - hard: By default what does not end when it is cancelled is given up at once.
    /// - Returns: Whether everything had ended. A body that waits for somebody outside still does. A second call
    ///   returns what the first one did.
    @discardableResult
    public func finish(soft: Duration = .zero, hard: Duration = .zero) -> DrainReport {
        moving {
            settleWhileMoving()
            runtime.beginDrivenDrain(soft: soft, hard: max(soft, hard))
            settleWhileMoving()
            while runtime.drivenDrainReport == nil, let next = nextTimer { step(to: next) }
        }
        guard let report = runtime.drivenDrainReport else { preconditionFailure("the limits of a drain have come") }
        return report
    }

    private func step(to instant: MonotonicInstant) {
        move(to: instant)
        runtime.timers.fireDue()
        settleWhileMoving()
    }

    private func move(to instant: MonotonicInstant) {
        let now = time.now
        if instant > now { time.advance(by: now.duration(to: instant)) }
    }

    private func settleWhileMoving() {
        let workers = UInt64(runtime.pool.workerCount)
        repeat {
            // A worker that finds nothing has looked everywhere.
            let index = random.withLock { $0.next().scaled(upTo: workers - 1) }
            if !runtime.pool.turn(worker: Int(index)), !runtime.stepDrivenDrain() { return }
        } while true
    }

    private func moving<Value>(_ body: () throws -> Value) rethrows -> Value {
        precondition(!isMoving.exchange(true, ordering: .acquiring), "somebody moves this runtime already")
        defer { isMoving.store(false, ordering: .releasing) }
        return try body()
    }
}

/// A body under a ``ManualRuntime``.
public struct ManualTask<Value: Sendable>: Sendable {
    fileprivate final class Ending: Sendable {
        private let result = Lock<Result<Value, any Error>?>(nil)
        var value: Result<Value, any Error>? { result.withLock { $0 } }
        func end(_ ending: Result<Value, any Error>) { result.withLock { $0 = ending } }
    }

    fileprivate let ending: Ending
    fileprivate let task: Task<Void, Never>

    /// What it ended with; `nil` while it has not.
    public var result: Result<Value, any Error>? { ending.value }
    public var isPending: Bool { result == nil }

    /// What it threw; `nil` when it has not ended or has not thrown.
    public var error: (any Error)? {
        if case .failure(let error) = result { return error }
        return nil
    }

    /// Cancels the task. What follows from it runs when the runtime is moved next.
    public func cancel() { task.cancel() }
}

/// A task waits for something that time alone does not bring.
public struct StuckError: Error, Hashable, CustomStringConvertible {
    public init() {}

    public var description: String { "nothing can run, no timer waits, and the task has not ended" }
}
