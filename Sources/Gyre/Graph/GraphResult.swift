import GyreCore

/// What became of one run of a graph: an outcome for every node.
public struct GraphResult: Sendable {
    /// Read only: a result exists when every node has ended, and nothing is written after that.
    nonisolated(unsafe) let run: GraphRun

    /// How the run ended as a whole.
    public enum Status: Sendable, Equatable {
        /// Every node succeeded.
        case success
        /// Some nodes succeeded, others did not; the names of those that failed, skipped ones not among them.
        case partial(failures: [String])
        /// No node succeeded.
        case failure
    }

    /// The outcome of `node`, which must be of the graph that was run.
    ///
    /// - Complexity: O(1), and a copy of the value.
    public subscript<Output: Sendable>(node: Node<Output>) -> Outcome<Output> {
        let plan = run.plan
        let index = plan.index(of: node.reference)
        let cell = run.cells[index]
        switch cell.status {
        case .succeeded:
            return .succeeded(
                (run.base + Int(plan.offsets[index + 1])).assumingMemoryBound(to: Output.self).pointee)
        case .failed:
            guard let error = cell.error else { preconditionFailure("a failed node has its error") }
            return .failed(error)
        case .skipped: return .skipped(because: plan.nodes[Int(cell.cause)].name)
        case .cancelled: return .cancelled(run.cancelReason)
        case .waiting: preconditionFailure("a result exists when every node has ended")
        }
    }

    public var status: Status {
        let plan = run.plan
        let failed = plan.nodes.indices.filter { run.cells[$0].status == .failed || run.cells[$0].status == .cancelled }
        let succeeded = plan.nodes.indices.contains { run.cells[$0].status == .succeeded }
        if !succeeded { return .failure }
        return failed.isEmpty ? .success : .partial(failures: failed.map { plan.nodes[$0].name })
    }

    /// The error of the first node that failed, in the order in which the nodes were added.
    public var firstError: (any Error)? {
        run.plan.nodes.indices.lazy.compactMap { run.cells[$0].error }.first
    }
}
