/// A graph, or a run of one, as something to look at: in text, DOT, Mermaid and SVG.
///
/// ```swift
/// print(plan.picture.text)
/// print(result.picture.svg)
/// ```
///
/// A picture of a run shows how each node ended, how long it took, and which nodes were on the critical path. Pictures
/// are plain values, and drawing them is a pure function of them.
public struct GraphPicture: Sendable, Equatable {
    /// The graph's name, and what there is to know about all of it.
    public let title: String
    public let nodes: [Node]
    public let edges: [Edge]

    /// A box of a picture.
    public struct Node: Sendable, Equatable {
        public let name: String
        /// What is special about it: its rule, its kind. Empty when nothing is.
        public let detail: String
        /// How it ended, in a picture of a run.
        public let ending: NodeReport.Ending?
        /// Why it did not run or what its error was, and how long it took. Empty when there is nothing to say.
        public let remark: String
        public let isCritical: Bool
    }

    /// An arrow of a picture.
    public struct Edge: Sendable, Equatable {
        /// Indices of nodes.
        public let parent: Int
        public let child: Int
        public let style: Style
        public let isCritical: Bool

        public enum Style: Sendable, Equatable {
            /// Passes a value or an outcome.
            case data
            /// Passes nothing.
            case order
            /// Passes a value or an outcome if its condition holds.
            case conditional
            /// The same, and in this run it did not hold.
            case untaken
        }
    }
}

extension GraphPlan {
    /// The graph, to be drawn.
    ///
    /// - Complexity: O(nodes + edges).
    public var picture: GraphPicture { GraphPicture(core, run: nil) }
}

extension GraphResult {
    /// The run, to be drawn.
    ///
    /// - Complexity: O(nodes + edges).
    public var picture: GraphPicture { GraphPicture(run.plan, run: self) }
}

extension GraphPicture {
    init(_ plan: GraphPlanCore, run result: GraphResult?) {
        let path = result.map { Set($0.criticalIndices) } ?? []
        let undone = Set(result?.undone.filter(\.isUndone).map(\.name) ?? [])
        nodes = plan.nodes.enumerated().map { index, node in
            let report = result.map { NodeReport($0.run, index) }
            return Node(
                name: node.name, detail: node.detail, ending: report?.ending,
                remark: report.map { Self.remark($0, isUndone: undone.contains(node.name)) } ?? "",
                isCritical: path.contains(index))
        }
        edges = plan.nodes.enumerated().flatMap { child, node in
            node.edges.map { edge in
                let isUntaken = result?.run.isUntaken(edge) ?? false
                let style: Edge.Style
                switch edge.carries {
                case _ where edge.place >= 0: style = isUntaken ? .untaken : .conditional
                case .nothing: style = .order
                case .value, .outcome: style = .data
                }
                let isCritical = path.contains(child) && path.contains(Int(edge.parent))
                return Edge(parent: Int(edge.parent), child: child, style: style, isCritical: isCritical)
            }
        }
        var title =
            "\(plan.name): \(nodes.count) \(nodes.count == 1 ? "node" : "nodes"), on failure \(plan.failureMode)"
        if let result { title += ", \(result.status.word)" }
        self.title = title
    }

    private static func remark(_ report: NodeReport, isUndone: Bool) -> String {
        var parts: [String] = []
        if let error = report.error { parts.append("\(error)") }
        if let because = report.because, because != report.name { parts.append("because of \(because)") }
        if let ran = report.ran { parts.append(ran.shortText) }
        if isUndone { parts.append("undone") }
        return parts.joined(separator: ", ")
    }
}

extension PlanNode {
    /// What is special about it, in words.
    fileprivate var detail: String {
        var parts: [String] = []
        if rule != .allSucceeded { parts.append(rule.rawValue) }
        switch kind {
        case .plain, .join: break
        case .ordered: parts.append("ordered")
        case .async: parts.append("async")
        case .map: parts.append("map")
        }
        if undo != nil { parts.append("undo") }
        return parts.joined(separator: ", ")
    }
}

extension GraphResult.Status {
    fileprivate var word: String {
        switch self {
        case .success: return "success"
        case .partial(let failures): return "partial, \(failures.count) failed"
        case .failure: return "failure"
        }
    }
}

extension Duration {
    /// Three digits and a unit.
    var shortText: String {
        let nanoseconds = Double(attoseconds) / 1e9
        for (size, unit) in [(1e9, "s"), (1e6, "ms"), (1e3, "us")] where nanoseconds >= size {
            let value = nanoseconds / size
            let (digits, scale) = value >= 100 ? (0, 1.0) : value >= 10 ? (1, 10.0) : (2, 100.0)
            return "\(decimal((value * scale).rounded(), digits)) \(unit)"
        }
        return "\(Int(nanoseconds)) ns"
    }

    private func decimal(_ scaled: Double, _ digits: Int) -> String {
        let text = String(Int(scaled))
        guard digits > 0 else { return text }
        let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        return "\(padded.dropLast(digits)).\(padded.suffix(digits))"
    }
}
