import Glibc
import Synchronization

/// A thread of POSIX that can be waited for.
package final class Thread: Sendable {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    private let handle: pthread_t  // joined once at most, by its maker

    package init(_ run: @escaping @Sendable () -> Void) {
        var handle = pthread_t()
        let body = Unmanaged.passRetained(Body(run))  // released by the thread
        let error = pthread_create(
            &handle, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        precondition(error == 0, "no thread")
        self.handle = handle
    }

    package func join() { pthread_join(handle, nil) }

    /// Runs `body(index)` on so many threads, and waits for them. Returns the times at which the first left the line
    /// and the last one was done.
    package static func together(
        _ threads: Int, _ body: @escaping @Sendable (Int) -> Void
    ) -> (begin: UInt64, end: UInt64) {
        let waiting = Atomic<Int>(threads)
        let span = Mutex((begin: UInt64.max, end: UInt64.zero))
        let running = (0..<threads).map { index in
            Thread {
                waiting.subtract(1, ordering: .acquiringAndReleasing)
                while waiting.load(ordering: .acquiring) > 0 { sched_yield() }
                let begin = now()
                body(index)
                let end = now()
                span.withLock { $0 = (min($0.begin, begin), max($0.end, end)) }
            }
        }
        for thread in running { thread.join() }
        return span.withLock { $0 }
    }

    package static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
