import BenchKit
import BenchPeers
import Glibc

/// The loops that drive every pool.
enum Loops {
    /// Work of a task in an open loop.
    static let openLoopNanoseconds: UInt64 = 20_000
    /// An open loop's arrivals come at the ends of intervals of this length.
    static let tickNanoseconds: UInt64 = 100_000
    static let pacedNanoseconds: UInt64 = 10_000
    static let idleNanoseconds: UInt64 = 1_000_000
    static let workers: UInt64 = 2

    /// `submitters` threads submit together, as fast as they can.
    static func flood(_ pool: some Pool, _ request: PoolRequest) -> Run {
        let each = request.operations / request.submitters
        let account = Account(tasks: each * request.submitters)
        let span = Thread.together(Int(request.submitters)) { index in
            let first = UInt64(index) * each
            switch request.body {
            case .empty: for _ in 0..<each { pool.postEmpty() }
            case .word: for number in first..<(first + each) { pool.postWord(number) }
            case .work: for number in first..<(first + each) { pool.postWork(number) }
            }
        }
        return account.settle(since: span.begin, sum: request.body == .empty ? .ones : .numbers)
    }

    static func fanOut(_ pool: some Pool, _ request: PoolRequest) -> Run {
        let account = Account(tasks: request.operations)
        let began = bench_now()
        pool.fanOut(request.operations)
        return account.settle(since: began, sum: .numbers)
    }

    /// A full binary tree with about as many tasks as were asked for; its leaves count.
    static func tree(_ pool: some Pool, _ request: PoolRequest) -> Run {
        let depth = UInt32(max(2, UInt64.bitWidth - request.operations.leadingZeroBitCount - 2))
        let account = Account(tasks: 1 << UInt64(depth))
        let began = bench_now()
        pool.tree(depth)
        var run = account.settle(since: began, sum: .ones)
        run.operations = (2 << UInt64(depth)) - 1
        return run
    }

    // MARK: - Latencies

    /// One task at a time, when the pool has been idle for a millisecond.
    static func idleStart(_ pool: some Pool, _ request: PoolRequest) -> Run {
        latencies(request) { number in
            sleep(until: bench_now() + idleNanoseconds)
            let submitted = bench_now()
            pool.postStamped(number)
            return submitted
        }
    }

    /// What the threads of a pool that has nothing to do take, from the end of a flood: so many milliseconds of it.
    static func idleProcessor(_ pool: some Pool, _ request: PoolRequest) -> Run {
        let tasks: UInt64 = 10_000
        let account = Account(tasks: tasks)
        let began = bench_now()
        for number in 0..<tasks { pool.postWord(number) }
        var run = account.settle(since: began, sum: .numbers)
        let before = processorNanoseconds()
        sleep(until: bench_now() + request.operations * idleNanoseconds)
        run.nanoseconds = max(1, processorNanoseconds() - before)
        run.operations = request.operations
        return run
    }

    private static func processorNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// One task every 10 us, from a thread that looks at the clock and never blocks.
    static func paced(_ pool: some Pool, _ request: PoolRequest) -> Run {
        let began = bench_now() + idleNanoseconds
        return latencies(request) { number in
            let intended = began + number * pacedNanoseconds
            while bench_now() < intended {}
            pool.postStamped(number)
            return intended
        }
    }

    /// Arrivals that wait for nobody: a Poisson process, gathered at ticks of 100 us so that the one who submits can
    /// sleep. A task is due at its tick.
    static func openLoop(_ pool: some Pool, _ request: PoolRequest) -> Run {
        bench_sleep_precisely()
        let mean = Double(request.load * workers * tickNanoseconds) / Double(100 * openLoopNanoseconds)
        var arrivals = Arrivals(mean: mean)
        var due = bench_now() + idleNanoseconds
        var left: UInt64 = 0
        return latencies(request) { number in
            while left == 0 {
                left = arrivals.next()
                due += tickNanoseconds
            }
            if bench_now() < due { sleep(until: due) }
            left -= 1
            pool.postStamped(number)
            return due
        }
    }

    /// From what `submit` returns to the end of the task.
    private static func latencies(_ request: PoolRequest, _ submit: (UInt64) -> UInt64) -> Run {
        let count = Int(request.operations)
        let stamps = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
        stamps.initialize(repeating: 0, count: count)
        defer { stamps.deallocate() }
        bench_set_stamps(stamps)
        var intended: [UInt64] = []
        intended.reserveCapacity(count)
        let account = Account(tasks: request.operations)
        let began = bench_now()
        for number in 0..<request.operations { intended.append(submit(number)) }
        var run = account.settle(since: began, sum: .numbers)
        let latencies = (0..<count).map { stamps[$0] > intended[$0] ? stamps[$0] - intended[$0] : 0 }.sorted()
        run.p50 = latencies[count / 2]
        run.p99 = latencies[count * 99 / 100]
        return run
    }

    static func sleep(until instant: UInt64) {
        var time = timespec(tv_sec: Int(instant / 1_000_000_000), tv_nsec: Int(instant % 1_000_000_000))
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }
}

/// How many arrive in an interval: Knuth's method, the same numbers in every run and in every language.
struct Arrivals {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    private let floor: Double

    init(mean: Double) { floor = exp(-mean) }

    mutating func next() -> UInt64 {
        var count: UInt64 = 0
        var product = uniform()
        while product > floor {
            count += 1
            product *= uniform()
        }
        return count
    }

    private mutating func uniform() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) / Double(1 << 53 as UInt64)
    }
}

/// What the tasks of a run have to add up to.
struct Account {
    enum Sum { case ones, numbers }

    private let tasks: UInt64
    private let before = bench_tally_total()

    init(tasks: UInt64) { self.tasks = tasks }

    /// Waits for the tasks, looking every 20 us at most, and settles the run. Waits as long again as nothing for tasks
    /// too many: a doubled one shows in the next run's account at the latest.
    func settle(since began: UInt64, sum: Sum) -> Run {
        while bench_tally_total().count &- before.count < tasks { Loops.sleep(until: bench_now() + 20_000) }
        let ended = bench_now()
        let after = bench_tally_total()
        let expected = sum == .ones ? tasks : tasks &* (tasks &- 1) / 2
        return Run(
            nanoseconds: ended - began, operations: tasks, countIn: tasks, countOut: after.count &- before.count,
            digestIn: expected, digestOut: after.sum &- before.sum)
    }
}
