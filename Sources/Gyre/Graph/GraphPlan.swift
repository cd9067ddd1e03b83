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
///
/// `@unchecked Sendable`: the tables are written in `init` only.
@usableFromInline
final class GraphPlanCore: @unchecked Sendable {
    let name: String
    let identity: GraphIdentity
    let nodes: [PlanNode]
    let roots: [Int]
    let lines: [any KeyedLines]
    /// Nodes by place among the ordered ones.
    let orderedNodes: [Int]
    let destroyInput: @Sendable (UnsafeMutableRawPointer) -> Void
    /// Offsets of the input and of each output from the start of a run's memory.
    let offsets: UnsafeMutablePointer<Int32>
    /// The same nodes, to be reached without counting references: all workers would count on the same lines.
    private let table: UnsafeMutablePointer<Unmanaged<PlanNode>>
    /// Bytes of a run, beside its object header.
    let bytes: Int
    /// Where a run's ordered cells begin.
    let orderedOffset: Int

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
        let ordered = descriptions.indices.filter { descriptions[$0].makeLines != nil }
        orderedNodes = ordered
        lines = ordered.compactMap { descriptions[$0].makeLines?() }
        nodes = descriptions.enumerated().map { index, description in
            PlanNode(
                description, parents: parents[index], children: children[index],
                ordered: ordered.firstIndex(of: index) ?? -1)
        }
        roots = parents.indices.filter { parents[$0].isEmpty }

        orderedOffset = GraphRun.cellsOffset + descriptions.count * MemoryLayout<NodeCell>.stride
        var end = orderedOffset + ordered.count * MemoryLayout<OrderedCell>.stride
        offsets = .allocate(capacity: descriptions.count + 1)
        for (place, (size, alignment)) in ([input] + descriptions.map { ($0.size, $0.alignment) }).enumerated() {
            end = (end + alignment - 1) & ~(alignment - 1)
            (offsets + place).initialize(to: Int32(clamping: end))
            end += size
        }
        bytes = end
        table = .allocate(capacity: nodes.count)
        for (index, node) in nodes.enumerated() { (table + index).initialize(to: .passUnretained(node)) }
    }

    deinit {
        offsets.deallocate()
        table.deallocate()
    }

    /// Calls `use` with a node, without counting a reference to it.
    @inline(__always)
    func withNode<Value>(_ index: Int, _ use: (PlanNode) throws -> Value) rethrows -> Value {
        try table[index]._withUnsafeGuaranteedRef(use)
    }

    func index(of node: NodeReference) -> Int {
        precondition(
            node.graph === identity && node.index < nodes.count && nodes[node.index].name == node.name,
            "node \"\(node.name)\" is not of graph \"\(name)\"")
        return node.index
    }
}

/// A node of a plan.
final class PlanNode: Sendable {
    let name: String
    let parents: [Int]
    let children: [Int]
    /// What must arrive before it is ready: parents, or the start of the run, and the turn of an ordered node.
    let arrivals: UInt32
    let body: ErasedBody
    let destroy: @Sendable (UnsafeMutableRawPointer) -> Void
    /// Place among the ordered nodes, or -1.
    let ordered: Int

    init(_ description: NodeDescription, parents: [Int], children: [Int], ordered: Int) {
        name = description.name
        self.parents = parents
        self.children = children
        arrivals = UInt32(max(1, parents.count) + (ordered >= 0 ? 1 : 0))
        body = description.body
        destroy = description.destroy
        self.ordered = ordered
    }
}
