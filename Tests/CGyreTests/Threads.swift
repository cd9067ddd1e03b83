import Glibc

/// Runs `body(0)` to `body(count - 1)`, each on a thread of its own, and returns when all have returned.
///
/// They set off together: none enters its body before the last one exists.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let start = StartLine(count)
    let threads = (0..<count).map { index in
        RunningThread {
            start.wait()
            body(index)
        }
    }
    for thread in threads { thread.join() }
}

/// A thread that has been started and must be joined once.
struct RunningThread {
    private let id: pthread_t

    init(_ body: @escaping @Sendable () -> Void) {
        var created = pthread_t()
        let argument = Unmanaged.passRetained(Body(body)).toOpaque()
        let code = pthread_create(
            &created, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument)
        precondition(code == 0, "pthread_create failed with \(code)")
        id = created
    }

    func join() {
        let code = pthread_join(id, nil)
        precondition(code == 0, "pthread_join failed with \(code)")
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}

/// A pthread barrier that threads share.
final class StartLine: @unchecked Sendable {  // the barrier synchronizes itself, and its address never changes
    private let barrier = UnsafeMutablePointer<pthread_barrier_t>.allocate(capacity: 1)

    init(_ count: Int) {
        let code = pthread_barrier_init(barrier, nil, UInt32(count))
        precondition(code == 0, "pthread_barrier_init failed with \(code)")
    }

    deinit {
        pthread_barrier_destroy(barrier)
        barrier.deallocate()
    }

    func wait() { pthread_barrier_wait(barrier) }
}

/// Nanoseconds of CLOCK_MONOTONIC, the clock of every deadline in CGyre.
func monotonicNanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// Plain words that threads share without any lock: what orders them is what a test is about.
final class Plain: @unchecked Sendable {  // on purpose: a race here is a failed test under ThreadSanitizer
    private let words: UnsafeMutablePointer<UInt64>

    init(count: Int) {
        words = .allocate(capacity: count)
        words.initialize(repeating: 0, count: count)
    }

    deinit { words.deallocate() }

    subscript(index: Int) -> UInt64 {
        get { words[index] }
        set { words[index] = newValue }
    }
}

/// Carries a pointer into a thread's body.
struct Address<Pointee>: @unchecked Sendable {  // what lies there is atomic, or ordered by what the test is about
    let pointer: UnsafeMutablePointer<Pointee>
    init(_ pointer: UnsafeMutablePointer<Pointee>) { self.pointer = pointer }
}
