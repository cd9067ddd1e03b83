import GyreCore
import Testing

@testable import GyrePolicy

/// Random histories of arrivals, services, cancels and pauses, each answer judged by a plain list of who waits.
@Suite struct FairQueuePropertyTests {
    /// F1, F3 in its parts, F4, F5: what is served is of the most urgent class that time has made, and in its tenant
    /// and class nobody comes before it. Every task comes out exactly once.
    @Test func whatIsServedIsNextAndEveryTaskComesOutOnce() throws {
        forSeeds { random in
            var crowd = try Crowd(&random)
            for _ in 0..<25 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0...4: try crowd.arrive(&random)
                case 5...7: try crowd.serve()
                case 8: try crowd.cancel(&random)
                default: crowd.now += UInt64.random(in: 0...3_000, using: &random)
                }
            }
            while !crowd.waiting.isEmpty { try crowd.serve() }
            try crowd.serve()
        }
    }

    /// F2. Every tenant always has work. Shares are compared after every service, not only in the end.
    @Test func sharesFollowTheWeightsWithinAQuantum() throws {
        let single = try FairQueueConfiguration(ageing: .seconds(86_400))
        let mixed = try FairQueueConfiguration(ageing: .seconds(86_400), quantum: 10)
        forSeeds { random in
            let configuration = Bool.random(using: &random) ? single : mixed
            let quantum = configuration.quantum.value
            var queue = FairQueue<Int>(configuration)
            let weights = (0..<Int.random(in: 2...4, using: &random)).map { _ in
                UInt32.random(in: 1...8, using: &random)
            }
            var served = [Double](repeating: 0, count: weights.count)
            let now = MonotonicInstant(nanoseconds: 1)
            func add(_ tenant: Int, _ random: inout SeededRandom) {
                let cost = UInt32.random(in: 1...quantum, using: &random)
                _ = queue.enqueue(
                    FairTask(
                        tenant, FairRank(tenant: UInt64(tenant), weight: weights[tenant], arrival: now, cost: cost)),
                    at: now
                )
            }
            for tenant in weights.indices { for _ in 0..<2 { add(tenant, &random) } }
            for _ in 0..<20 {
                guard let task = queue.dequeue(at: now) else { throw Counterexample(description: "nobody waits") }
                served[task.element] += Double(task.rank.cost) / Double(weights[task.element])
                add(task.element, &random)
                let apart = (served.max() ?? 0) - (served.min() ?? 0)
                let most = quantum == 1 ? 1.0 : 2 * Double(quantum)
                try require(apart <= most + 1e-9, "\(served) by weight are \(apart) apart, weights \(weights)")
            }
        }
    }

    /// F3 under the worst that others can do: a task of the lowest class without a deadline, and at each step more
    /// arrivals of the top class than are served, of its own tenant with near deadlines and of others with any weight.
    @Test func nothingStarves() throws {
        let interval: UInt64 = 1_000_000
        let configuration = try FairQueueConfiguration(
            capacity: 400, whenFull: .fail, ageing: .nanoseconds(interval))
        forSeeds { random in
            var queue = FairQueue<Bool>(configuration)
            let others = UInt64.random(in: 1...2, using: &random)
            let weights = (0...others).map { _ in UInt32.random(in: 1...4, using: &random) }
            let priority = PriorityClass(level: UInt8.random(in: 0...7, using: &random))
            _ = queue.enqueue(
                FairTask(true, FairRank(priority: priority, weight: weights[0], arrival: .init(nanoseconds: 0))),
                at: .init(nanoseconds: 0))
            let step = interval / 2
            var now: UInt64 = 1
            // One round of turns of everybody, in services, after the interval in which it became the eldest.
            let round = UInt64(weights.reduce(0, +))
            let latest = (UInt64(priority.level) + 1) * interval + (round + 1) * step
            while true {
                for tenant in 0...others {
                    let fresh = FairTask(
                        false,
                        FairRank(
                            priority: .highest, tenant: tenant, weight: weights[Int(tenant)],
                            arrival: .init(nanoseconds: now), deadline: .init(nanoseconds: now + 5)))
                    _ = queue.enqueue(fresh, at: .init(nanoseconds: now))
                }
                if queue.dequeue(at: .init(nanoseconds: now))?.element == true { break }
                now += step
                try require(now <= latest, "a task of level \(priority.level) still waits after \(now) ns")
            }
        }
    }

    /// F5: the queue is a cache of who waits, so it must not grow with who came.
    @Test func aFullQueueStaysAsLargeAsItIs() throws {
        let configurations = try BackpressureMode.allCases.map {
            try FairQueueConfiguration(capacity: 6, tenantCapacity: 2, whenFull: $0, servesNewestFirst: true)
        }
        forSeeds { random in
            var queue = FairQueue<Int>(configurations[Int.random(in: configurations.indices, using: &random)])
            for index in 0..<20 {
                let now = MonotonicInstant(nanoseconds: UInt64(index) * 300_000_000)
                let task = FairTask(
                    index,
                    FairRank(
                        priority: PriorityClass(level: UInt8.random(in: 0...7, using: &random)),
                        tenant: random.next(), arrival: now))
                _ = queue.enqueue(task, at: now)
                if index.isMultiple(of: 7) { _ = queue.dequeue(at: now, newestFirst: true) }
                try require(queue.count <= 6, "\(queue.count) wait")
                let size = queue.line.footprint
                try require(size.slots <= 6 && size.flows <= 7 && size.tenants <= 6, "it has grown to \(size)")
            }
        }
    }
}

/// Who waits, in a plain list.
private struct Crowd {
    struct Waiting {
        let number: Int
        let task: FairTask<Int>
        let ticket: FairTicket
    }

    static let ageing: UInt64 = 1_000

    var queue: FairQueue<Int>
    var waiting: [Waiting] = []
    var now = UInt64(1_000_000)
    private let capacity: Int
    private let mode: BackpressureMode
    private var next = 0

    init(_ random: inout SeededRandom) throws {
        capacity = Int.random(in: 1...12, using: &random)
        mode = [.fail, .shedOldest, .shedLowest][Int.random(in: 0..<3, using: &random)]
        queue = FairQueue(
            try FairQueueConfiguration(
                capacity: capacity, whenFull: mode, ageing: .nanoseconds(Self.ageing * 1_000)))
        now = UInt64.random(in: 1_000_000...(1 << 53), using: &random)
    }

    private var instant: MonotonicInstant { MonotonicInstant(nanoseconds: now * 1_000) }

    mutating func arrive(_ random: inout SeededRandom) throws {
        // Some come again and are old already.
        let age = Bool.random(using: &random) ? 0 : UInt64.random(in: 0...9_000, using: &random) * 1_000
        let deadline =
            Bool.random(using: &random)
            ? MonotonicInstant.distantFuture : instant + .nanoseconds(Int64.random(in: 0...50_000, using: &random))
        let task = FairTask(
            next,
            FairRank(
                priority: PriorityClass(level: UInt8.random(in: 0...7, using: &random)),
                tenant: UInt64.random(in: 0...3, using: &random), weight: UInt32.random(in: 1...4, using: &random),
                arrival: MonotonicInstant(nanoseconds: instant.nanoseconds - age), deadline: deadline))
        let isFull = waiting.count == capacity
        switch queue.enqueue(task, at: instant) {
        case .queued(let ticket):
            try require(!isFull, "a full queue took one more")
            waiting.append(Waiting(number: next, task: task, ticket: ticket))
        case .queuedShedding(let ticket, let shed):
            try require(isFull && mode != .fail, "shed without need")
            guard let index = waiting.firstIndex(where: { $0.number == shed.element }) else {
                throw Counterexample(description: "shed \(shed.element), which does not wait")
            }
            let gone = waiting.remove(at: index)
            if mode == .shedOldest {
                try require(
                    !waiting.contains { $0.task.rank.arrival < gone.task.rank.arrival }, "an older one was kept")
            }
            waiting.append(Waiting(number: next, task: task, ticket: ticket))
        case .full:
            try require(isFull && mode != .shedOldest, "refused without need")
        case .tenantFull:
            throw Counterexample(description: "tenants are not bounded")
        }
        next += 1
        try require(queue.count == waiting.count, "\(queue.count) wait, of \(waiting.count)")
    }

    mutating func cancel(_ random: inout SeededRandom) throws {
        guard !waiting.isEmpty else { return }
        let gone = waiting.remove(at: Int.random(in: waiting.indices, using: &random))
        try require(queue.remove(gone.ticket)?.element == gone.number, "the wrong task was cancelled")
        try require(queue.remove(gone.ticket) == nil, "cancelled twice")
    }

    mutating func serve() throws {
        guard let served = queue.dequeue(at: instant) else {
            return try require(waiting.isEmpty, "\(waiting.count) wait and nobody is served")
        }
        guard let index = waiting.firstIndex(where: { $0.number == served.element }) else {
            throw Counterexample(description: "served \(served.element), which does not wait")
        }
        let own = waiting.remove(at: index)
        for other in waiting {
            try require(level(other) >= level(own), "served level \(level(own)) before \(level(other))")
            guard level(other) == level(own), other.task.rank.tenant == own.task.rank.tenant else { continue }
            try require(rank(own) < rank(other), "served \(own.task) before \(other.task)")
        }
    }

    private func intervals(_ waiting: Waiting) -> UInt64 {
        instant.nanoseconds(since: waiting.task.rank.arrival) / (Self.ageing * 1_000)
    }

    private func level(_ waiting: Waiting) -> UInt64 {
        let level = UInt64(waiting.task.rank.priority.level)
        return level - min(level, intervals(waiting))
    }

    private func rank(_ waiting: Waiting) -> (UInt64, UInt64, Int) {
        let isOverdue = intervals(waiting) > UInt64(waiting.task.rank.priority.level)
        return (
            isOverdue ? 0 : waiting.task.rank.deadline.nanoseconds, waiting.task.rank.arrival.nanoseconds,
            waiting.number
        )
    }
}
