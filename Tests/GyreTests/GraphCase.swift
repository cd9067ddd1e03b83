import Gyre
import GyreCore
import GyrePolicy

/// A random graph as a plain value: what it is built from, and what it is interpreted from.
struct GraphCase: Sendable {
    /// What a node does once it runs.
    enum Behaviour: Sendable { case succeeds, fails, throwsCancel }

    /// How a node is added to the graph.
    enum Shape: Sendable { case plain, valued, join, asyncPlain, asyncValued, asyncJoin, ordered, map }

    struct Edge: Sendable {
        let parent: Int
        /// Outcomes whose number divided by 4 leaves this are not let through; `nil` without a condition.
        let refuses: Int?
    }

    struct CaseNode: Sendable {
        let name: String
        let shape: Shape
        let rule: NodeRule
        let edges: [Edge]
        let behaviour: Behaviour
        let undo: Undo
    }

    enum Undo: Sendable { case none, sync, async, failing }

    let seed: UInt64
    let mode: GraphFailureMode
    let isCancelled: Bool
    let nodes: [CaseNode]

    init(seed: UInt64) {
        self.seed = seed
        var random = SeededRandom(seed: seed)
        mode = GraphFailureMode.allCases[Int(seed % 4)]
        isCancelled = seed % 16 >= 13
        var nodes: [CaseNode] = []
        for index in 0..<random.number(1...12) {
            nodes.append(Self.node(index, mode, &random))
        }
        self.nodes = nodes
    }

    private static func node(_ index: Int, _ mode: GraphFailureMode, _ random: inout SeededRandom) -> CaseNode {
        let shapes: [Shape] =
            index == 0
            ? [.plain, .asyncPlain, .ordered]
            : [.plain, .valued, .valued, .join, .join, .asyncPlain, .asyncValued, .asyncJoin, .ordered, .map]
        let shape = random.choice(shapes)
        var parents: [Int] = []
        for _ in 0..<random.number(shape.needsParents ? 1...3 : 0...3) where index > 0 {
            let parent = random.number(0...(index - 1))
            if !parents.contains(parent) { parents.append(parent) }
        }
        if shape == .map { parents = Array(parents.prefix(1)) }
        let edges = parents.map { parent in
            Edge(
                parent: parent,
                refuses: shape.mayBeConditional && random.number(0...3) == 0 ? random.number(0...3) : nil)
        }
        let asksParents = !parents.isEmpty
        let rule: NodeRule = shape.hasRule && asksParents ? random.choice(NodeRule.allCases) : .allSucceeded
        let behaviours: [Behaviour] = [.succeeds, .succeeds, .succeeds, .succeeds, .succeeds, .fails, .throwsCancel]
        let undos: [Undo] = mode == .compensate ? [.none, .sync, .async, .failing] : [.none]
        return CaseNode(
            name: "n\(index)", shape: shape, rule: rule, edges: edges, behaviour: random.choice(behaviours),
            undo: random.choice(undos))
    }

    /// What a node makes of the numbers that it is given.
    static func mix(_ index: Int, _ numbers: [Int]) -> Int {
        numbers.reduce(index + 1) { ($0 &* 31 &+ $1) & 0xFFFF }
    }

    static func lets(_ number: Int, through edge: Edge) -> Bool { edge.refuses.map { number % 4 != $0 } ?? true }
}

extension GraphCase.Shape {
    var needsParents: Bool { [.valued, .join, .asyncValued, .asyncJoin, .map].contains(self) }
    var hasRule: Bool { [.plain, .join, .asyncPlain, .asyncJoin].contains(self) }
    var takesOutcomes: Bool { self == .join || self == .asyncJoin }
    var takesValues: Bool { [.valued, .asyncValued, .map].contains(self) }
    var mayBeConditional: Bool { takesOutcomes || takesValues }
}

extension SeededRandom {
    mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.count))
    }

    mutating func choice<Value>(_ values: [Value]) -> Value { values[number(0...(values.count - 1))] }
}

// MARK: - As a graph

extension GraphCase {
    func build(_ lives: Tally) throws -> BuiltCase {
        var graph = TaskGraph<GraphProbe>("case \(seed)", onFailure: mode)
        var made: [Node<CountedValue>] = []
        for (index, node) in nodes.enumerated() {
            let added = add(index, node, made, to: &graph, lives)
            addUndo(index, node, added, to: &graph)
            made.append(added)
        }
        return BuiltCase(plan: try graph.build(), nodes: made)
    }

    private func add(
        _ index: Int, _ node: CaseNode, _ made: [Node<CountedValue>], to graph: inout TaskGraph<GraphProbe>,
        _ lives: Tally
    ) -> Node<CountedValue> {
        let names = node.edges.map { nodes[$0.parent].name }
        let parents = node.edges.map { edge in
            edge.refuses == nil
                ? made[edge.parent]
                : made[edge.parent].when { Self.lets(CaseOutcome($0).number, through: edge) }
        }
        let body: @Sendable (GraphProbe, [Int]) throws -> CountedValue = { probe, numbers in
            probe.bodies.mark(index)
            switch node.behaviour {
            case .succeeds: return CountedValue(number: Self.mix(index, numbers), life: Life(lives))
            case .fails: throw Failure(number: index)
            case .throwsCancel: throw CancellationError()
            }
        }
        switch node.shape {
        case .plain: return graph.node(node.name, after: names, rule: node.rule) { try body($0, []) }
        case .asyncPlain:
            return graph.node(node.name, after: names, rule: node.rule) { input async throws in
                if index % 2 == 0 { await Task.yield() }
                return try body(input, [])
            }
        case .ordered:
            return graph.node(node.name, after: names, orderedBy: { _ in index % 3 }, state: 0) { input, _ in
                try body(input, [])
            }
        case .valued where parents.count == 1: return graph.node(node.name, parents[0]) { try body($0, [$1.number]) }
        case .valued where parents.count == 2:
            return graph.node(node.name, parents[0], parents[1]) { try body($0, [$1.number, $2.number]) }
        case .valued:
            return graph.node(node.name, parents[0], parents[1], parents[2]) {
                try body($0, [$1.number, $2.number, $3.number])
            }
        case .asyncValued where parents.count == 1:
            return graph.node(node.name, parents[0]) { input, one async throws in
                await Task.yield()
                return try body(input, [one.number])
            }
        case .asyncValued where parents.count == 2:
            return graph.node(node.name, parents[0], parents[1]) { input, one, two async throws in
                try body(input, [one.number, two.number])
            }
        case .asyncValued:
            return graph.node(node.name, parents[0], parents[1], parents[2]) { input, one, two, three async throws in
                try body(input, [one.number, two.number, three.number])
            }
        case .join:
            return graph.join(node.name, all: parents, rule: node.rule) { input, outcomes in
                try body(input, outcomes.map { CaseOutcome($0).number })
            }
        case .asyncJoin where parents.count == 1:
            return graph.join(node.name, parents[0], rule: node.rule) { input, one async throws in
                await Task.yield()
                return try body(input, [CaseOutcome(one).number])
            }
        case .asyncJoin where parents.count == 2:
            return graph.join(node.name, parents[0], parents[1], rule: node.rule) { input, one, two async throws in
                try body(input, [CaseOutcome(one).number, CaseOutcome(two).number])
            }
        case .asyncJoin:
            return graph.join(node.name, parents[0], parents[1], parents[2], rule: node.rule) {
                input, one, two, three async throws in
                try body(input, [CaseOutcome(one).number, CaseOutcome(two).number, CaseOutcome(three).number])
            }
        case .map: return addMap(index, node, parents[0], to: &graph, body)
        }
    }

    /// Its members ask nothing; the collector does what the body of another node would do.
    private func addMap(
        _ index: Int, _ node: CaseNode, _ parent: Node<CountedValue>, to graph: inout TaskGraph<GraphProbe>,
        _ body: @escaping @Sendable (GraphProbe, [Int]) throws -> CountedValue
    ) -> Node<CountedValue> {
        let items = graph.node("\(node.name) items", parent) { _, value in
            (0...(value.number % 7)).map { $0 == 0 ? value.number : $0 }
        }
        let window = index % 3 + 1
        let first: Node<Int>
        if index % 2 == 0 {
            first = graph.map("\(node.name) map", over: items, limit: 7, window: window, into: 0) { _, item in
                if item == 3 { throw Failure(number: item) }
                return item
            } each: { result, number, outcome in
                if number == 0 { result = outcome.value ?? 3 }
            }
        } else {
            first = graph.map("\(node.name) map", over: items, limit: 7, window: window, order: .completion, into: 0) {
                _, item async throws in
                await Task.yield()
                return item
            } each: { result, number, outcome in
                if number == 0 { result = outcome.value ?? 0 }
            }
        }
        return graph.node(node.name, first) { try body($0, [$1]) }
    }

    private static let twiceAtOnce: RetryPolicy? = try? RetryPolicy(
        attemptsMax: 2, backoff: Backoff(base: .zero, jitter: Backoff.Jitter.none))

    private func addUndo(
        _ index: Int, _ node: CaseNode, _ added: Node<CountedValue>, to graph: inout TaskGraph<GraphProbe>
    ) {
        switch node.undo {
        case .none: break
        case .sync: graph.undo(added) { probe, _ in probe.undos.mark(index) }
        case .async:
            graph.undo(added) { probe, _ async in
                await Task.yield()
                probe.undos.mark(index)
            }
        case .failing:
            graph.undo(added, retry: Self.twiceAtOnce) { probe, _ in
                probe.undos.mark(index)
                throw Failure(number: index)
            }
        }
    }
}
