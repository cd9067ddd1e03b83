/// A node of a graph, as what others need and what results are looked up by.
public struct Node<Output: Sendable>: Sendable {
    @usableFromInline let index: Int
    public let name: String
    @usableFromInline let graph: GraphIdentity
    /// Of an edge that may not be taken.
    @usableFromInline let condition: EdgeCondition?

    @usableFromInline
    init(index: Int, name: String, graph: GraphIdentity, condition: EdgeCondition? = nil) {
        self.index = index
        self.name = name
        self.graph = graph
        self.condition = condition
    }

    @usableFromInline
    var reference: NodeReference { NodeReference(index: index, name: name, graph: graph, condition: condition) }

    /// The same node, as a parent whose edge is taken only when `condition` holds.
    ///
    /// ```swift
    /// let review = graph.node("review", draft.when { $0.value?.isRisky == true }) { _, draft in read(draft) }
    /// ```
    ///
    /// An edge that is not taken counts as a parent that was skipped; a node none of whose edges is taken is skipped,
    /// and that is no failure. To look results up the condition does not matter.
    ///
    /// - Parameter condition: Called once for each edge in each run, when all parents of the child have ended, on a
    ///   worker. It should be short, and its answer should depend on nothing but the outcome. Conditions of one node
    ///   given one after the other must all hold.
    @inlinable
    public func when(_ condition: @escaping @Sendable (Outcome<Output>) -> Bool) -> Node<Output> {
        let (before, index) = (self.condition, index)
        return Node(index: index, name: name, graph: graph) { base, offsets, run in
            if let before, !before(base, offsets, run) { return false }
            return condition(run.outcome(of: index, base, offsets))
        }
    }
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
    let condition: EdgeCondition?
}

/// A condition without its type: it finds the parent's outcome in a run.
@usableFromInline
typealias EdgeCondition =
    @Sendable (_ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>, _ run: GraphRun) -> Bool

/// A node's body without its types. It finds its input and its parents' outputs in the memory of a run, and writes
/// its own output there. `offsets[0]` is the input's place, `offsets[i + 1]` that of node i; `context` is what its
/// ``NodeKind`` says.
@usableFromInline
typealias ErasedBody =
    @Sendable (
        _ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>, _ context: AnyObject?
    ) throws -> Void

/// What a body is given beside the memory of its run.
@usableFromInline
enum NodeKind: Sendable {
    /// Nothing.
    case plain
    /// The line of its key.
    case ordered
    /// The run, to ask for outcomes.
    case join
    /// The run, which is handed a call of the async body.
    case async
    /// The run, which is handed an ``Expansion``.
    case map
}

/// A node as it was described. What is generic about it is inlinable, so that bodies are compiled for their types.
@usableFromInline
struct NodeDescription: Sendable {
    @usableFromInline let name: String
    /// Nodes whose outputs or outcomes the body takes.
    let inputs: [NodeReference]
    /// Names of nodes that must have ended before, without passing anything.
    let after: [String]
    let rule: NodeRule
    let kind: NodeKind
    let takesOutcomes: Bool
    let timeout: Duration?
    let size: Int
    let alignment: Int
    let body: ErasedBody
    let destroy: @Sendable (UnsafeMutableRawPointer) -> Void
    /// Whatever must be at least 1.
    let bounds: [(name: String, value: Int)]
    /// For an ordered node, makes the lines of one plan.
    let makeLines: (@Sendable () -> any KeyedLines)?
    /// How to undo what it did.
    @usableFromInline var undo: UndoDescription?

    @usableFromInline
    init(
        name: String, inputs: [NodeReference], after: [String], rule: NodeRule, kind: NodeKind,
        takesOutcomes: Bool, timeout: Duration?, size: Int, alignment: Int, body: @escaping ErasedBody,
        destroy: @escaping @Sendable (UnsafeMutableRawPointer) -> Void,
        bounds: [(name: String, value: Int)], makeLines: (@Sendable () -> any KeyedLines)?
    ) {
        self.name = name
        self.inputs = inputs
        self.after = after
        self.rule = rule
        self.kind = kind
        self.takesOutcomes = takesOutcomes
        self.timeout = timeout
        self.size = size
        self.alignment = alignment
        self.body = body
        self.destroy = destroy
        self.bounds = bounds
        self.makeLines = makeLines
    }
}
