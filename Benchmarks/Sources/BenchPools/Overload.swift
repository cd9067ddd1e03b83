import BenchKit
import BenchPeers
import Dispatch
import Gyre
import Synchronization

/// What becomes of good work when there is too much of it, or when something that others need is dead. Each figure
/// stands beside the same work without that, as another subject.
enum Overload {
    /// Of the service: so many calls at a time, each of so long, which is 10,000 a second.
    private static let places: UInt32 = 20
    private static let callTime = Duration.milliseconds(2)
    private static let callsPerSecond: UInt64 = 10_000
    private static let tick: UInt64 = 1_000_000

    private static func service(_ gyre: Runtime) -> Dependency {
        must {
            try Dependency(
                "service", on: gyre,
                .init(
                    fairQueue: FairQueueConfiguration(capacity: 64, whenFull: .shedLowest),
                    bulkhead: Bulkhead(permits: places, waitersMax: 64, waitMax: .milliseconds(20))))
        }
    }

    /// Good calls a second: as many callers as keep the service busy, each with its next call when one ends (`peak`),
    /// or ten times as many calls as it can take, whoever waits for them.
    static func goodput(_ request: PoolRequest, _ gyre: Runtime) -> Run? {
        let (service, ends) = (service(gyre), Ends())
        let began = bench_now()
        switch request.subject {
        case "peak":
            let callers = UInt64(places) + 20
            for _ in 0..<callers {
                let each = request.operations / callers
                let _: TaskHandle<Void> = must {
                    try gyre.post(whenFull: .wait) {
                        for _ in 0..<each { await call(service, gyre, .normal, ends) }
                    }
                }
            }
            ends.wait(for: request.operations / callers * callers)
        case "gyre":
            let seconds = Double(request.operations) / Double(callsPerSecond)
            ends.wait(for: flood(UInt64(seconds * 1e9) / tick, service, gyre, ends))
        default: return nil
        }
        return run(since: began, ends, operations: ends.good)
    }

    /// Of the most urgent calls, one every 2 ms, alone (`unloaded`) or above ten times as many as the service can take.
    static func urgent(_ request: PoolRequest, _ gyre: Runtime) -> Run? {
        guard ["gyre", "unloaded"].contains(request.subject) else { return nil }
        let (service, ends, others) = (service(gyre), Ends(), Ends())
        let isLoaded = request.subject == "gyre"
        let began = bench_now()
        var (due, flooded) = (began, UInt64(0))
        for _ in 0..<request.operations {
            if isLoaded { flooded += flood(2, service, gyre, others) } else { Loops.sleep(until: due) }
            // Of the loaded ones the intended start is when its turn among the submits comes.
            let intended = isLoaded ? bench_now() : due
            let _: TaskHandle<Void> = must {
                try gyre.post(lane: .high, whenFull: .wait) {
                    await call(service, gyre, .highest, ends, since: intended)
                }
            }
            due += 2 * tick
        }
        ends.wait(for: request.operations)
        others.wait(for: flooded)
        var run = run(since: began, ends, operations: request.operations)
        (run.p50, run.p99) = ends.percentiles
        return run
    }

    /// Runs that need no service, by four callers, while a thousand others a second call one that is dead, or one that
    /// answers (`all-alive`).
    static func bystanders(_ request: PoolRequest, _ gyre: Runtime) -> Run? {
        guard ["gyre", "all-alive"].contains(request.subject) else { return nil }
        let time = request.subject == "gyre" ? Duration.seconds(60) : callTime
        let service = must {
            try Dependency(
                "service", on: gyre,
                .init(
                    timeouts: Timeouts(attempt: .milliseconds(20)), bulkhead: Bulkhead(permits: 200),
                    retry: RetryPolicy(), retryBudget: RetryBudget(), breaker: CircuitBreaker()))
        }
        let (ends, others) = (Ends(), Ends())
        let each = request.operations / 4
        let began = bench_now()
        for _ in 0..<4 {
            let _: TaskHandle<Void> = must {
                try gyre.post(whenFull: .wait) {
                    for number in 0..<each {
                        _ = try await gyre.run { bench_task_work(number) }
                        ends.add(isGood: true)
                    }
                }
            }
        }
        var (due, called) = (began, UInt64(0))
        while ends.count < 4 * each {
            due += tick
            Loops.sleep(until: due)
            called += 1
            let _: TaskHandle<Void> = must {
                try gyre.post(whenFull: .wait) { await call(service, gyre, .normal, others, for: time) }
            }
        }
        let run = run(since: began, ends, operations: 4 * each)
        others.wait(for: called)
        return run
    }

    /// Ten times what the service can take, for so many milliseconds. Returns how many calls that was.
    private static func flood(_ ticks: UInt64, _ service: Dependency, _ gyre: Runtime, _ ends: Ends) -> UInt64 {
        let each = 10 * callsPerSecond * tick / 1_000_000_000
        var due = bench_now()
        for _ in 0..<ticks {
            due += tick
            for _ in 0..<each {
                let _: TaskHandle<Void> = must {
                    try gyre.post(lane: .low, whenFull: .wait) { await call(service, gyre, .lowest, ends) }
                }
            }
            if bench_now() < due { Loops.sleep(until: due) }
        }
        return ticks * each
    }

    private static func call(
        _ service: Dependency, _ gyre: Runtime, _ priority: PriorityClass, _ ends: Ends, since intended: UInt64? = nil,
        for time: Duration = callTime
    ) async {
        do {
            try await service.call(priority: priority) { _ in try await gyre.sleep(for: time) }
            ends.add(isGood: true, nanoseconds: intended.map { bench_now() - $0 })
        } catch {
            ends.add(isGood: false)
        }
    }

    private static func run(since began: UInt64, _ ends: Ends, operations: UInt64) -> Run {
        Run(
            nanoseconds: bench_now() - began, operations: operations, countIn: ends.count, countOut: ends.count,
            digestIn: 0, digestOut: 0)
    }
}

/// How calls ended.
private final class Ends: Sendable {
    private let all = Atomic<UInt64>(0)
    private let goodOnes = Atomic<UInt64>(0)
    private let latencies = Mutex<[UInt64]>([])

    var count: UInt64 { all.load(ordering: .acquiring) }
    var good: UInt64 { goodOnes.load(ordering: .acquiring) }

    func add(isGood: Bool, nanoseconds: UInt64? = nil) {
        if let nanoseconds { latencies.withLock { $0.append(nanoseconds) } }
        if isGood { goodOnes.add(1, ordering: .releasing) }
        all.add(1, ordering: .releasing)
    }

    func wait(for number: UInt64) {
        while count < number { Loops.sleep(until: bench_now() + 100_000) }
    }

    var percentiles: (p50: UInt64, p99: UInt64) {
        let sorted = latencies.withLock { $0.sorted() }
        guard !sorted.isEmpty else { return (0, 0) }
        return (sorted[sorted.count / 2], sorted[sorted.count * 99 / 100])
    }
}
