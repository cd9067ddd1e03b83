/// A node on the critical path of a run.
public struct CriticalStep: Sendable, Equatable {
    public let name: String
    /// From ready to started: nothing that it needs was missing, only a worker or its turn.
    public let waited: Duration
    /// From started to ended.
    public let ran: Duration
}

extension GraphResult {
    /// The nodes that the run took its time for: from the one that ended last back to a root, each time the parent that
    /// ended last, in the order in which they ran. Making any other node faster would not have made the run faster.
    /// Nodes that did not run are not among them. Empty when the run was not timed.
    ///
    /// - Complexity: O(nodes + edges).
    public var criticalPath: [CriticalStep] {
        criticalIndices.compactMap { index in
            let report = NodeReport(run, index)
            guard let waited = report.waited, let ran = report.ran else { return nil }
            return CriticalStep(name: report.name, waited: waited, ran: ran)
        }
    }

    /// The same as indices of nodes.
    var criticalIndices: [Int] {
        let (plan, cells) = (run.plan, run.cells)
        guard var node = plan.nodes.indices.max(by: { cells[$0].ended < cells[$1].ended }), cells[node].ended > 0 else {
            return []
        }
        var path = [node]
        // A node that did not run ended when it would have been ready.
        let end = { (node: Int) in cells[node].ended > 0 ? cells[node].ended : cells[node].ready }
        while let parent = plan.nodes[node].edges.map({ Int($0.parent) }).max(by: { end($0) < end($1) }) {
            if cells[parent].ended > 0 { path.append(parent) }
            node = parent
        }
        return path.reversed()
    }
}
