import CGateHooks
import Glibc
import Gyre

/// What is counted. The names are those of the baseline.
enum Workload: String, CaseIterable {
    case ring
    case fire
    case post
    case postUntimed = "post-untimed"
    case handle
    case async
    case run
    /// As `run`, through a dependency without policies.
    case call
    /// As `call`, with a bulkhead, retries, their budget, a breaker and a rate limit, all of which let it through.
    case callPolicies = "call-policies"
    case graphNode = "graph-node"
    case refused
    /// As `post`, with an allocation, a system call and some arithmetic too many: it must not pass for `post`.
    case planted

    /// What fits a runtime of a gate at once.
    static let countMax = 12_000

    /// Does it so often. Returns how often it was done, by the count of the bodies.
    func run(_ count: Int) throws -> Int {
        switch self {
        case .ring: try Self.pushAndPop(count)
        case .fire:
            try Self.queued(count) { gyre in
                for _ in 0..<count { try gyre.fire(gate_bump, 0) }
            }
        case .post, .postUntimed:
            try Self.queued(count, timing: self == .post ? .all : .off) { gyre in
                for _ in 0..<count { try gyre.post { gate_bump(0) } }
            }
        case .handle:
            try Self.queued(count) { gyre in
                for index in 0..<count {
                    let _: TaskHandle<Int> = try gyre.post {
                        gate_bump(0)
                        return index
                    }
                }
            }
        case .async:
            try Self.queued(count) { gyre in
                for index in 0..<count {
                    let _: TaskHandle<Int> = try gyre.post { () async throws -> Int in
                        gate_bump(0)
                        return index
                    }
                }
            }
        case .run:
            try Self.onTheWorker { gyre in
                for _ in 0..<count { try await gyre.run { gate_bump(0) } }
            }
        case .call: try Self.calls(count, .none)
        case .callPolicies: try Self.calls(count, try Self.fivePolicies())
        case .graphNode:
            try Self.queued(count) { gyre in
                let plan = try Self.fiveNodes()
                for index in 0..<count / 5 { try gyre.post(plan, index) { _ in } }
            }
        case .refused: try Self.refusals(count)
        case .planted:
            try Self.queued(count) { gyre in
                for _ in 0..<count {
                    gate_allocate()
                    _ = getppid()
                    try gyre.post { gate_bump(0) }
                }
            }
        }
    }

    // MARK: - The parts

    private static func configuration(_ timing: Timing) -> Runtime.Configuration {
        var configuration = Runtime.Configuration(workers: 1, pinning: .none)
        configuration.inFlight = countMax + 1_000
        configuration.idle = .park
        configuration.timing = timing
        // The processor's counter is trusted on some machines only, and each source has its own instructions.
        configuration.clock = .system(.kernel)
        return configuration
    }

    private static func pushAndPop(_ count: Int) throws -> Int {
        let ring = try HandleRing(capacity: 1_024)
        var popped = 0
        for index in 0..<count {
            _ = ring.tryPush(UInt32(index % 1_000))
            if case .popped = ring.tryPop() { popped += 1 }
        }
        return popped
    }

    /// Submits while the worker is kept busy, then lets it go and waits for the end.
    private static func queued(
        _ count: Int, timing: Timing = .all, _ submit: (Runtime) throws -> Void
    ) throws -> Int {
        let gyre = try Runtime(configuration(timing))
        try gyre.post { gate_hold() }
        gate_wait_until_held()
        gate_expect(UInt64(count))
        try submit(gyre)
        gate_release()
        // A drain that waited would be woken now and then, and how often is chance.
        gate_wait()
        gyre.drainBlocking()
        return Int(gate_bumps())
    }

    /// Runs an async function on the worker, to its end.
    private static func onTheWorker(_ body: @escaping @Sendable (Runtime) async throws -> Void) throws -> Int {
        let gyre = try Runtime(configuration(.all))
        let whole: TaskHandle<Void> = try gyre.post { () async throws -> Void in try await body(gyre) }
        try whole.wait()
        gyre.drainBlocking()
        return Int(gate_bumps())
    }

    /// Calls a dependency from the worker, one call after the other.
    private static func calls(_ count: Int, _ policies: Dependency.Policies) throws -> Int {
        try onTheWorker { gyre in
            let dependency = try Dependency("counted", on: gyre, policies, seed: 1)
            for _ in 0..<count { try await dependency.call { _ in gate_bump(0) } }
        }
    }

    private static func fivePolicies() throws -> Dependency.Policies {
        .init(
            bulkhead: try Bulkhead(), retry: try RetryPolicy(), retryBudget: try RetryBudget(),
            breaker: try CircuitBreaker(), rateLimit: try RateLimit(1 << 40, per: .seconds(1), burst: 1 << 40))
    }

    /// Submits to a runtime that has no room.
    private static func refusals(_ count: Int) throws -> Int {
        var full = configuration(.all)
        full.inFlight = 2
        let gyre = try Runtime(full)
        try gyre.post { gate_hold() }
        gate_wait_until_held()
        // A few are taken on first.
        var accepted: UInt64 = 0
        do {
            while true {
                try gyre.post { gate_bump(0) }
                accepted += 1
            }
        } catch .full {}
        var refused = 0
        for _ in 0..<count {
            do { try gyre.post { gate_bump(0) } } catch .full { refused += 1 }
        }
        gate_expect(accepted)
        gate_release()
        gate_wait()
        gyre.drainBlocking()
        return refused
    }

    private static func fiveNodes() throws -> GraphPlan<Int> {
        var graph = TaskGraph<Int>("five nodes")
        let first = graph.node("first") { bumped($0) }
        let second = graph.node("second") { bumped($0 + 1) }
        let both = graph.node("both", first, second) { bumped($1 + $2) }
        let left = graph.node("left", first, both) { bumped($1 + $2) }
        _ = graph.node("right", both, left) { bumped($1 + $2) }
        return try graph.build()
    }
}

private func bumped(_ value: Int) -> Int {
    gate_bump(0)
    return value
}
