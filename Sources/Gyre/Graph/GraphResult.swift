import GyreCore

/// What became of one run of a graph: an outcome for every node.
public struct GraphResult: Sendable {
    /// Read only: a result exists when every node has ended, and nothing is written after that.
    nonisolated(unsafe) let run: GraphRun

    /// How the run ended as a whole.
    public enum Status: Sendable, Equatable {
        /// Every node succeeded or was skipped.
        case success
        /// Some nodes succeeded. The names of those that failed, were late or cancelled; those that did not run
        /// because of them are not among them.
        case partial(failures: [String])
        /// No node succeeded, or what they did was undone.
        case failure
    }

    /// The outcome of `node`, which must be of the graph that was run.
    ///
    /// - Complexity: O(1), and a copy of the value.
    public subscript<Output: Sendable>(node: Node<Output>) -> Outcome<Output> {
        let plan = run.plan
        return run.outcome(of: plan.index(of: node.reference), run.base, plan.offsets)
    }

    /// How the run ended as a whole. Skipped nodes count neither way.
    ///
    /// - Complexity: O(nodes).
    public var status: Status {
        let plan = run.plan
        let failed = plan.nodes.indices.filter {
            [.failed, .timedOut, .cancelled].contains(run.cells[$0].status)
        }
        if failed.isEmpty { return .success }
        let isUndone = plan.failureMode == .compensate
        let succeeded = plan.nodes.indices.contains { run.cells[$0].status == .succeeded }
        return succeeded && !isUndone ? .partial(failures: failed.map { plan.nodes[$0].name }) : .failure
    }

    /// The error of the first node that failed, in the order in which the nodes were added.
    public var firstError: (any Error)? {
        run.plan.nodes.indices.lazy.compactMap { run.cells[$0].error }.first
    }

    /// Every node of the graph with what became of it, in the order in which they were added.
    ///
    /// - Complexity: O(nodes).
    public var nodes: [NodeReport] { run.plan.nodes.indices.map { NodeReport(run, $0) } }

    /// What was undone or could not be, in the order in which that was tried. Empty unless the failure mode is
    /// ``GraphFailureMode/compensate`` and the run did not succeed.
    public var undone: [UndoReport] {
        guard let ledger = run.content.pointee.ledger else { return [] }
        return ledger.undone
    }
}

/// What became of one node of a run, without its value.
public struct NodeReport: Sendable, CustomStringConvertible {
    public let name: String
    public let ending: Ending
    /// For a node that did not run, the node at fault; itself when its body threw a `CancellationError`.
    public let because: String?
    public let error: (any Error)?
    /// From ready to started, and from started to ended. `nil` when it did not run or the run was not timed.
    public let waited: Duration?
    public let ran: Duration?

    /// The ways in which a node ends. Each node of a run ends in exactly one.
    public enum Ending: String, Sendable, CaseIterable {
        case succeeded, failed, timedOut, skipped, upstreamFailed, cancelled
    }

    init(_ run: GraphRun, _ index: Int) {
        let (plan, cell) = (run.plan, run.cells[index])
        name = plan.nodes[index].name
        switch cell.status {
        case .succeeded: ending = .succeeded
        case .failed: ending = .failed
        case .timedOut: ending = .timedOut
        case .skipped: ending = .skipped
        case .upstreamFailed: ending = .upstreamFailed
        case .cancelled: ending = .cancelled
        case .waiting: preconditionFailure("a result exists when every node has ended")
        }
        because = cell.cause >= 0 ? plan.nodes[Int(cell.cause)].name : nil
        error = cell.error
        let isTimed = cell.ended != 0
        waited = isTimed ? .nanoseconds(cell.started - min(cell.ready, cell.started)) : nil
        ran = isTimed ? .nanoseconds(cell.ended - min(cell.started, cell.ended)) : nil
    }

    public var description: String {
        if let error { return "\(name): \(ending), \(error)" }
        guard let because else { return "\(name): \(ending)" }
        return "\(name): \(ending) because of \(because)"
    }
}
