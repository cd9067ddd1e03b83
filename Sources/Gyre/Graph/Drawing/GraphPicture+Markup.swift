/// Pictures as text for other programs, which lay them out.
extension GraphPicture {
    /// The graph in DOT, the language of Graphviz.
    public var dot: String {
        var lines = [
            "digraph \(title.inDOT) {", "  label=\(title.inDOT); labelloc=t; rankdir=LR;",
            "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", fontname=\"Helvetica\"];",
        ]
        for (index, node) in nodes.enumerated() {
            let text = [node.name, node.detail, node.ending?.rawValue ?? "", node.remark].filter { !$0.isEmpty }
            var attributes = "label=\(text.joined(separator: "\n").inDOT)"
            if let ending = node.ending { attributes += ", fillcolor=\"\(ending.fill)\"" }
            if node.isCritical { attributes += ", penwidth=2.5" }
            lines.append("  n\(index) [\(attributes)];")
        }
        for edge in edges {
            var attributes: [String] = []
            switch edge.style {
            case .data: break
            case .order: attributes.append("style=dotted")
            case .conditional: attributes.append("style=dashed, label=\"when\"")
            case .untaken: attributes.append("style=dashed, label=\"not taken\", color=\"#9a9a9a\"")
            }
            if edge.isCritical { attributes.append("penwidth=2.5") }
            let tail = attributes.isEmpty ? "" : " [\(attributes.joined(separator: ", "))]"
            lines.append("  n\(edge.parent) -> n\(edge.child)\(tail);")
        }
        return (lines + ["}"]).joined(separator: "\n") + "\n"
    }

    /// The graph in Mermaid, which many pages that show Markdown draw.
    public var mermaid: String {
        var lines = ["---", "title: \(title.inYAML)", "---", "flowchart LR"]
        for (index, node) in nodes.enumerated() {
            let text = [node.name, node.detail, node.ending?.rawValue ?? "", node.remark].filter { !$0.isEmpty }
            lines.append("  n\(index)[\"\(text.map(\.inMermaid).joined(separator: "<br/>"))\"]")
        }
        for edge in edges {
            let arrow: String
            switch edge.style {
            case .data: arrow = edge.isCritical ? "==>" : "-->"
            case .order: arrow = "-.->"
            case .conditional: arrow = "-- when -->"
            case .untaken: arrow = "-. not taken .->"
            }
            lines.append("  n\(edge.parent) \(arrow) n\(edge.child)")
        }
        for ending in NodeReport.Ending.allCases {
            let indices = nodes.indices.filter { nodes[$0].ending == ending }
            if indices.isEmpty { continue }
            lines.append("  classDef \(ending) fill:\(ending.fill),stroke:#333333,color:#111111")
            lines.append("  class \(indices.map { "n\($0)" }.joined(separator: ",")) \(ending)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension NodeReport.Ending {
    /// Light enough for dark text on it, and told apart by those who see no red or no green as well.
    var fill: String {
        switch self {
        case .succeeded: return "#cfe8d5"
        case .failed: return "#f4b6b0"
        case .timedOut: return "#f7d19b"
        case .skipped: return "#e6e6e6"
        case .upstreamFailed: return "#fbe3e0"
        case .cancelled: return "#cfd8ea"
        }
    }
}

extension String {
    /// As a quoted string of DOT.
    fileprivate var inDOT: String {
        var text = "\""
        for character in self {
            switch character {
            case "\"", "\\": text += "\\\(character)"
            case _ where character.isNewline: text += "\\n"
            default: text.append(character)
            }
        }
        return text + "\""
    }

    /// As text of a label of Mermaid, which has its own names for characters.
    fileprivate var inMermaid: String {
        var text = ""
        for character in self {
            switch character {
            case "#": text += "#35;"
            case "\"": text += "#quot;"
            case "<": text += "#lt;"
            case ">": text += "#gt;"
            case "&": text += "#amp;"
            case "`", "\\": text += "#\(character.asciiValue ?? 0);"
            case _ where character.isNewline: text += " "
            default: text.append(character)
            }
        }
        return text
    }

    /// As a quoted string of YAML.
    fileprivate var inYAML: String {
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case _ where scalar.value < 32 || scalar.value == 127: text += " "
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
