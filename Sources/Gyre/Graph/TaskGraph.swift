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
/// There are no supersteps: a node starts when its own parents have ended and its rule holds. When a node fails, the
/// nodes that need it do not run, all others go on, and every node has an outcome. What else there is, in the order in
/// which one meets it:
///
/// - a body may be async, and have a timeout;
/// - `join` takes its parents' outcomes in place of their values, and runs under a ``NodeRule``;
/// - ``Node/when(_:)`` makes an edge conditional, and the side that is not taken is skipped;
/// - ``GraphFailureMode`` says what a failure means to the rest of the run, down to undoing what was done by `undo`;
/// - `map` runs one body for each item of a parent's output, a few at a time;
/// - `loop` repeats a body, a bounded number of times;
/// - ``GraphPlan/picture`` and ``GraphResult/picture`` draw it.
public struct TaskGraph<Input: Sendable>: Sendable {
    /// The graph's name, for reports and errors.
    public let name: String
    /// What a node's failure means to the rest of its run.
    public let failureMode: GraphFailureMode
    @usableFromInline var nodes: [NodeDescription] = []
    /// Tells handles of this graph from those of others.
    @usableFromInline let identity = GraphIdentity()

    /// A graph without nodes.
    ///
    /// - Parameters:
    ///   - name: For reports and errors.
    ///   - failureMode: What a node's failure means to the rest of its run.
    public init(_ name: String, onFailure failureMode: GraphFailureMode = .skipDependants) {
        self.name = name
        self.failureMode = failureMode
    }

    /// Checks the graph and lays out the memory of its runs.
    ///
    /// - Throws: ``GraphError``: a name that is used twice or unknown, a node of another graph, a cycle with its
    ///   path, a bound below 1, a rule or an undo that can never be used, or more than 10,000 nodes.
    /// - Complexity: O(nodes + edges).
    public func build() throws(GraphError) -> GraphPlan<Input> {
        let edges = try resolveEdges()
        try checkForCycle(edges.map { $0.map { Int($0.parent) } })
        return GraphPlan<Input>(self, edges: edges)
    }

    @inlinable
    mutating func add<Output: Sendable>(_ description: NodeDescription, _: Output.Type) -> Node<Output> {
        nodes.append(description)
        return Node(index: nodes.count - 1, name: description.name, graph: identity)
    }
}
