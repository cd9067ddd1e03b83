import GyreCore
import Synchronization

/// A long-lived Swift task that runs one async body after another.
///
/// Making a Swift task costs 500 to 1,600 ns; resuming one that waits costs a tenth of that. A cancelled runner
/// retires after its body, because a Swift task stays cancelled. Bodies on a runner do not inherit task-locals.
///
/// What it keeps while a body runs is here and not in its frame: a Swift task has its frames in slabs of a kilobyte,
/// and a body that waits should not take a second one, because there may be a million.
///
/// `@unchecked Sendable`: `body` and `continuation` pass between the worker that resumes the runner and the runner
/// itself, one at a time, by the edges of the continuation. `current` is an atomic. The links are used under the lock
/// of the set.
final class AsyncRunner: @unchecked Sendable {
    private let set: RunnerSet
    private var pool: WorkerPool { self.set.pool }
    /// From when it is handed over until it has ended.
    private var body: RunnerBody?
    private var continuation: UnsafeContinuation<Bool, Never>?
    private let swiftTask = Lock<Task<Void, any Error>?>(nil)
    /// Address of the body that runs, plus 1 once it was cancelled; 0 between bodies.
    private let current = Atomic<UInt>(0)
    fileprivate var next: Unmanaged<AsyncRunner>?
    fileprivate var previous: Unmanaged<AsyncRunner>?

    init(set: RunnerSet) { self.set = set }

    /// Starts the Swift task of this runner with its first body.
    func start(_ first: RunnerBody) {
        body = first
        set.add(self)
        let task = Self.launch(self, ())
        swiftTask.withLock { $0 = task }
        // A cancel that came before the task was there found nothing to cancel, and left its mark.
        if current.load(ordering: .sequentiallyConsistent) & 1 == 1 { task.cancel() }
    }

    /// Swift's tasks run closures that may throw and that return in memory, as those of generic code do. Any other is
    /// wrapped into two more frames, so this one is made in generic code that stays generic, and is said to throw.
    @inline(never)
    @_semantics("optimize.sil.specialize.generic.never")
    private static func launch<Nothing: Sendable>(
        _ runner: AsyncRunner, _ nothing: Nothing
    ) -> Task<Nothing, any Error> {
        Task(executorPreference: runner.pool) {
            await runner.work()
            runner.set.remove(runner)
            return nothing
        }
    }

    /// Hands the next body to a runner that waits.
    func resume(_ next: RunnerBody) {
        body = next
        continuation?.wake(returning: true)
    }

    /// Ends a runner that waits.
    func dismiss() { continuation?.wake(returning: false) }

    /// Its frame is the one of the task's closure.
    @inline(__always)
    private nonisolated(nonsending) func work() async {
        repeat {
            if let call = begin() {
                do {
                    switch call {
                    case .async(let call): try await call()
                    case .valued(let call): try await call(value)
                    case .sync, .blocking: preconditionFailure("a body that is called has no runner")
                    }
                    ended(nil)
                } catch {
                    ended(error)
                }
            }
            guard letGo() else { return }
        } while await waitForBody()
    }

    /// What to call. `nil` when the task was cancelled first.
    @inline(never)
    private func begin() -> TaskBody? {
        guard let body else { preconditionFailure("a runner that goes on has a body") }
        let address = UInt(bitPattern: Unmanaged.passUnretained(body).toOpaque())
        current.store(address, ordering: .sequentiallyConsistent)
        // Who asks everything to stop says so first and looks for running bodies then: one of both sees the other.
        if pool.isAskedToStop { cancelCurrent() }
        return body.begin(on: self)
    }

    private var value: UnsafeMutableRawPointer {
        guard let body else { preconditionFailure("a runner that calls has a body") }
        return body.value
    }

    @inline(never)
    private func ended(_ error: (any Error)?) {
        body?.bodyEnded(error)
    }

    /// Ends with the body. False when the Swift task was cancelled: a cancel that was faster than the exchange may
    /// still be on its way to it.
    @inline(never)
    private func letGo() -> Bool {
        guard let body else { preconditionFailure("a runner lets go of its body once") }
        let address = UInt(bitPattern: Unmanaged.passUnretained(body).toOpaque())
        defer { self.body = nil }
        return current.exchange(0, ordering: .acquiringAndReleasing) == address
    }

    /// Has a frame of its own, which is there only while it waits.
    @inline(never)
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
        let runners = all.withLock { first in
            var runners: [AsyncRunner] = []
            var next = first
            while let runner = next?.takeUnretainedValue() {
                runners.append(runner)
                next = runner.next
            }
            return runners
        }
        for runner in runners { runner.cancelCurrent() }
    }

    /// Makes a runner known to ``cancelAll()``. Once in a runner's life.
    fileprivate func add(_ runner: AsyncRunner) {
        all.withLock { first in
            runner.next = first
            first?.takeUnretainedValue().previous = .passUnretained(runner)
            first = .passUnretained(runner)
        }
    }

    fileprivate func remove(_ runner: AsyncRunner) {
        all.withLock { first in
            runner.next?.takeUnretainedValue().previous = runner.previous
            if let previous = runner.previous {
                previous.takeUnretainedValue().next = runner.next
            } else {
                first = runner.next
            }
        }
    }

    /// The first of a list, which holds none of them: a runner is in it while its Swift task, which holds it, runs. A
    /// list, because a table of a million would be copied under the lock as it grows.
    private let all = Lock<Unmanaged<AsyncRunner>?>(nil)

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
