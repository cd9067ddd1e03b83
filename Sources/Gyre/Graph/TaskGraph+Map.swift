/// In which order a map hands over the outcomes of its members.
public enum MapOrder: Sendable {
    /// That of the items. A slow member holds back those behind it, and with them at most the rest of the window.
    case items
    /// That in which the members end.
    case completion
}

extension TaskGraph {
    /// Adds a node that runs a body for each item of a parent's output, a few at a time.
    ///
    /// ```swift
    /// let pages = graph.map("pages", over: links, limit: 1_000, window: 8) { _, link in try read(link) }
    /// ```
    ///
    /// Each member fails alone: its outcome says so, and the node succeeds.
    ///
    /// - Parameters:
    ///   - name: Unique in the graph.
    ///   - items: A node whose output is gone through once, lazily: an item is taken when there is room for it.
    ///   - limit: The most items there may be. One more, and the node fails with
    ///     ``NodeError/tooManyItems(limit:node:)``; no member is begun for it.
    ///   - window: The most items that are taken and not delivered yet. Memory is bound by it, beside the results.
    ///   - timeout: How long the whole map may take.
    ///   - body: What to run for each item, with the graph's input. A `CancellationError` skips its member.
    /// - Returns: A node whose output is the outcome of each item, in their order.
    @inlinable
    public mutating func map<Items: Sequence & Sendable, Output: Sendable>(
        _ name: String, over items: Node<Items>, limit: Int, window: Int, timeout: Duration? = nil,
        _ body: @escaping @Sendable (Input, Items.Element) throws -> Output
    ) -> Node<[Outcome<Output>]> where Items.Element: Sendable {
        let bounds = MapBounds(name: name, limit: limit, window: window, order: .items)
        return map(items, bounds, timeout, .sync(body), into: []) { $0.append($2) }
    }

    /// The same with an async body.
    @inlinable
    public mutating func map<Items: Sequence & Sendable, Output: Sendable>(
        _ name: String, over items: Node<Items>, limit: Int, window: Int, timeout: Duration? = nil,
        _ body: nonisolated(nonsending) @escaping @Sendable (Input, Items.Element) async throws -> Output
    ) -> Node<[Outcome<Output>]> where Items.Element: Sendable {
        let bounds = MapBounds(name: name, limit: limit, window: window, order: .items)
        return map(items, bounds, timeout, .async(body), into: []) { $0.append($2) }
    }

    /// Adds a map whose outcomes are streamed into a result instead of being kept.
    ///
    /// - Parameters:
    ///   - name, items, limit, window, timeout, body: As for a map that keeps its outcomes.
    ///   - order: In which order `each` is called.
    ///   - initial: What the result is without any item.
    ///   - each: Takes the result, the number of the item from 0, and its outcome. Called for one outcome at a time, on
    ///     a worker. An error that it throws ends the map.
    /// - Returns: A node whose output is the result.
    @inlinable
    public mutating func map<Items: Sequence & Sendable, Output: Sendable, Result: Sendable>(
        _ name: String, over items: Node<Items>, limit: Int, window: Int, timeout: Duration? = nil,
        order: MapOrder = .items, into initial: Result,
        _ body: @escaping @Sendable (Input, Items.Element) throws -> Output,
        each: @escaping @Sendable (inout Result, Int, Outcome<Output>) throws -> Void
    ) -> Node<Result> where Items.Element: Sendable {
        let bounds = MapBounds(name: name, limit: limit, window: window, order: order)
        return map(items, bounds, timeout, .sync(body), into: initial, each)
    }

    /// The same with an async body.
    @inlinable
    public mutating func map<Items: Sequence & Sendable, Output: Sendable, Result: Sendable>(
        _ name: String, over items: Node<Items>, limit: Int, window: Int, timeout: Duration? = nil,
        order: MapOrder = .items, into initial: Result,
        _ body: nonisolated(nonsending) @escaping @Sendable (Input, Items.Element) async throws -> Output,
        each: @escaping @Sendable (inout Result, Int, Outcome<Output>) throws -> Void
    ) -> Node<Result> where Items.Element: Sendable {
        let bounds = MapBounds(name: name, limit: limit, window: window, order: order)
        return map(items, bounds, timeout, .async(body), into: initial, each)
    }

    @inlinable
    mutating func map<Items: Sequence & Sendable, Output: Sendable, Result: Sendable>(
        _ items: Node<Items>, _ bounds: MapBounds, _ timeout: Duration?, _ body: MapBody<Input, Items.Element, Output>,
        into initial: Result, _ collect: @escaping MapCollector<Output, Result>
    ) -> Node<Result> where Items.Element: Sendable {
        let own = nodes.count
        return add(
            describe(
                bounds.name, inputs: [items.reference], after: [], kind: .map, timeout: timeout, Result.self,
                bounds: [("limit", bounds.limit), ("window", bounds.window)]
            ) { base, offsets, run in
                let members = MapMembers<Input, Items, Output, Result>(
                    own: own, bounds: bounds, input: Self.input(base, offsets),
                    items: Self.output(of: items, base, offsets), body: body, initial: initial, collect: collect)
                let expansion = Expansion(
                    limit: bounds.limit, slots: members.slots, order: bounds.order, members: members.erased())
                unsafeDowncast(run.unsafelyUnwrapped, to: GraphRun.self).begin(expansion, of: own)
            }, Result.self)
    }
}
