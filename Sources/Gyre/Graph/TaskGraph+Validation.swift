extension TaskGraph {
    static var nodesMax: Int { 10_000 }

    /// The edges into every node, one for each parent.
    func resolveEdges() throws(GraphError) -> [[PlanEdge]] {
        guard !nodes.isEmpty else { throw .empty }
        guard nodes.count <= Self.nodesMax else { throw .tooManyNodes(nodes.count, limit: Self.nodesMax) }
        var indices: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            guard indices.updateValue(index, forKey: node.name) == nil else { throw .duplicateName(node.name) }
            try check(node)
        }
        var edges: [[PlanEdge]] = []
        for node in nodes { edges.append(try resolveEdges(into: node, indices)) }
        return edges
    }

    private func check(_ node: NodeDescription) throws(GraphError) {
        for (bound, value) in node.bounds where value < 1 { throw .bound(bound, value: value, node: node.name) }
        if let window = node.bounds.first(where: { $0.name == "window" })?.value, window > GraphStep.slotMax {
            throw .windowTooLarge(window, limit: GraphStep.slotMax, node: node.name)
        }
        guard node.alignment <= 16 else { throw .alignment(node.alignment, node: node.name) }
        if node.undo != nil {
            guard failureMode == .compensate else { throw .undoWithoutCompensation(node: node.name, mode: failureMode) }
        }
        let asksParents = ![.allSucceeded, .allDone, .always].contains(node.rule)
        if asksParents, node.inputs.isEmpty, node.after.isEmpty {
            throw .ruleWithoutParents(node.rule, node: node.name)
        }
    }

    private func resolveEdges(
        into node: NodeDescription, _ indices: [String: Int]
    ) throws(GraphError) -> [PlanEdge] {
        var edges: [PlanEdge] = []
        var places: [Int: Int] = [:]
        for input in node.inputs {
            // A copy of the graph may have gone another way since: the name must agree as well.
            let isOurs = input.graph === identity && input.index < nodes.count && nodes[input.index].name == input.name
            guard isOurs else { throw .foreignNode(input.name, node: node.name) }
            let place = places[input.index] ?? edges.count
            if place == edges.count {
                places[input.index] = place
                edges.append(PlanEdge(parent: Int32(input.index), carries: node.takesOutcomes ? .outcome : .value))
            }
            if let condition = input.condition { edges[place].conditions.append(condition) }
        }
        for name in node.after {
            guard let index = indices[name] else { throw .unknownName(name, node: node.name) }
            guard places[index] == nil else { continue }
            places[index] = edges.count
            edges.append(PlanEdge(parent: Int32(index), carries: .nothing))
        }
        return edges
    }

    /// Depth-first search with an explicit stack; the path on it is the cycle when a node is met again.
    func checkForCycle(_ parents: [[Int]]) throws(GraphError) {
        var marks = [SearchMark](repeating: .unseen, count: nodes.count)
        for start in nodes.indices where marks[start] == .unseen {
            var path = [start]
            var next = [0]
            marks[start] = .open
            while let node = path.last {
                let step = next[next.count - 1]
                guard step < parents[node].count else {
                    marks[node] = .done
                    path.removeLast()
                    next.removeLast()
                    continue
                }
                next[next.count - 1] += 1
                let parent = parents[node][step]
                switch marks[parent] {
                case .done: continue
                case .unseen:
                    marks[parent] = .open
                    path.append(parent)
                    next.append(0)
                case .open:
                    let first = path.firstIndex(of: parent) ?? 0
                    // The path goes from child to parent; read backwards it is the order of running.
                    let cycle = (path[first...] + [parent]).reversed().map { nodes[$0].name }
                    throw .cycle(cycle)
                }
            }
        }
    }
}

/// How far the search for cycles has come with a node.
private enum SearchMark { case unseen, open, done }
