import GyreCore

/// A graph that was checked and laid out, ready to run any number of times, also at once.
///
/// A plan keeps the state of its ordered nodes; a plan that is built anew begins with fresh state.
public struct GraphPlan<Input: Sendable>: Sendable {
    @usableFromInline let core: GraphPlanCore
    public var name: String { core.name }
    /// Names of the nodes, in the order in which they were added.
    public var nodeNames: [String] { core.nodes.map(\.name) }

    init(_ graph: TaskGraph<Input>, edges: [[PlanEdge]]) {
        core = GraphPlanCore(
            name: graph.name, identity: graph.identity, failureMode: graph.failureMode, descriptions: graph.nodes,
            edges: edges,
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
    let failureMode: GraphFailureMode
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
    /// Where a run keeps a byte for each conditional edge, and how many these are.
    let conditionsOffset: Int
    let conditionalEdges: Int
    /// Whether its runs have a ``RunLedger``.
    let needsLedger: Bool

    init(
        name: String, identity: GraphIdentity, failureMode: GraphFailureMode, descriptions: [NodeDescription],
        edges: [[PlanEdge]], input: (size: Int, alignment: Int),
        destroyInput: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
    ) {
        self.name = name
        self.identity = identity
        self.failureMode = failureMode
        self.destroyInput = destroyInput
        var children = [[Int]](repeating: [], count: descriptions.count)
        var edges = edges
        var conditionalEdges = 0
        for node in edges.indices {
            for edge in edges[node].indices {
                children[Int(edges[node][edge].parent)].append(node)
                if edges[node][edge].conditions.isEmpty { continue }
                edges[node][edge].place = Int32(conditionalEdges)
                conditionalEdges += 1
            }
        }
        self.conditionalEdges = conditionalEdges
        needsLedger = descriptions.contains { $0.kind == .async || $0.kind == .map || $0.undo != nil }
        let ordered = descriptions.indices.filter { descriptions[$0].makeLines != nil }
        orderedNodes = ordered
        lines = ordered.compactMap { descriptions[$0].makeLines?() }
        nodes = descriptions.enumerated().map { index, description in
            PlanNode(
                description, edges: edges[index], children: children[index], failureMode: failureMode,
                ordered: ordered.firstIndex(of: index) ?? -1)
        }
        roots = edges.indices.filter { edges[$0].isEmpty }

        orderedOffset = GraphRun.cellsOffset + descriptions.count * MemoryLayout<NodeCell>.stride
        conditionsOffset = orderedOffset + ordered.count * MemoryLayout<OrderedCell>.stride
        var end = conditionsOffset + conditionalEdges
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

/// An edge of a plan, seen from its child.
struct PlanEdge: Sendable {
    let parent: Int32
    let carries: Cargo
    /// All of them must hold for the edge to be taken.
    var conditions: [EdgeCondition] = []
    /// Its place among the conditional edges, or -1.
    var place: Int32 = -1

    /// What the child is given.
    enum Cargo: Sendable { case value, outcome, nothing }
}

/// A node of a plan.
final class PlanNode: Sendable {
    let name: String
    let edges: [PlanEdge]
    let children: [Int]
    /// What must arrive before it is ready: parents, or the start of the run, and the turn of an ordered node.
    let arrivals: UInt32
    let rule: NodeRule
    let kind: NodeKind
    let timeout: Duration?
    let undo: UndoDescription?
    let body: ErasedBody
    let destroy: @Sendable (UnsafeMutableRawPointer) -> Void
    /// Place among the ordered nodes, or -1.
    let ordered: Int
    /// For a node that runs when these have succeeded: no condition is to be asked then, and no other rule. Else `nil`.
    let needed: [Int]?
    let isConditional: Bool

    /// Parents, without repetition.
    var parents: [Int] { edges.map { Int($0.parent) } }

    init(
        _ description: NodeDescription, edges: [PlanEdge], children: [Int], failureMode: GraphFailureMode, ordered: Int
    ) {
        name = description.name
        self.edges = edges
        self.children = children
        arrivals = UInt32(max(1, edges.count) + (ordered >= 0 ? 1 : 0))
        rule = description.rule
        kind = description.kind
        timeout = description.timeout
        undo = description.undo
        body = description.body
        destroy = description.destroy
        self.ordered = ordered
        isConditional = edges.contains { !$0.conditions.isEmpty }
        let isStrict = rule == .allSucceeded && !isConditional && failureMode != .continueAll
        needed = isStrict ? edges.map { Int($0.parent) } : nil
    }
}
