import GyreCore

/// Tasks that need each other's outcomes, as a value: described once, built, and run many times.
///
/// ```swift
/// var graph = TaskGraph<Order>("checkout")
/// let stock = graph.node("stock") { order in try reserve(order) }
/// let price = graph.node("price") { order in quote(order) }
/// let bill = graph.node("bill", stock, price) { order, stock, price in invoice(order, stock, price) }
/// let plan = try graph.build()
///
/// let result = try await gyre.run(plan, order)
/// print(try result[bill].get())
/// ```
///
/// There are no supersteps: a node starts when its own parents have ended. When a node fails, the nodes that need it
/// are skipped, all others go on, and every node has an outcome.
public struct TaskGraph<Input: Sendable>: Sendable {
    /// The graph's name, for reports and errors.
    public let name: String
    @usableFromInline var nodes: [NodeDescription] = []
    /// Tells handles of this graph from those of others.
    @usableFromInline let identity = GraphIdentity()

    public init(_ name: String) {
        self.name = name
    }

    /// Checks the graph and lays out the memory of its runs.
    ///
    /// - Throws: ``GraphError``: a name that is used twice or unknown, a node of another graph, a cycle with its
    ///   path, or more than 10,000 nodes.
    /// - Complexity: O(nodes + edges).
    public func build() throws(GraphError) -> GraphPlan<Input> {
        let parents = try resolveParents()
        try checkForCycle(parents)
        return GraphPlan<Input>(self, parents: parents)
    }

    @inlinable
    mutating func add<Output: Sendable>(_ description: NodeDescription, _: Output.Type) -> Node<Output> {
        nodes.append(description)
        return Node(index: nodes.count - 1, name: description.name, graph: identity)
    }
}

/// A node of a graph, as what others need and what results are looked up by.
public struct Node<Output: Sendable>: Sendable {
    @usableFromInline let index: Int
    public let name: String
    @usableFromInline let graph: GraphIdentity

    @usableFromInline
    init(index: Int, name: String, graph: GraphIdentity) {
        self.index = index
        self.name = name
        self.graph = graph
    }

    @usableFromInline var reference: NodeReference { NodeReference(index: index, name: name, graph: graph) }
}

/// Identity of a graph; copies of a graph share it, because their nodes are the same up to the copy.
@usableFromInline
final class GraphIdentity: Sendable {}

/// A node without its type.
@usableFromInline
struct NodeReference: Sendable {
    let index: Int
    let name: String
    let graph: GraphIdentity
}

/// A node's body without its types. It finds its input and its parents' outputs in the memory of a run, and writes
/// its own output there. `offsets[0]` is the input's place, `offsets[i + 1]` that of node i; `key` is the state of an
/// ordered node.
@usableFromInline
typealias ErasedBody =
    @Sendable (
        _ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>, _ key: AnyObject?
    ) throws -> Void

/// A node as it was described. What is generic about it is inlinable, so that bodies are compiled for their types.
@usableFromInline
struct NodeDescription: Sendable {
    @usableFromInline let name: String
    /// Nodes whose outputs the body takes.
    let inputs: [NodeReference]
    /// Names of nodes that must have succeeded before, without passing a value.
    let after: [String]
    let size: Int
    let alignment: Int
    let body: ErasedBody
    let destroy: @Sendable (UnsafeMutableRawPointer) -> Void
    /// For an ordered node, how many runs may wait at a key, and how many keys there may be.
    let lineBounds: (limit: Int, keys: Int)?
    /// For an ordered node, makes the lines of one plan.
    let makeLines: (@Sendable () -> any KeyedLines)?

    @usableFromInline
    init(
        name: String, inputs: [NodeReference], after: [String], size: Int, alignment: Int, body: @escaping ErasedBody,
        destroy: @escaping @Sendable (UnsafeMutableRawPointer) -> Void, lineBounds: (limit: Int, keys: Int)?,
        makeLines: (@Sendable () -> any KeyedLines)?
    ) {
        self.name = name
        self.inputs = inputs
        self.after = after
        self.size = size
        self.alignment = alignment
        self.body = body
        self.destroy = destroy
        self.lineBounds = lineBounds
        self.makeLines = makeLines
    }
}

/// Why a graph cannot be built.
public enum GraphError: Error, Equatable, Sendable, CustomStringConvertible {
    case duplicateName(String)
    /// `node` is to run after a node that does not exist.
    case unknownName(String, node: String)
    /// `parent` was made by another graph than the one of `node`.
    case foreignNode(String, node: String)
    /// The names along the cycle; the first is repeated at the end.
    case cycle([String])
    case tooManyNodes(Int, limit: Int)
    /// The output of `node` needs an alignment above 16 bytes.
    case alignment(Int, node: String)
    /// The limit or the number of keys of the ordered `node` is below 1, so that none of its runs could ever be taken.
    case orderedBounds(limit: Int, keys: Int, node: String)
    case empty

    public var description: String {
        switch self {
        case .duplicateName(let name): return "two nodes are named \"\(name)\"; give each its own name"
        case .unknownName(let name, let node):
            return "\"\(node)\" runs after \"\(name)\", which is no node of this graph"
        case .foreignNode(let name, let node):
            return "\"\(node)\" needs \"\(name)\" of another graph; add that node to this one"
        case .cycle(let path): return "a cycle: \(path.joined(separator: " → ")); a graph must have none"
        case .tooManyNodes(let count, let limit): return "\(count) nodes; a graph has at most \(limit)"
        case .alignment(let bytes, let node):
            return "the output of \"\(node)\" is aligned to \(bytes) bytes, at most 16 are possible; wrap it in a class"
        case .orderedBounds(let limit, let keys, let node):
            return "\"\(node)\" has limit \(limit) and keys \(keys); both must be at least 1"
        case .empty: return "a graph needs at least one node"
        }
    }
}
