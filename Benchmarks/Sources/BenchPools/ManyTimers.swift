import BenchKit
import BenchPeers
import Gyre
import Synchronization

/// Live tasks that wait for an answer which is due at an instant of its own, all within ten seconds.
enum ManyTimers {
    private static let spread: UInt64 = 10_000_000_000

    static func run(_ request: PoolRequest) -> Run? {
        let gyre = must { try Runtime() }
        let count = Int(request.operations)
        let lateness = Lateness(count)
        let account = Account(tasks: request.operations)
        let before = PoolMemory.residentBytes()
        let began = bench_now()
        // Before the first one is due, all of them are there: 5 us each.
        let start = gyre.clock.now + .nanoseconds(Int64(count) * 5_000)
        let step = spread / request.operations
        for number in 0..<count {
            // Whoever comes first is not due first.
            let place = UInt64(number) &* 611_953 % request.operations
            let due = start + .nanoseconds(Int64(place * step))
            let _: TaskHandle<Void> = must {
                try gyre.post(whenFull: .wait) {
                    try await gyre.sleep(until: due)
                    lateness[number] = gyre.clock.now.nanoseconds(since: due)
                    bench_task_empty()
                }
            }
        }
        while gyre.snapshot().timersWaiting < request.operations, gyre.clock.now < start {
            Loops.sleep(until: bench_now() + 1_000_000)
        }
        guard gyre.clock.now < start else { return nil }  // too slow a machine: not all of them wait at once
        let held = PoolMemory.residentBytes()
        var run = account.settle(since: began, sum: .ones)
        run.bytes = held - min(held, before)
        (run.p50, run.p99) = lateness.percentiles
        return run
    }
}

/// `@unchecked Sendable`: each place has one writer, and is read when all have written.
private final class Lateness: @unchecked Sendable {
    private let places: UnsafeMutablePointer<UInt64>
    private let count: Int

    init(_ count: Int) {
        self.count = count
        places = .allocate(capacity: count)
        places.initialize(repeating: 0, count: count)
    }

    deinit { places.deallocate() }

    subscript(index: Int) -> UInt64 {
        get { places[index] }
        set { places[index] = newValue }
    }

    var percentiles: (p50: UInt64, p99: UInt64) {
        let sorted = (0..<count).map { self[$0] }.sorted()
        return (sorted[count / 2], sorted[count * 99 / 100])
    }
}
