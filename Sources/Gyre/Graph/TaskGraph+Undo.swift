public import GyrePolicy

extension TaskGraph {
    /// Says how to undo what a node did, in a graph of the failure mode ``GraphFailureMode/compensate``.
    ///
    /// ```swift
    /// graph.undo(charge) { order, receipt in try refund(receipt) }
    /// ```
    ///
    /// A run that does not succeed undoes its completed nodes when all nodes have ended: one after the other, the one
    /// that completed last first, each until it has succeeded or its attempts are used up. What could not be undone
    /// is in ``GraphResult/undone``, and the next is undone all the same. The outcome of the node stays as it is.
    ///
    /// - Parameters:
    ///   - node: A node of this graph. A second undo of it takes the place of the first.
    ///   - retry: How often it is tried, and the pauses between: three times by default, as tasks are. An error whose
    ///     class says that it would happen again (``GyrePolicy/ErrorClass/permanent``) ends the attempts.
    ///   - body: Takes the graph's input and the node's output. Cancelling the run does not reach it. An attempt may
    ///     have had an effect before it threw: it should be safe to repeat.
    @inlinable
    public mutating func undo<Output: Sendable>(
        _ node: Node<Output>, retry: RetryPolicy? = nil,
        _ body: @escaping @Sendable (Input, Output) throws -> Void
    ) {
        setUndo(node, retry: retry, isAsync: false) { base, offsets, _ in
            try body(Self.input(base, offsets), Self.output(of: node, base, offsets))
        }
    }

    /// The same with an async body.
    @inlinable
    public mutating func undo<Output: Sendable>(
        _ node: Node<Output>, retry: RetryPolicy? = nil,
        _ body: nonisolated(nonsending) @escaping @Sendable (Input, Output) async throws -> Void
    ) {
        let index = node.index
        setUndo(node, retry: retry, isAsync: true) { base, offsets, run in
            let (input, output) = (Self.input(base, offsets), Self.output(of: node, base, offsets))
            try unsafeDowncast(run.unsafelyUnwrapped, to: GraphRun.self).beginUndo(
                AsyncCall(body: { try await body(input, output) }, store: { _, _ in }), of: index)
        }
    }

    @usableFromInline
    mutating func setUndo<Output>(
        _ node: Node<Output>, retry: RetryPolicy?, isAsync: Bool, _ body: @escaping ErasedBody
    ) {
        precondition(
            node.graph === identity && node.index < nodes.count && nodes[node.index].name == node.name,
            "node \"\(node.name)\" is not of graph \"\(name)\"")
        nodes[node.index].undo = UndoDescription(
            retry: retry ?? RetryPolicy.standard, isAsync: isAsync, body: body)
    }
}

/// How to undo a node, without its types.
@usableFromInline
struct UndoDescription: Sendable {
    let retry: RetryPolicy
    let isAsync: Bool
    let body: ErasedBody
}

/// What became of undoing one node.
public struct UndoReport: Sendable, CustomStringConvertible {
    public let name: String
    /// How often it was tried. 0 when the runtime ended first.
    public let attempts: Int
    /// The error of the last attempt; `nil` when it was undone.
    public let error: (any Error)?
    /// Whether what the node did is undone.
    public var isUndone: Bool { error == nil && attempts > 0 }

    public var description: String {
        if let error { return "\(name): not undone after \(attempts) attempts, \(error)" }
        return attempts > 0 ? "\(name): undone" : "\(name): not undone, the runtime ended"
    }
}
