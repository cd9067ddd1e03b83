import GyreCore

extension TaskGraph {
    /// Adds a node with an async body that needs nothing but the graph's input.
    ///
    /// The body runs on the workers, on a Swift task of its own: task-locals of the caller are not inherited. While it
    /// is suspended it holds up no worker.
    ///
    /// - Parameters:
    ///   - name, names, rule: As for a node with a synchronous body.
    ///   - timeout: How long the body may take, from its start. The run's own deadline holds too, whichever is
    ///     earlier. A body that is too late is cancelled, and its node ends as `timedOut` without waiting for it.
    ///   - body: What to run, once in each run of the graph. An error that it throws is the node's outcome; a
    ///     `CancellationError` is no failure, the node is skipped then.
    @inlinable
    public mutating func node<Output: Sendable>(
        _ name: String, after names: [String] = [], rule: NodeRule = .allSucceeded, timeout: Duration? = nil,
        _ body: nonisolated(nonsending) @escaping @Sendable (Input) async throws -> Output
    ) -> Node<Output> {
        let own = nodes.count
        return add(
            describe(
                name, inputs: [], after: names, rule: rule, kind: .async, timeout: timeout, Output.self
            ) { base, offsets, run in
                let input = Self.input(base, offsets)
                try Self.begin(run, own) { try await body(input) }
            }, Output.self)
    }

    /// Adds a node with an async body that needs the outputs of others.
    ///
    /// - Parameters:
    ///   - name, names, timeout: As for an async node without parents.
    ///   - first: A node whose output the body takes.
    ///   - rest: Further such nodes. The body takes the graph's input, then all outputs in this order.
    ///   - body: What to run when all of these have succeeded.
    @inlinable
    public mutating func node<First: Sendable, each Parent: Sendable, Output: Sendable>(
        _ name: String, _ first: Node<First>, _ rest: repeat Node<each Parent>, after names: [String] = [],
        timeout: Duration? = nil,
        _ body: nonisolated(nonsending) @escaping @Sendable (Input, First, repeat each Parent) async throws -> Output
    ) -> Node<Output> {
        let own = nodes.count
        var inputs = [first.reference]
        for reference in repeat (each rest).reference { inputs.append(reference) }
        let others = (repeat each rest)
        return add(
            describe(
                name, inputs: inputs, after: names, kind: .async, timeout: timeout, Output.self
            ) { base, offsets, run in
                let input = Self.input(base, offsets)
                let value = Self.output(of: first, base, offsets)
                let values = (repeat Self.output(of: each others, base, offsets))
                try Self.begin(run, own) { try await body(input, value, repeat each values) }
            }, Output.self)
    }

    /// Adds a node with an async body that takes the outcomes of others, and so can run when some did not succeed.
    ///
    /// - Parameters:
    ///   - name, first, rest, names, rule: As for a join with a synchronous body.
    ///   - timeout, body: As for an async node.
    @inlinable
    public mutating func join<First: Sendable, each Parent: Sendable, Output: Sendable>(
        _ name: String, _ first: Node<First>, _ rest: repeat Node<each Parent>, after names: [String] = [],
        rule: NodeRule = .allDone, timeout: Duration? = nil,
        _ body:
            nonisolated(nonsending) @escaping @Sendable (Input, Outcome<First>, repeat Outcome<each Parent>)
            async throws -> Output
    ) -> Node<Output> {
        let own = nodes.count
        var inputs = [first.reference]
        for reference in repeat (each rest).reference { inputs.append(reference) }
        let others = (repeat each rest)
        return add(
            describe(
                name, inputs: inputs, after: names, rule: rule, kind: .async, takesOutcomes: true, timeout: timeout,
                Output.self
            ) { base, offsets, context in
                let run = unsafeDowncast(context.unsafelyUnwrapped, to: GraphRun.self)
                let input = Self.input(base, offsets)
                let outcome: Outcome<First> = run.outcome(of: first.index, base, offsets, seenBy: own)
                let outcomes = (repeat Self.outcome(of: each others, run, base, offsets, seenBy: own))
                try Self.begin(context, own) { try await body(input, outcome, repeat each outcomes) }
            }, Output.self)
    }

    @inlinable
    static func outcome<Parent: Sendable>(
        of node: Node<Parent>, _ run: GraphRun, _ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>,
        seenBy child: Int
    ) -> Outcome<Parent> {
        run.outcome(of: node.index, base, offsets, seenBy: child)
    }

    /// Hands an async body to the run, which calls it and keeps its value.
    @inlinable
    static func begin<Output: Sendable>(
        _ run: AnyObject?, _ own: Int, _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> Output
    ) throws {
        let box = ValueBox<Output>()
        let call = AsyncCall(
            body: { box.value = try await body() },
            store: { base, offsets in
                guard let value = box.value else { preconditionFailure("a body that succeeded has left its value") }
                write(value, base, offsets, own)
            })
        try unsafeDowncast(run.unsafelyUnwrapped, to: GraphRun.self).begin(call, of: own)
    }
}
