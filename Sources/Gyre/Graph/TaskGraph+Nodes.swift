import GyreCore

extension TaskGraph {
    /// Adds a node that needs nothing but the graph's input.
    ///
    /// - Parameters:
    ///   - name: Unique in the graph.
    ///   - names: Nodes that must have ended before, as the rule says; no value is passed.
    ///   - rule: What must have become of these nodes.
    ///   - body: What to run, once in each run of the graph, on one worker. An error that it throws is the node's
    ///     outcome; a `CancellationError` is no failure, the node is skipped then.
    @inlinable
    public mutating func node<Output: Sendable>(
        _ name: String, after names: [String] = [], rule: NodeRule = .allSucceeded,
        _ body: @escaping @Sendable (Input) throws -> Output
    ) -> Node<Output> {
        let own = nodes.count
        return add(
            describe(name, inputs: [], after: names, rule: rule, Output.self) { base, offsets, _ in
                let output = try body(Self.input(base, offsets))
                Self.write(output, base, offsets, own)
            }, Output.self)
    }

    /// Adds a node that needs the outputs of others.
    ///
    /// - Parameters:
    ///   - name: Unique in the graph.
    ///   - first: A node whose output the body takes.
    ///   - rest: Further such nodes. The body takes the graph's input, then all outputs in this order.
    ///   - names: Nodes that must have succeeded before; no value is passed.
    ///   - body: What to run when all of these have succeeded.
    @inlinable
    public mutating func node<First: Sendable, each Parent: Sendable, Output: Sendable>(
        _ name: String, _ first: Node<First>, _ rest: repeat Node<each Parent>, after names: [String] = [],
        _ body: @escaping @Sendable (Input, First, repeat each Parent) throws -> Output
    ) -> Node<Output> {
        let own = nodes.count
        var inputs = [first.reference]
        for reference in repeat (each rest).reference { inputs.append(reference) }
        let others = (repeat each rest)
        return add(
            describe(name, inputs: inputs, after: names, Output.self) { base, offsets, _ in
                let output = try body(
                    Self.input(base, offsets), Self.output(of: first, base, offsets),
                    repeat Self.output(of: each others, base, offsets))
                Self.write(output, base, offsets, own)
            }, Output.self)
    }

    /// Adds a node that runs one at a time for each key, in the order in which the graph's runs were submitted, and
    /// keeps state between them.
    ///
    /// The order holds across all runs of one plan, whoever submits them and however many workers there are. It is
    /// that of the submits: of calls on one thread, the order of the calls. Other nodes of the same runs are not held
    /// up.
    ///
    /// - Parameters:
    ///   - name: Unique in the graph.
    ///   - names: Nodes that must have succeeded before; no value is passed.
    ///   - key: What the order goes by: a customer, a conversation, a document.
    ///   - initial: The state of a key when it is seen first. State lives as long as the plan.
    ///   - limit: How many runs may wait for their turn at one key, at least 1. A submit beyond that is refused with
    ///     ``SubmitError/full``.
    ///   - keys: How many keys there may be, at least 1. A submit with a further one is refused with
    ///     ``SubmitError/full``.
    ///   - body: What to run. It alone has the key's state while it runs. When it throws, its changes to the state
    ///     stay.
    @inlinable
    public mutating func node<Key: Hashable & Sendable, State: Sendable, Output: Sendable>(
        _ name: String, after names: [String] = [], orderedBy key: @escaping @Sendable (Input) -> Key,
        state initial: State, limit: Int = 1_024, keys: Int = 1 << 20,
        _ body: @escaping @Sendable (Input, inout State) throws -> Output
    ) -> Node<Output> {
        let own = nodes.count
        return add(
            describe(
                name, inputs: [], after: names, kind: .ordered, Output.self,
                bounds: [("limit", limit), ("keys", keys)],
                makeLines: { KeyedLinesTable<Input, Key, State>(key: key, initial: initial, limit: limit, keys: keys) }
            ) { base, offsets, line in
                let line = unsafeDowncast(line.unsafelyUnwrapped, to: KeyedLine<State>.self)
                let output = try body(Self.input(base, offsets), &line.state)
                Self.write(output, base, offsets, own)
            }, Output.self)
    }

    @inlinable
    func describe<Output: Sendable>(
        _ name: String, inputs: [NodeReference], after: [String], rule: NodeRule = .allSucceeded,
        kind: NodeKind = .plain, takesOutcomes: Bool = false, timeout: Duration? = nil, _: Output.Type,
        bounds: [(name: String, value: Int)] = [],
        makeLines: (@Sendable () -> any KeyedLines)? = nil, body: @escaping ErasedBody
    ) -> NodeDescription {
        NodeDescription(
            name: name, inputs: inputs, after: after, rule: rule, kind: kind, takesOutcomes: takesOutcomes,
            timeout: timeout, size: MemoryLayout<Output>.size, alignment: MemoryLayout<Output>.alignment, body: body,
            destroy: { $0.assumingMemoryBound(to: Output.self).deinitialize(count: 1) }, bounds: bounds,
            makeLines: makeLines)
    }

    // The memory of a run. A body runs after its parents have written, and a run keeps what was written until it is
    // freed.

    @inlinable
    @inline(__always)
    static func input(_ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>) -> Input {
        (base + Int(offsets[0])).assumingMemoryBound(to: Input.self).pointee
    }

    @inlinable
    @inline(__always)
    static func output<Output>(
        of node: Node<Output>, _ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>
    ) -> Output {
        (base + Int(offsets[node.index + 1])).assumingMemoryBound(to: Output.self).pointee
    }

    @inlinable
    @inline(__always)
    static func write<Output>(
        _ output: Output, _ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>, _ own: Int
    ) {
        (base + Int(offsets[own + 1])).initializeMemory(as: Output.self, to: output)
    }
}
