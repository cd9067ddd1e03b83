import Gyre

/// The graph of a stress round: a node of its own line, two that need it, and one that needs both.
///
///     first ──▶ left ───▶ last
///       └─────▶ right ─────┘
struct StressGraph: Sendable {
    /// A node that fails because its run was meant to.
    struct Meant: Error {}

    /// The entries of a run's nodes, in the order of the nodes.
    struct Input: Sendable {
        let entries: [StressEntry]
        /// The node that fails, if one does.
        let failing: Int?
        /// Which line its first node is in.
        let key: UInt64

        func begin(_ node: Int) throws {
            entries[node].start()
            if failing == node { throw Meant() }
        }
    }

    static let nodeCount = 4

    let plan: GraphPlan<Input>
    private let nodes: [Node<UInt64>]

    init() throws(GraphError) {
        var graph = TaskGraph<Input>("stress")
        let first = graph.node("first", orderedBy: \.key, state: UInt64(0)) { input, state in
            try input.begin(0)
            state += 1
            return input.key
        }
        let left = graph.node("left", first) { input, key in
            try input.begin(1)
            return key &+ 1
        }
        let right = graph.node("right", first) { input, key in
            try input.begin(2)
            return key &+ 2
        }
        let last = graph.node("last", left, right) { input, left, right in
            try input.begin(3)
            return left &+ right
        }
        nodes = [first, left, right, last]
        plan = try graph.build()
    }

    /// Writes the ends of a run.
    func end(_ input: Input, _ result: GraphResult) {
        let values = [input.key, input.key &+ 1, input.key &+ 2, 2 &* input.key &+ 3]
        for (index, entry) in input.entries.enumerated() {
            let end = StressEnd(result[nodes[index]], expected: values[index])
            // A node that failed was meant to, and one that was meant to fail did not succeed.
            let isMeant = input.failing == index
            switch end {
            case .failed where !isMeant, .succeeded where isMeant: entry.end(.wrong("\(end) against its body"))
            default: entry.end(end)
            }
        }
    }
}

extension StressEnd {
    /// The end that an outcome tells.
    init(_ outcome: Outcome<UInt64>, expected: UInt64) {
        self =
            switch outcome {
            case .succeeded(let value): value == expected ? .succeeded : .wrong("the value of another task")
            case .failed(let error): error is StressGraph.Meant ? .failed : .wrong("failed with \(error)")
            case .timedOut: .timedOut
            case .cancelled(let reason): .cancelled(reason)
            case .skipped, .upstreamFailed: .skipped
            }
    }
}
