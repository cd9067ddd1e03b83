import Glibc
import Gyre
import GyreCore
import Synchronization
import Testing

/// How long a test waits for something that must happen. A bound on a hang, never a measurement.
let patienceSeconds = 60

/// Closed at first, opened once, then open for good.
final class Latch: @unchecked Sendable {  // the mutex guards everything, and its address never changes
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var opened = false

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    func open() {
        pthread_mutex_lock(mutex)
        opened = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    var isOpen: Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return opened
    }

    /// Blocks until it is open. False when patience ran out.
    @discardableResult
    func wait() -> Bool {
        var end = timespec()
        clock_gettime(CLOCK_REALTIME, &end)
        end.tv_sec += patienceSeconds
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !opened {
            if pthread_cond_timedwait(changed, mutex, &end) == ETIMEDOUT { return opened }
        }
        return true
    }
}

/// Looks until `condition` holds. False when patience ran out.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(patienceSeconds)
    while !condition() {
        if ContinuousClock.now > end { return condition() }
        sched_yield()
    }
    return true
}

/// The same from an async function, whose thread goes on with others.
func eventuallyAsync(_ condition: () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(patienceSeconds)
    while !condition() {
        if ContinuousClock.now > end { return condition() }
        await Task.yield()
    }
    return true
}

extension Runtime.Configuration {
    /// Of the runtimes of seeded histories. Made once: a configuration looks at the clock for two milliseconds.
    static let ofHistories = {
        var configuration = Runtime.Configuration(workers: 2)
        configuration.inFlight = 256
        configuration.submitters = 2
        return configuration
    }()
}

extension Runtime {
    /// Moves manual time, and returns when what is due has been fired: a timer that was due before wakes the wheel.
    func pass(_ duration: Duration, _ time: ManualTime) async throws {
        time.advance(by: duration)
        try await self.sleep(until: .distantPast)
    }
}

/// The outcome of a handle that must settle. `nil` when patience ran out; no test hangs on a task that is lost.
func outcome<Value>(of handle: TaskHandle<Value>) -> Outcome<Value>? {
    _ = eventually { handle.outcome != nil }
    return handle.outcome
}

/// A number that threads count up.
final class Tally: Sendable {
    private let number = Atomic<Int>(0)
    var count: Int { number.load(ordering: .sequentiallyConsistent) }
    func add(_ amount: Int = 1) { number.add(amount, ordering: .sequentiallyConsistent) }
}

/// One count for each of many items, for "exactly once, item by item".
final class Marks: @unchecked Sendable {  // every cell is an atomic
    private let cells: UnsafeMutablePointer<Atomic<UInt8>>
    let count: Int

    init(_ count: Int) {
        self.count = count
        cells = .allocate(capacity: count)
        for index in 0..<count { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: count)
        cells.deallocate()
    }

    func mark(_ index: Int) { cells[index].add(1, ordering: .relaxed) }
    func unmark(_ index: Int) { cells[index].subtract(1, ordering: .relaxed) }
    subscript(index: Int) -> Int { Int(cells[index].load(ordering: .relaxed)) }

    /// Items that were not marked exactly once, at most ten of them.
    var wrong: [Int] { Array((0..<count).lazy.filter { self[$0] != 1 }.prefix(10)) }
}

/// Runs `body(0)` to `body(count - 1)`, each on a thread of its own, together, and returns when all have returned.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
    let start = StartLine(count)
    let threads = try (0..<count).map { index in
        try PosixThread(name: "test-\(index)") {
            start.arriveAndWait()
            body(index)
        }
    }
    for thread in threads { thread.join() }
}

private final class StartLine: Sendable {
    private let missing: Atomic<Int>
    init(_ count: Int) { missing = Atomic(count) }
    func arriveAndWait() {
        missing.subtract(1, ordering: .acquiringAndReleasing)
        while missing.load(ordering: .acquiring) > 0 { sched_yield() }
    }
}

/// An error that carries a number, to be told apart from others.
struct Failure: Error, Equatable {
    let number: Int
}

/// A runtime with few moving parts for a test.
func makeRuntime(
    workers: Int = 2, inFlight: Int = 4_096, _ change: (inout Runtime.Configuration) -> Void = { _ in }
) throws -> Runtime {
    var configuration = Runtime.Configuration(workers: workers, pinning: .none)
    configuration.inFlight = inFlight
    configuration.submitters = 8
    change(&configuration)
    return try Runtime(configuration)
}

extension Runtime {
    /// Ends a runtime at the end of a test, and expects that nothing was left in it.
    func finish(_ location: SourceLocation = #_sourceLocation) {
        let report = drainBlocking(soft: .seconds(patienceSeconds), hard: .seconds(patienceSeconds))
        #expect(report.isComplete, sourceLocation: location)
        #expect(report.abandonedWorkers == 0, sourceLocation: location)
    }

    /// Keeps `count` workers busy until the latch that is returned is opened. All have begun when this returns.
    func occupy(_ count: Int) throws -> Latch {
        let release = Latch()
        let begun = Tally()
        for _ in 0..<count {
            try post {
                begun.add()
                release.wait()
            }
        }
        #expect(eventually { begun.count == count })
        return release
    }

    /// Whether the calling thread is a worker of this runtime.
    var isWorker: Bool { WorkerSeat(of: pool) != nil }
}

/// Places that one thread fills and others look at.
final class Shelf<Value: Sendable>: Sendable {
    private final class Place: Sendable {
        let value = Lock<Value?>(nil)
    }

    private let places: [Place]
    init(_ count: Int) { places = (0..<count).map { _ in Place() } }

    subscript(index: Int) -> Value? {
        places[index].value.withLock { $0 }
    }

    func put(_ value: Value, at index: Int) { places[index].value.withLock { $0 = value } }
}

/// An async body that suspends until it is woken or cancelled.
final class Sleeper: Sendable {
    private typealias Continuation = UnsafeContinuation<Result<Void, any Error>, Never>
    private enum State { case awake, asleep(Continuation), woken, cancelled }
    private let state = Lock(State.awake)

    var isAsleep: Bool {
        state.withLock { if case .asleep = $0 { true } else { false } }
    }

    nonisolated(nonsending) func sleep() async throws {
        let result: Result<Void, any Error> = await withTaskCancellationHandler {
            await untilWoken { continuation in
                let before = state.withLock { state in
                    let before = state
                    if case .awake = state { state = .asleep(continuation) }
                    return before
                }
                switch before {
                case .woken: continuation.wake(returning: .success(()))
                case .cancelled: continuation.wake(returning: .failure(CancellationError()))
                default: break
                }
            }
        } onCancel: {
            end(.cancelled)?.wake(returning: .failure(CancellationError()))
        }
        try result.get()
    }

    func wake() { end(.woken)?.wake(returning: .success(())) }

    private func end(_ last: State) -> Continuation? {
        state.withLock { state in
            let before = state
            switch before {
            case .awake, .asleep: state = last
            default: break
            }
            if case .asleep(let continuation) = before { return continuation }
            return nil
        }
    }
}

/// Whether a thread sleeps in the kernel: `S` stands behind its name, which is in parentheses.
func isAsleep(_ thread: Int32) -> Bool {
    guard let file = fopen("/proc/self/task/\(thread)/stat", "re") else { return false }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    guard fgets(&line, 512, file) != nil else { return false }
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard let end = text.lastIndex(of: ")") else { return false }
    return text[end...].dropFirst(2).first == "S"
}
