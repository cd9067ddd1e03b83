import Dispatch
import Glibc
import Gyre

/// All subjects in the order of the table.
enum Subjects {
    /// Callers that wait for their value: as many as workers by default, so that every worker is busy.
    static let callers = 2

    static func all(workers: Int?) -> [Subject] {
        submitted(workers) + awaited(workers) + called(workers) + graphs(workers) + peers
    }

    /// One thread submits, the workers run. Nothing waits for a value.
    private static func submitted(_ workers: Int?) -> [Subject] {
        [
            gyre("fire", 2_000_000, workers, .off) { gyre, count in
                try gyre.flood(count) { try fireWhenRoom(gyre) }
            },
            gyre("fire, stamped", 2_000_000, workers, .all) { gyre, count in
                try gyre.flood(count) { try fireWhenRoom(gyre) }
            },
            gyre("post", 2_000_000, workers, .off) { gyre, count in
                try gyre.flood(count) { try gyre.post(whenFull: .wait, nothing) }
            },
            gyre("post, stamped", 2_000_000, workers, .all) { gyre, count in
                try gyre.flood(count) { try gyre.post(whenFull: .wait, nothing) }
            },
            gyre("post with a handle, stamped", 1_000_000, workers, .all) { gyre, count in
                try gyre.flood(count) { let _: TaskHandle<Int> = try gyre.post(whenFull: .wait) { 1 } }
            },
            gyre("post async with a handle, stamped", 400_000, workers, .all) { gyre, count in
                try gyre.flood(count) { let _: TaskHandle<Int> = try gyre.post(whenFull: .wait, valueLater) }
            },
        ]
    }

    /// Callers wait for each value before they ask for the next one.
    private static func awaited(_ workers: Int?) -> [Subject] {
        [
            gyre("run, called on the workers, stamped", 400_000, workers, .all) { gyre, count in
                try await withTaskExecutorPreference(gyre.pool) { try await runAll(gyre, count) }
            },
            gyre("run, called on the default executor, stamped", 200_000, workers, .all) { gyre, count in
                try await runAll(gyre, count)
            },
        ]
    }

    /// One caller that calls a dependency again and again, from the workers. The difference between two rows is what
    /// the policies take, the end of the call included.
    private static func called(_ workers: Int?) -> [Subject] {
        let rows: [(String, @Sendable () throws -> Dependency.Policies)] = [
            ("no policies", { .none }),
            ("the standard policies", { .standard }),
            (
                "five policies",
                {
                    .init(
                        bulkhead: try Bulkhead(), retry: try RetryPolicy(), retryBudget: try RetryBudget(),
                        breaker: try CircuitBreaker(),
                        rateLimit: try RateLimit(1 << 40, per: .seconds(1), burst: 1 << 40))
                }
            ),
        ]
        return rows.map { name, policies in
            gyre("call of a dependency, \(name), stamped", 400_000, workers, .all) { gyre, count in
                let dependency = try Dependency("measured", on: gyre, try policies())
                try await withTaskExecutorPreference(gyre.pool) {
                    for _ in 0..<count { _ = try await dependency.call { _ in 1 } }
                }
            }
        }
    }

    /// Runs of one graph; a task is a node.
    private static func graphs(_ workers: Int?) -> [Subject] {
        let description = fiveNodes()
        return [
            gyre("graph node, stamped", 1_000_000, workers, .all) { gyre, count in
                let plan = try description.build()
                try gyre.flood(count / 5, tasksEach: 5) { try gyre.post(plan, 1, whenFull: .wait) { _ in } }
            },
            gyre("graph node under a rule, stamped", 1_000_000, workers, .all) { gyre, count in
                let plan = try fiveJoins().build()
                try gyre.flood(count / 5, tasksEach: 5) { try gyre.post(plan, 1, whenFull: .wait) { _ in } }
            },
            gyre("graph node with an async body, stamped", 200_000, workers, .all) { gyre, count in
                var graph = TaskGraph<Int>("async nodes")
                let first = graph.node("first") { input async in input + 1 }
                _ = graph.node("second", first) { _, first async in first + 1 }
                let plan = try graph.build()
                try gyre.flood(count / 2, tasksEach: 2) { try gyre.post(plan, 1, whenFull: .wait) { _ in } }
            },
            gyre("member of a map, window 64, stamped", 500_000, workers, .all) { gyre, count in
                var graph = TaskGraph<Int>("map")
                let items = graph.node("items") { 0..<$0 }
                let sum = graph.map("sum", over: items, limit: count, window: 64, into: 0) { _, item in
                    item
                } each: { sum, _, outcome in
                    sum += outcome.value ?? 0
                }
                let result = try await gyre.run(try graph.build(), count)
                guard try result[sum].get() == count * (count - 1) / 2 else {
                    throw Miscount(description: "a map of \(count) items")
                }
            },
        ]
    }

    /// As ``fiveNodes()``, every node but the first two a join with a rule, one of them behind a condition.
    private static func fiveJoins() -> TaskGraph<Int> {
        var graph = TaskGraph<Int>("five joins")
        let first = graph.node("first") { $0 + 1 }
        let second = graph.node("second") { $0 + 2 }
        let both = graph.join("both", first, second, rule: .noneFailed) { ($1.value ?? 0) + ($2.value ?? 0) }
        let left = graph.join("left", first, both.when { $0.value != 0 }, rule: .anySucceeded) {
            ($1.value ?? 0) + ($2.value ?? 0)
        }
        _ = graph.join("right", both, left) { ($1.value ?? 0) + ($2.value ?? 0) }
        return graph
    }

    /// Five nodes that add numbers, in three steps.
    static func fiveNodes() -> TaskGraph<Int> {
        var graph = TaskGraph<Int>("five nodes")
        let first = graph.node("first") { $0 + 1 }
        let second = graph.node("second") { $0 + 2 }
        let both = graph.node("both", first, second) { $1 + $2 }
        let left = graph.node("left", first, both) { $1 + $2 }
        _ = graph.node("right", both, left) { $1 + $2 }
        return graph
    }

    /// What comes with the toolchain, for scale. Its queues have no bound.
    private static let peers = [
        peer("peer: DispatchQueue.async, concurrent queue", 400_000) { count in
            let queue = DispatchQueue(label: "scratch", attributes: .concurrent)
            for _ in 0..<count { queue.async(execute: nothing) }
            await withCheckedContinuation { done in queue.async(flags: .barrier) { done.resume() } }
        },
        peer("peer: Task {} on the default executor", 200_000) { count in
            var tasks: [Task<Int, Never>] = []
            tasks.reserveCapacity(count)
            for _ in 0..<count { tasks.append(Task { 1 }) }
            var sum = 0
            for task in tasks { sum += await task.value }
            guard sum == count else { throw Miscount(description: "\(sum) of \(count) tasks") }
        },
        peer("peer: child of a discarding task group", 200_000) { count in
            await withDiscardingTaskGroup { group in
                for _ in 0..<count { group.addTask {} }
            }
        },
    ]

    // MARK: - Bodies and loops

    private static let nothing: @Sendable () -> Void = {}
    private static let valueLater: @Sendable () async throws -> Int = { 1 }

    /// A runtime lives for one run and is drained after it, so that no subject leaves anything to the next. A tenth
    /// of the tasks is run first and not measured.
    private static func gyre(
        _ title: String, _ tasks: Int, _ workers: Int?, _ timing: Timing,
        _ body: @escaping @Sendable (Runtime, Int) async throws -> Void
    ) -> Subject {
        Subject(title: title, tasks: tasks) { count in
            let gyre = try Runtime.measured(workers: workers, timing: timing)
            do {
                try await body(gyre, count / 10)
                let elapsed = try await ContinuousClock().measure { try await body(gyre, count) }
                await gyre.drain()
                return elapsed
            } catch {
                await gyre.drain()
                throw error
            }
        }
    }

    private static func peer(
        _ title: String, _ tasks: Int, _ body: @escaping @Sendable (Int) async throws -> Void
    ) -> Subject {
        Subject(title: title, tasks: tasks) { count in
            try await body(count / 10)
            return try await ContinuousClock().measure { try await body(count) }
        }
    }

    private static func fireWhenRoom(_ gyre: Runtime) throws(SubmitError) {
        while true {
            do {
                return try gyre.fire({ _ in }, 0)
            } catch .full {
                sched_yield()  // fire has no wait of its own
            }
        }
    }

    /// `count` runs by all callers together, one after the other in each.
    private static func runAll(_ gyre: Runtime, _ count: Int) async throws {
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<callers {
                group.addTask {
                    var sum = 0
                    for _ in 0..<(count / callers) { sum += try await gyre.run { 1 } }
                    return sum
                }
            }
            return try await group.reduce(0, +)
        }
        guard sum == count else { throw Miscount(description: "\(sum) of \(count) runs") }
    }
}
