import BenchKit
import BenchPeers
import Dispatch
import Gyre

/// What a node of a graph costs beyond its body, and what a bounded expansion costs a child.
enum GraphNodes {
    /// Graphs of five nodes with empty bodies: two roots, and three that need two others each.
    static func run(_ request: PoolRequest, _ gyre: Runtime) -> Run? {
        let plan = must { try fiveNodes() }
        let runs = request.operations / 5
        let account = Account(tasks: runs * 5)
        let began = bench_now()
        for number in 0..<runs { _ = must { try gyre.post(plan, number, whenFull: .wait) { _ in } } }
        return account.settle(since: began, sum: .ones)
    }

    /// What it would cost to keep the outcome of every node: an entry of eight bytes in the journal of the runtime,
    /// one run for five of them.
    static func journal(_ request: PoolRequest, _ gyre: Runtime) -> Run? {
        let runs = request.operations / 5
        let isDone = DispatchSemaphore(value: 0)
        let began = bench_now()
        Task(executorPreference: gyre.pool) {
            let journal = MemoryJournal()
            for number in 0..<runs {
                let run = RunKey("run \(number)")
                for node in ["first", "second", "both", "left", "right"] {
                    let output = withUnsafeBytes(of: number) { Array($0) }
                    let fingerprint = Fingerprint(handler: node, version: 1, input: output)
                    let entry = JournalEntry(run: run, node: node, fingerprint: fingerprint, ending: .succeeded(output))
                    do { try await journal.append(entry) } catch { fatalError("refused: \(error)") }
                }
                do { try await journal.forget(run) } catch { fatalError("refused: \(error)") }
            }
            isDone.signal()
        }
        isDone.wait()
        return Run(
            nanoseconds: bench_now() - began, operations: runs * 5, countIn: runs, countOut: runs, digestIn: 0,
            digestOut: 0)
    }

    private static func fiveNodes() throws -> GraphPlan<UInt64> {
        var graph = TaskGraph<UInt64>("five nodes")
        let first = graph.node("first") { counted($0) }
        let second = graph.node("second") { counted($0 + 1) }
        let both = graph.node("both", first, second) { counted($1 + $2) }
        let left = graph.node("left", first, both) { counted($1 + $2) }
        _ = graph.node("right", both, left) { counted($1 + $2) }
        return try graph.build()
    }

    private static func counted(_ value: UInt64) -> UInt64 {
        bench_task_empty()
        return value
    }
}
