import BenchKit
import BenchPeers
import Dispatch
import Glibc
import Gyre
import Synchronization

/// Physical memory that many waiting things hold, by the kernel's count: in it is whatever the allocator, the runtime
/// and the records take for them. Asked once of a process, whose heap has nothing to reuse.
enum PoolMemory {
    static func run(_ request: PoolRequest) -> Run? {
        let count = Int(request.operations)
        switch (request.subject, request.kind) {
        case ("gyre", .queued):
            let gyre = gyre(inFlight: count + 1_000)
            return queued(count, GyrePost(gyre))
        case ("swift-task", .queued): return queued(count, SwiftTaskPool())
        case ("gyre", .suspended):
            let gyre = gyre()
            return suspended(count) { gate in
                let _: TaskHandle<Void> = must { try gyre.post(whenFull: .wait) { await gate.pass() } }
            }
        case ("swift-task", .suspended): return suspended(count) { gate in Task { await gate.pass() } }
        case ("gyre", .timer):
            let gyre = gyre()
            return sleeping(count) {
                let _: TaskHandle<Void> = must {
                    try gyre.post(whenFull: .wait) {
                        bench_task_empty()
                        try await gyre.sleep(for: longTime)
                    }
                }
            }
        case ("swift-task", .timer):
            return sleeping(count) {
                Task {
                    bench_task_empty()
                    try await Task.sleep(for: longTime)
                }
            }
        default: return nil
        }
    }

    private static let longTime = Duration.seconds(3_600)

    private static func gyre(inFlight: Int? = nil) -> Runtime {
        must {
            var configuration = Runtime.Configuration()
            if let inFlight { configuration.inFlight = inFlight }
            return try Runtime(configuration)
        }
    }

    // MARK: - What waits

    /// Tasks that capture a word, while every worker stands in a body.
    private static func queued(_ count: Int, _ pool: some ClosurePool) -> Run {
        let workers = CPUTopology.current().effectiveParallelism
        let (isInside, mayGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        for _ in 0..<workers {
            pool.post {
                isInside.signal()
                mayGo.wait()
            }
        }
        for _ in 0..<workers { isInside.wait() }
        let account = Account(tasks: UInt64(count))
        let began = bench_now()
        let before = residentBytes()
        for number in 0..<UInt64(count) { pool.postWord(number) }
        let after = residentBytes()
        for _ in 0..<workers { mayGo.signal() }
        var run = account.settle(since: began, sum: .numbers)
        run.bytes = after - before
        return run
    }

    /// Tasks that wait for somebody to open a gate, and then end.
    private static func suspended(_ count: Int, _ submit: (Gate) -> Void) -> Run {
        let gate = Gate(count)
        let account = Account(tasks: UInt64(count))
        let began = bench_now()
        let before = residentBytes()
        for _ in 0..<count { submit(gate) }
        while gate.count < count { Loops.sleep(until: bench_now() + Loops.idleNanoseconds) }
        let after = residentBytes()
        gate.open()
        var run = account.settle(since: began, sum: .ones)
        run.bytes = after - before
        return run
    }

    /// Tasks that wait for longer than the process lives, each counted as it goes to sleep.
    private static func sleeping(_ count: Int, _ submit: () -> Void) -> Run {
        let account = Account(tasks: UInt64(count))
        let began = bench_now()
        let before = residentBytes()
        for _ in 0..<count { submit() }
        var run = account.settle(since: began, sum: .ones)
        Loops.sleep(until: bench_now() + 50 * Loops.idleNanoseconds)  // the last ones are on their way
        run.bytes = residentBytes() - before
        return run
    }

    /// Of this process, in physical memory: the second number of the file, in pages.
    static func residentBytes() -> UInt64 {
        guard let file = fopen("/proc/self/statm", "r") else { fatalError("no /proc/self/statm") }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 256)
        let length = fread(&text, 1, text.count, file)
        let words = String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        guard words.count > 1, let pages = UInt64(words[1]) else { fatalError("/proc/self/statm is not understood") }
        return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// Holds so many tasks until it is opened.
private final class Gate: Sendable {
    private let waiting: Mutex<[UnsafeContinuation<Void, Never>?]>

    /// Its own memory is touched here, before anybody looks.
    init(_ count: Int) {
        var room: [UnsafeContinuation<Void, Never>?] = Array(repeating: nil, count: count)
        room.removeAll(keepingCapacity: true)
        waiting = Mutex(room)
    }

    var count: Int { waiting.withLock { $0.count } }

    func pass() async {
        await withUnsafeContinuation { continuation in waiting.withLock { $0.append(continuation) } }
        bench_task_empty()
    }

    func open() {
        let all = waiting.withLock { $0 }
        for continuation in all { continuation?.resume() }
    }
}
