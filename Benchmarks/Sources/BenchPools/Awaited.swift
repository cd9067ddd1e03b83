import BenchKit
import BenchPeers
import Dispatch
import Gyre

/// Callers that wait for each value before they ask for the next one, and groups of children.
///
/// Callers live where the subject's tasks run, as they do in a program that is written for it: on the workers of Gyre,
/// on the default executor, on the threads of NIO's caller.
enum Awaited {
    /// `run`: so many callers, each with its share of the operations.
    static func run(_ subject: String, _ request: PoolRequest, _ pools: Pools) -> Run? {
        let isWork = request.body == .work
        switch subject {
        case "gyre":
            let gyre = pools.gyre
            return callers(request, on: gyre.pool) { number in try await gyre.run { Self.body(number, isWork) } }
        case "gyre-from-outside":
            let gyre = pools.gyre
            return callers(request, on: nil) { number in try await gyre.run { Self.body(number, isWork) } }
        case "swift-task":
            return callers(request, on: nil) { number in await Task { Self.body(number, isWork) }.value }
        case "nio":
            let pool = pools.nio
            return callers(request, on: nil) { number in try await pool.run { Self.body(number, isWork) } }
        default: return nil
        }
    }

    private static func body(_ number: UInt64, _ isWork: Bool) -> UInt64 {
        if isWork { bench_task_work(number) } else { bench_task_word(number) }
        return number
    }

    private static func callers(
        _ request: PoolRequest, on executor: (any TaskExecutor)?,
        _ run: @escaping @Sendable (UInt64) async throws -> UInt64
    ) -> Run {
        let each = request.operations / request.submitters
        let account = Account(tasks: each * request.submitters)
        let done = DispatchSemaphore(value: 0)
        let began = bench_now()
        for caller in 0..<request.submitters {
            let first = caller * each
            Task(executorPreference: executor) {
                do {
                    for number in first..<(first + each) {
                        guard try await run(number) == number else { fatalError("another task's value") }
                    }
                } catch {
                    fatalError("a run failed: \(error)")
                }
                done.signal()
            }
        }
        for _ in 0..<request.submitters { done.wait() }
        return account.settle(since: began, sum: .numbers)
    }

    /// Children of one group, on the workers or on the default executor.
    static func group(_ subject: String, _ request: PoolRequest, _ pools: Pools) -> Run? {
        let executor: (any TaskExecutor)?
        switch subject {
        case "gyre": executor = pools.gyre.pool
        case "swift-group": executor = nil
        default: return nil
        }
        let count = request.operations
        let isDiscarding = request.kind == .discardingGroup
        let account = Account(tasks: count)
        let done = DispatchSemaphore(value: 0)
        let began = bench_now()
        Task(executorPreference: executor) {
            if isDiscarding { await discardingGroup(count) } else { await group(count) }
            done.signal()
        }
        done.wait()
        return account.settle(since: began, sum: .numbers)
    }

    private static func group(_ count: UInt64) async {
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<count { group.addTask { bench_task_word(number) } }
        }
    }

    private static func discardingGroup(_ count: UInt64) async {
        await withDiscardingTaskGroup { group in
            for number in 0..<count { group.addTask { bench_task_word(number) } }
        }
    }
}
