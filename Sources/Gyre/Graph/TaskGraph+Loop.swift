/// How a loop goes on after a round.
public enum LoopStep<State: Sendable>: Sendable {
    /// With another round, which is given this.
    case again(State)
    /// It ends, and this is the node's output.
    case done(State)
}

extension TaskGraph {
    /// Adds a node that repeats a body until it is done, a bounded number of times. It is the only loop in a graph.
    ///
    /// ```swift
    /// let text = graph.loop("refine", from: draft, max: 5) { _, draft in
    ///     let score = judge(draft)
    ///     return score > 0.9 ? .done(draft) : .again(improve(draft, score))
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - name: Unique in the graph.
    ///   - first: A node whose output the first round is given.
    ///   - max: The most rounds there may be. When the last one asks for another, the node fails with
    ///     ``NodeError/tooManyRounds(max:node:)``.
    ///   - body: One round. It takes the graph's input and what the round before has left. Between two rounds a run
    ///     that was cancelled ends the loop.
    @inlinable
    public mutating func loop<State: Sendable>(
        _ name: String, from first: Node<State>, max: Int,
        _ body: @escaping @Sendable (Input, State) throws -> LoopStep<State>
    ) -> Node<State> {
        let own = nodes.count
        return add(
            describe(name, inputs: [first.reference], after: [], State.self, bounds: [("max", max)]) {
                base, offsets, _ in
                var state = Self.output(of: first, base, offsets)
                for _ in 0..<max {
                    if AgentTask.isCancelled { throw CancellationError() }
                    switch try body(Self.input(base, offsets), state) {
                    case .again(let next): state = next
                    case .done(let output): return Self.write(output, base, offsets, own)
                    }
                }
                throw NodeError.tooManyRounds(max: max, node: name)
            }, State.self)
    }

    /// The same with an async body.
    ///
    /// - Parameter timeout: How long all rounds together may take.
    @inlinable
    public mutating func loop<State: Sendable>(
        _ name: String, from first: Node<State>, max: Int, timeout: Duration? = nil,
        _ body: nonisolated(nonsending) @escaping @Sendable (Input, State) async throws -> LoopStep<State>
    ) -> Node<State> {
        let own = nodes.count
        return add(
            describe(
                name, inputs: [first.reference], after: [], kind: .async, timeout: timeout, State.self,
                bounds: [("max", max)]
            ) { base, offsets, run in
                let (input, before) = (Self.input(base, offsets), Self.output(of: first, base, offsets))
                try Self.begin(run, own) {
                    var state = before
                    for _ in 0..<max {
                        try Task.checkCancellation()
                        switch try await body(input, state) {
                        case .again(let next): state = next
                        case .done(let output): return output
                        }
                    }
                    throw NodeError.tooManyRounds(max: max, node: name)
                }
            }, State.self)
    }
}

/// Why a node failed of itself, and not by its body.
public enum NodeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A map was given more items than it may have.
    case tooManyItems(limit: Int, node: String)
    /// A loop was not done after all its rounds.
    case tooManyRounds(max: Int, node: String)

    public var description: String {
        switch self {
        case .tooManyItems(let limit, let node):
            return "\"\(node)\" was given more than \(limit) items, its limit; raise it, or give it fewer"
        case .tooManyRounds(let max, let node): return "\"\(node)\" was not done after \(max) rounds, its max"
        }
    }
}
