import GyreCore

/// A graph that was checked and laid out, ready to run any number of times, also at once.
///
/// A plan keeps the state of its ordered nodes; a plan that is built anew begins with fresh state.
public struct GraphPlan<Input: Sendable>: Sendable {
    @usableFromInline let core: GraphPlanCore
    public var name: String { core.name }
    /// Names of the nodes, in the order in which they were added.
    public var nodeNames: [String] { core.nodes.map(\.name) }

    init(_ graph: TaskGraph<Input>, parents: [[Int]]) {
        core = GraphPlanCore(
            name: graph.name, identity: graph.identity, descriptions: graph.nodes, parents: parents,
            input: (MemoryLayout<Input>.size, MemoryLayout<Input>.alignment),
            destroyInput: { $0.assumingMemoryBound(to: Input.self).deinitialize(count: 1) })
    }
}

/// A plan without its input type.
@usableFromInline
final class GraphPlanCore: Sendable {
    struct PlanNode: Sendable {
        let name: String
        let parents: [Int]
        let children: [Int]
        /// What must arrive before it is ready: parents, or the start of the run, and the turn of an ordered node.
        let arrivals: UInt32
        let body: ErasedBody
        let destroy: @Sendable (UnsafeMutableRawPointer) -> Void
        /// Place among the ordered nodes, or -1.
        let ordered: Int
        /// True when one of the parents may fail to give what the body takes; always so but for roots.
        var isRoot: Bool { parents.isEmpty }
    }

    let name: String
    let identity: GraphIdentity
    let nodes: [PlanNode]
    let roots: [Int]
    let lines: [any KeyedLines]
    /// Nodes by place among the ordered ones.
    let orderedNodes: [Int]
    let destroyInput: @Sendable (UnsafeMutableRawPointer) -> Void
    /// Offsets of the input and of each output from the start of a run's memory.
    let offsets: [Int32]
    /// Bytes of a run, beside its object header.
    let bytes: Int

    init(
        name: String, identity: GraphIdentity, descriptions: [NodeDescription], parents: [[Int]],
        input: (size: Int, alignment: Int), destroyInput: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
    ) {
        self.name = name
        self.identity = identity
        self.destroyInput = destroyInput
        var children = [[Int]](repeating: [], count: descriptions.count)
        for (node, parents) in parents.enumerated() {
            for parent in parents { children[parent].append(node) }
        }
        var lines: [any KeyedLines] = []
        var orderedNodes: [Int] = []
        nodes = descriptions.enumerated().map { index, description in
            var ordered = -1
            if let makeLines = description.makeLines {
                ordered = lines.count
                lines.append(makeLines())
                orderedNodes.append(index)
            }
            let arrivals = max(1, parents[index].count) + (ordered >= 0 ? 1 : 0)
            return PlanNode(
                name: description.name, parents: parents[index], children: children[index], arrivals: UInt32(arrivals),
                body: description.body, destroy: description.destroy, ordered: ordered)
        }
        self.lines = lines
        self.orderedNodes = orderedNodes
        roots = parents.indices.filter { parents[$0].isEmpty }

        var end = GraphRun.cellsOffset + descriptions.count * MemoryLayout<NodeCell>.stride
        end += orderedNodes.count * MemoryLayout<OrderedCell>.stride
        var offsets: [Int32] = []
        for (size, alignment) in [input] + descriptions.map({ ($0.size, $0.alignment) }) {
            end = (end + alignment - 1) & ~(alignment - 1)
            offsets.append(Int32(end))
            end += size
        }
        self.offsets = offsets
        bytes = end
    }

    func index(of node: NodeReference) -> Int {
        precondition(
            node.graph === identity && node.index < nodes.count && nodes[node.index].name == node.name,
            "node \"\(node.name)\" is not of graph \"\(name)\"")
        return node.index
    }
}
