import Dispatch
import Gyre
import GyreJemalloc
import Synchronization

/// Bytes that each of many waiting things holds, by jemalloc's count. Records are not in it: 64 bytes each, in memory
/// that a runtime maps when it is made.
enum Memory {
    private static let count = 100_000

    static func rows() async throws -> [(title: String, bytes: Double)] {
        guard Jemalloc.isLive, Jemalloc.statistics() != nil else { return [] }
        let made = try await whileBlocked { _ in }
        return [
            ("runtime with defaults, 1 worker, beside its records", try await runtime()),
            ("queued post", try await whileBlocked { gyre in try gyre.post(nothing) } - made),
            (
                "queued post, the closure captures 3 words",
                try await whileBlocked { gyre in try gyre.post(capturing()) } - made
            ),
            ("queued post with a handle to an Int", try await whileBlocked { gyre in _ = try handle(gyre) } - made),
            ("settled handle to an Int", try await settledHandle()),
            ("waiting run of a graph of five nodes of an Int", try await graphRun()),
            ("suspended async body with a handle", try await suspendedBody()),
        ]
    }

    private static let nothing: @Sendable () -> Void = {}

    private static func capturing() -> @Sendable () -> Void {
        let words = (Int.random(in: 0...1), Int.random(in: 0...1), Int.random(in: 0...1))
        return { use(words.0 &+ words.1 &+ words.2) }
    }

    /// What the compiler cannot look through, so that a closure captures what it seems to.
    @inline(never)
    private static func use(_ value: Int) { withExtendedLifetime(value) {} }

    private static func handle(_ gyre: Runtime) throws(SubmitError) -> TaskHandle<Int> { try gyre.post { 1 } }

    private static var allocated: Double { Double(Jemalloc.statistics()?.allocatedBytes ?? 0) }

    private static func roomy() throws -> Runtime {
        var configuration = Runtime.Configuration(workers: 1)
        configuration.inFlight = count + 1_000
        return try Runtime(configuration)
    }

    private static func runtime() async throws -> Double {
        let before = allocated
        let gyre = try Runtime(Runtime.Configuration(workers: 1))
        let after = allocated
        await gyre.drain()
        return after - before
    }

    /// Bytes for each call of `submit`, while the one worker stands in a body.
    private static func whileBlocked(_ submit: (Runtime) throws -> Void) async throws -> Double {
        let gyre = try roomy()
        let (isInside, mayGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        try gyre.post {
            isInside.signal()
            mayGo.wait()
        }
        blockingly { isInside.wait() }
        let before = allocated
        do {
            for _ in 0..<count { try submit(gyre) }
        } catch {
            mayGo.signal()
            await gyre.drain()
            throw error
        }
        let after = allocated
        mayGo.signal()
        await gyre.drain()
        return (after - before) / Double(count)
    }

    private static func settledHandle() async throws -> Double {
        let gyre = try roomy()
        var handles: [TaskHandle<Int>] = []
        handles.reserveCapacity(count)
        let before = allocated
        for _ in 0..<count { handles.append(try handle(gyre)) }
        await gyre.drain()
        let after = allocated
        return withExtendedLifetime(handles) { (after - before) / Double(count) }
    }

    private static func graphRun() async throws -> Double {
        let plan = try Subjects.fiveNodes().build()
        return try await whileBlocked { gyre in try gyre.post(plan, 1) { _ in } }
    }

    private static func suspendedBody() async throws -> Double {
        let gyre = try roomy()
        let waiting = Mutex<[UnsafeContinuation<Void, Never>]>([])
        waiting.withLock { $0.reserveCapacity(count) }
        let before = allocated
        for _ in 0..<count {
            let _: TaskHandle<Int> = try gyre.post(whenFull: .wait) {
                await withUnsafeContinuation { continuation in waiting.withLock { $0.append(continuation) } }
                return 1
            }
        }
        while waiting.withLock({ $0.count }) < count { await Task.yield() }
        let after = allocated
        for continuation in waiting.withLock({ $0 }) { continuation.resume() }
        await gyre.drain()
        return (after - before) / Double(count)
    }

    /// A wait of some microseconds, hidden from the compiler's advice against blocking in async functions.
    private static func blockingly(_ wait: () -> Void) { wait() }
}
