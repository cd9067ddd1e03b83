import Glibc
import Synchronization

/// Runs `body` with 0, 1, … on `count` threads of their own, at the same time, and returns when all have ended.
/// Tasks would do for most of it, but a task may share its thread with the next one.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var threads: [pthread_t] = []
    let missing = Countdown(count)
    for index in 0..<count {
        var thread = pthread_t()
        let begin = Start {
            // All begin together: threads that are over before the next one starts never meet.
            missing.left.subtract(1, ordering: .acquiringAndReleasing)
            while missing.left.load(ordering: .acquiring) > 0 { sched_yield() }
            body(index)
        }
        let start = Unmanaged.passRetained(begin)  // released by the thread
        let failure = pthread_create(
            &thread, nil,
            { word in
                guard let word else { return nil }
                Unmanaged<Start>.fromOpaque(word).takeRetainedValue().body()
                return nil
            }, start.toOpaque())
        precondition(failure == 0, "the system refused a thread: \(failure)")
        threads.append(thread)
    }
    for thread in threads { pthread_join(thread, nil) }
}

private final class Countdown: Sendable {
    let left: Atomic<Int>
    init(_ count: Int) { left = Atomic(count) }
}

/// A C object that the threads of a test share. The test says who may touch it how.
struct Shared<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
