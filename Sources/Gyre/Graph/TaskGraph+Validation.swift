extension TaskGraph {
    static var nodesMax: Int { 10_000 }

    /// The parents of every node by index, without repetition.
    func resolveParents() throws(GraphError) -> [[Int]] {
        guard !nodes.isEmpty else { throw .empty }
        guard nodes.count <= Self.nodesMax else { throw .tooManyNodes(nodes.count, limit: Self.nodesMax) }
        var indices: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            guard indices.updateValue(index, forKey: node.name) == nil else { throw .duplicateName(node.name) }
            if let (limit, keys) = node.lineBounds, limit < 1 || keys < 1 {
                throw .orderedBounds(limit: limit, keys: keys, node: node.name)
            }
            guard node.alignment <= 16 else { throw .alignment(node.alignment, node: node.name) }
        }
        var parents: [[Int]] = []
        for node in nodes {
            var own: [Int] = []
            for input in node.inputs {
                // A copy of the graph may have gone another way since: the name must agree as well.
                let isOurs =
                    input.graph === identity && input.index < nodes.count && nodes[input.index].name == input.name
                guard isOurs else { throw .foreignNode(input.name, node: node.name) }
                if !own.contains(input.index) { own.append(input.index) }
            }
            for name in node.after {
                guard let index = indices[name] else { throw .unknownName(name, node: node.name) }
                if !own.contains(index) { own.append(index) }
            }
            parents.append(own)
        }
        return parents
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
