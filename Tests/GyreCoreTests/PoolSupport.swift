import Glibc
import GyreCore
import Synchronization
import Testing

/// Looks until `condition` holds. False after a minute: a bound on a hang, never a measurement.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while !condition() {
        if ContinuousClock.now > end { return condition() }
        sched_yield()
    }
    return true
}

/// Closed at first, opened once, then open for good.
final class Latch: Sendable {
    private let opened = Atomic(false)
    private let event = EventCount()
    private let clock = MonotonicClock.system(.kernel)
    var isOpen: Bool { opened.load(ordering: .acquiring) }

    func open() {
        opened.store(true, ordering: .releasing)
        event.notifyAll()
    }

    /// Blocks until it is open. False after a minute.
    @discardableResult
    func wait() -> Bool {
        event.wait(until: clock.now + .seconds(60), clock: clock) { self.isOpen }
    }
}

/// A number that threads count up.
final class Tally: Sendable {
    private let number = Atomic(0)
    var count: Int { number.load(ordering: .sequentiallyConsistent) }
    func add(_ amount: Int = 1) { number.add(amount, ordering: .sequentiallyConsistent) }
}

func makePool(
    workers: Int? = 2, _ change: (inout WorkerPool.Configuration) -> Void = { _ in }
) throws -> WorkerPool {
    var configuration = WorkerPool.Configuration(workers: workers, pinning: .none)
    configuration.submitters = 8
    change(&configuration)
    return try WorkerPool(configuration)
}

extension WorkerPool {
    /// Ends a pool at the end of a test, and expects that all its workers leave.
    func finish(_ location: SourceLocation = #_sourceLocation) {
        close()
        #expect(join(until: nil) == 0, sourceLocation: location)
    }

    /// Keeps `count` workers busy until the latch that is returned is opened. All have begun when this returns.
    func occupy(_ count: Int) throws -> Latch {
        let release = Latch()
        let begun = Tally()
        for _ in 0..<count {
            try submit(body: {
                begun.add()
                release.wait()
            })
        }
        #expect(eventually { begun.count == count })
        return release
    }

    /// Whether the calling thread is one of this pool's workers.
    var isWorkerThread: Bool { WorkerSeat(of: self) != nil }
}
