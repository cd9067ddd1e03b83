extension TaskGraph {
    /// Adds a node that takes the outcomes of others, and so can run when some of them did not succeed.
    ///
    /// ```swift
    /// let summary = graph.join("summary", flight, hotel) { trip, flight, hotel in
    ///     "\(flight.value ?? "no flight"), \(hotel.value ?? "no hotel")"
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - name: Unique in the graph.
    ///   - first: A node whose outcome the body takes.
    ///   - rest: Further such nodes. The body takes the graph's input, then all outcomes in this order. That of an edge
    ///     that was not taken (``Node/when(_:)``) is `skipped`.
    ///   - names: Nodes that must have ended before, as the rule says; nothing is passed.
    ///   - rule: What must have become of all of these nodes.
    ///   - body: What to run, as for a node.
    @inlinable
    public mutating func join<First: Sendable, each Parent: Sendable, Output: Sendable>(
        _ name: String, _ first: Node<First>, _ rest: repeat Node<each Parent>, after names: [String] = [],
        rule: NodeRule = .allDone,
        _ body: @escaping @Sendable (Input, Outcome<First>, repeat Outcome<each Parent>) throws -> Output
    ) -> Node<Output> {
        let own = nodes.count
        var inputs = [first.reference]
        for reference in repeat (each rest).reference { inputs.append(reference) }
        let others = (repeat each rest)
        return add(
            describe(
                name, inputs: inputs, after: names, rule: rule, kind: .join, takesOutcomes: true, Output.self
            ) { base, offsets, run in
                let run = unsafeDowncast(run.unsafelyUnwrapped, to: GraphRun.self)
                let output = try body(
                    Self.input(base, offsets), run.outcome(of: first.index, base, offsets, seenBy: own),
                    repeat run.outcome(of: (each others).index, base, offsets, seenBy: own))
                Self.write(output, base, offsets, own)
            }, Output.self)
    }

    /// Adds a node that takes the outcomes of any number of nodes of one type.
    ///
    /// - Parameters:
    ///   - parents: At least one node. The body takes the graph's input, then the outcomes in this order.
    ///   - names, rule, body: As for a join of nodes of several types.
    @inlinable
    public mutating func join<Parent: Sendable, Output: Sendable>(
        _ name: String, all parents: [Node<Parent>], after names: [String] = [], rule: NodeRule = .allDone,
        _ body: @escaping @Sendable (Input, [Outcome<Parent>]) throws -> Output
    ) -> Node<Output> {
        let own = nodes.count
        let indices = parents.map(\.index)
        return add(
            describe(
                name, inputs: parents.map(\.reference), after: names, rule: rule, kind: .join, takesOutcomes: true,
                Output.self
            ) { base, offsets, run in
                let run = unsafeDowncast(run.unsafelyUnwrapped, to: GraphRun.self)
                let output = try body(
                    Self.input(base, offsets), indices.map { run.outcome(of: $0, base, offsets, seenBy: own) })
                Self.write(output, base, offsets, own)
            }, Output.self)
    }
}

extension GraphRun {
    /// What became of a node that has ended, whose output is of the type `Output`.
    ///
    /// - Parameter child: Who asks: an edge to it that was not taken makes the outcome `skipped`. -1 for anybody.
    @inlinable
    func outcome<Output: Sendable>(
        of node: Int, _ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>, seenBy child: Int = -1
    ) -> Outcome<Output> {
        if let other = otherThanSuccess(of: node, seenBy: child) { return other.retyped() }
        return .succeeded((base + Int(offsets[node + 1])).assumingMemoryBound(to: Output.self).pointee)
    }

    /// The outcome of a node that has ended, or `nil` when it succeeded.
    @usableFromInline
    func otherThanSuccess(of node: Int, seenBy child: Int) -> Outcome<Never>? {
        let isAsked = child >= 0 && withPlan { plan in plan.withNode(child) { $0.isConditional } }
        if cells[node].status == .succeeded && !isAsked { return nil }  // as nearly always: no plan is looked at
        let plan = plan
        if isAsked, let edge = plan.nodes[child].edges.first(where: { $0.parent == node }), isUntaken(edge) {
            return .skipped(because: plan.nodes[node].name)
        }
        let cell = cells[node]
        let cause = cell.cause >= 0 ? plan.nodes[Int(cell.cause)].name : plan.nodes[node].name
        switch cell.status {
        case .succeeded: return nil
        case .failed:
            guard let error = cell.error else { preconditionFailure("a failed node has its error") }
            return .failed(error)
        case .timedOut: return .timedOut
        case .skipped: return .skipped(because: cause)
        case .upstreamFailed: return .upstreamFailed(because: cause)
        case .cancelled: return .cancelled(cancelReason)
        case .waiting: preconditionFailure("its outcome is asked for when it has ended")
        }
    }
}
