import GyreCore
import Synchronization

/// A long-lived Swift task that runs one async body after another.
///
/// Making a Swift task costs 500 to 1,600 ns; resuming one that waits costs a tenth of that. A cancelled runner
/// retires after its body, because a Swift task stays cancelled. Bodies on a runner do not inherit task-locals.
///
/// `@unchecked Sendable`: `body` and `continuation` pass between the worker that resumes the runner and the runner
/// itself, one at a time, by the edges of the continuation. `current` is an atomic.
final class AsyncRunner: @unchecked Sendable {
    private let set: RunnerSet
    private var pool: WorkerPool { self.set.pool }
    private var body: (RunnerBody)?
    private var continuation: UnsafeContinuation<Bool, Never>?
    private let swiftTask = Lock<Task<Void, Never>?>(nil)
    /// Address of the body that runs, plus 1 once it was cancelled; 0 between bodies.
    private let current = Atomic<UInt>(0)

    init(set: RunnerSet) { self.set = set }

    /// Starts the Swift task of this runner with its first body.
    func start(_ first: RunnerBody) {
        body = first
        set.add(self)
        let task = Task<Void, Never>(executorPreference: pool) {
            await self.work()
            self.set.remove(self)
        }
        swiftTask.withLock { $0 = task }
        // A cancel that came before the task was there found nothing to cancel, and left its mark.
        if current.load(ordering: .sequentiallyConsistent) & 1 == 1 { task.cancel() }
    }

    /// Hands the next body to a runner that waits.
    func resume(_ next: RunnerBody) {
        body = next
        continuation?.wake(returning: true)
    }

    /// Ends a runner that waits.
    func dismiss() { continuation?.wake(returning: false) }

    private nonisolated(nonsending) func work() async {
        repeat {
            guard let body else { return }
            self.body = nil
            let address = UInt(bitPattern: Unmanaged.passUnretained(body).toOpaque())
            current.store(address, ordering: .sequentiallyConsistent)
            // Who asks everything to stop says so first and looks for running bodies then: one of both sees the other.
            if pool.isAskedToStop { cancelCurrent() }
            await body.perform(on: self)
            // A cancel that was faster than this exchange may still be on its way to the Swift task.
            if current.exchange(0, ordering: .acquiringAndReleasing) != address { return }
        } while await waitForBody()
    }

    private nonisolated(nonsending) func waitForBody() async -> Bool {
        await untilWoken { continuation in
            self.continuation = continuation
            if !set.park(self) { continuation.wake(returning: false) }
        }
    }

    /// Cancels the Swift task, if it still runs `body`.
    func cancel(_ body: RunnerBody) {
        let address = UInt(bitPattern: Unmanaged.passUnretained(body).toOpaque())
        let (isCurrent, _) = current.compareExchange(
            expected: address, desired: address | 1, ordering: .acquiringAndReleasing)
        if isCurrent { swiftTask.withLock { $0 }?.cancel() }
    }

    /// Cancels the Swift task whatever it runs, if anything.
    func cancelCurrent() {
        let address = current.load(ordering: .sequentiallyConsistent)
        guard address != 0, address & 1 == 0 else { return }
        let (isCurrent, _) = current.compareExchange(
            expected: address, desired: address | 1, ordering: .acquiringAndReleasing)
        if isCurrent { swiftTask.withLock { $0 }?.cancel() }
    }
}

/// What a runner runs: a task, whose address names it meanwhile.
typealias RunnerBody = TaskCore

/// The runners of a runtime: those that wait, by worker.
///
/// `@unchecked Sendable`: each stack is used by one worker only, and by the drain after all workers have left.
final class RunnerSet: @unchecked Sendable {
    let pool: WorkerPool
    private let waiting: UnsafeMutablePointer<[AsyncRunner]>
    /// Waiting runners a worker keeps; more end.
    private static let waitingMax = 256

    init(pool: WorkerPool) {
        self.pool = pool
        waiting = .allocate(capacity: pool.seatCount)
        waiting.initialize(repeating: [], count: pool.seatCount)
    }

    deinit {
        waiting.deinitialize(count: pool.seatCount)
        waiting.deallocate()
    }

    /// Runs `body` on a runner. On a worker.
    func run(_ body: RunnerBody, seat: WorkerSeat) {
        if let runner = waiting[seat.index].popLast() {
            runner.resume(body)
        } else {
            AsyncRunner(set: self).start(body)
        }
    }

    /// Keeps a runner for later. False when it should end: it left the workers, or enough wait.
    func park(_ runner: AsyncRunner) -> Bool {
        guard let seat = WorkerSeat(of: pool), waiting[seat.index].count < Self.waitingMax else { return false }
        waiting[seat.index].append(runner)
        return true
    }

    /// Cancels what runs on any runner.
    func cancelAll() {
        let runners = all.withLock { all in all.values.compactMap(\.runner) }
        for runner in runners { runner.cancelCurrent() }
    }

    /// Makes a runner known to ``cancelAll()``. Once in a runner's life.
    fileprivate func add(_ runner: AsyncRunner) {
        all.withLock { $0[ObjectIdentifier(runner)] = WeakRunner(runner: runner) }
    }

    fileprivate func remove(_ runner: AsyncRunner) {
        all.withLock { $0[ObjectIdentifier(runner)] = nil }
    }

    private struct WeakRunner: Sendable { weak var runner: AsyncRunner? }
    private let all = Lock<[ObjectIdentifier: WeakRunner]>([:])

    /// Ends all runners that wait. After every worker has left.
    func dismissAll() {
        // Drains may end at the same time; each runner is dismissed by one of them.
        let left = all.withLock { _ in
            (0..<pool.seatCount).flatMap { index in
                defer { waiting[index] = [] }
                return waiting[index]
            }
        }
        for runner in left { runner.dismiss() }
    }
}
