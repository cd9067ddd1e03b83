extension GraphPicture {
    /// The graph as lines for a terminal: nodes in an order in which they could run, each with the step in which it
    /// could and its parents. A parent that passes nothing is in parentheses, one whose edge has a condition has a
    /// question mark, or an exclamation mark when it was not taken. Nodes on the critical path are starred.
    ///
    /// - Complexity: O(nodes + edges), beside the layers.
    public var text: String {
        let layers = GraphLayers(nodes: nodes.count, edges: edges.map { ($0.parent, $0.child) })
        var parents = [[Edge]](repeating: [], count: nodes.count)
        for edge in edges { parents[edge.child].append(edge) }
        let widths = (
            step: "\(layers.count)".count, name: nodes.map(\.name.count).max() ?? 0,
            detail: nodes.map(\.detail.count).max() ?? 0
        )
        var lines = [title]
        for layer in 0..<layers.count {
            for (place, node) in layers.nodes(of: layer).enumerated() {
                let step = place == 0 ? "\(layer + 1)" : ""
                var columns = [
                    "\(nodes[node].isCritical ? "*" : " ")\(step.padded(to: widths.step, atFront: true))",
                    nodes[node].name.padded(to: widths.name),
                ]
                if widths.detail > 0 { columns.append(nodes[node].detail.padded(to: widths.detail)) }
                if let ending = nodes[node].ending { columns.append(ending.rawValue.padded(to: 14)) }
                if !parents[node].isEmpty {
                    columns.append("<- " + parents[node].map(parentText).joined(separator: ", "))
                }
                if !nodes[node].remark.isEmpty { columns.append("[\(nodes[node].remark.oneLine)]") }
                let line = columns.joined(separator: "  ")
                lines.append(String(line.reversed().drop { $0 == " " }.reversed()))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func parentText(_ edge: Edge) -> String {
        let name = nodes[edge.parent].name
        switch edge.style {
        case .data: return name
        case .order: return "(\(name))"
        case .conditional: return "\(name)?"
        case .untaken: return "\(name)!"
        }
    }
}

extension String {
    /// Filled up with blanks.
    func padded(to width: Int, atFront: Bool = false) -> String {
        let blanks = String(repeating: " ", count: max(0, width - count))
        return atFront ? blanks + self : self + blanks
    }

    /// Without line ends, which would break a drawing's lines.
    var oneLine: String { String(map { $0.isNewline ? " " : $0 }) }
}
