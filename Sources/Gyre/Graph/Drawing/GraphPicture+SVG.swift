extension GraphPicture {
    /// The graph as an SVG image, layers from left to right. It needs no fonts, styles or scripts of others.
    ///
    /// - Complexity: O(nodes + edges), times the logarithm of the longest layer.
    public var svg: String { GraphCanvas(self).svg }
}

/// A picture with a place for each box and each bend.
private struct GraphCanvas {
    private static let boxHeight = 46.0
    private static let gap = 18.0
    private static let bendHeight = 10.0
    private static let layerGap = 64.0
    private static let margin = 24.0
    private static let titleHeight = 34.0
    /// Of a letter, on average, at the sizes below.
    private static let nameLetter = 7.6
    private static let remarkLetter = 5.8
    private static let lettersMax = 44

    private let picture: GraphPicture
    private let layers: GraphLayers
    private var lefts: [Double] = []
    private var widths: [Double] = []
    private var middles: [GraphLayers.Item: Double] = [:]
    private var height = 0.0

    init(_ picture: GraphPicture) {
        self.picture = picture
        layers = GraphLayers(nodes: picture.nodes.count, edges: picture.edges.map { ($0.parent, $0.child) })
        var left = Self.margin
        for layer in 0..<layers.count {
            let width = layers.nodes(of: layer).map { Self.width(of: picture.nodes[$0]) }.max() ?? 0
            lefts.append(left)
            widths.append(width)
            left += width + Self.layerGap
        }
        place()
    }

    private static func width(of node: GraphPicture.Node) -> Double {
        let name = Double(shortened(node.name).count) * nameLetter
        let second = Double(shortened(secondLine(node)).count) * remarkLetter
        return max(72, max(name, second) + 24)
    }

    private static func secondLine(_ node: GraphPicture.Node) -> String {
        let ending = node.ending.map { $0 == .succeeded ? "" : $0.rawValue } ?? ""
        return [node.detail, ending, node.remark].filter { !$0.isEmpty }.joined(separator: ", ").oneLine
    }

    private static func shortened(_ text: String) -> String {
        text.count > lettersMax ? text.prefix(lettersMax - 1) + "…" : text
    }

    // MARK: - Places

    private static func height(of item: GraphLayers.Item) -> Double {
        if case .node = item { return boxHeight }
        return bendHeight
    }

    /// Every layer is centred first; then items move towards their neighbours as far as the order of their layer lets
    /// them, so that long edges become straight.
    private mutating func place() {
        let stacks = layers.layers.map { layer in
            layer.reduce(-Self.gap) { $0 + Self.height(of: $1) + Self.gap }
        }
        let tallest = stacks.max() ?? 0
        for (layer, stack) in zip(layers.layers, stacks) {
            var top = (tallest - stack) / 2
            for item in layer {
                middles[item] = top + Self.height(of: item) / 2
                top += Self.height(of: item) + Self.gap
            }
        }
        let (before, after) = layers.neighbours()
        for sweep in 0..<6 {
            let isDown = sweep % 2 == 0
            for layer in isDown ? Array(layers.layers) : layers.layers.reversed() {
                settle(layer, isDown ? before : after)
            }
        }
        let top = middles.map { $1 - Self.height(of: $0) / 2 }.min() ?? 0
        for item in middles.keys { middles[item, default: 0] += Self.margin + Self.titleHeight - top }
        height = (middles.map { $1 + Self.height(of: $0) / 2 }.max() ?? 0) + Self.margin
    }

    /// Moves the items of a layer to the mean of their neighbours, then apart: half of the push goes each way.
    private mutating func settle(_ layer: [GraphLayers.Item], _ neighbours: [GraphLayers.Item: [GraphLayers.Item]]) {
        var wanted = layer.map { item -> Double in
            let others = neighbours[item] ?? []
            if others.isEmpty { return middles[item] ?? 0 }
            return others.reduce(0) { $0 + (middles[$1] ?? 0) } / Double(others.count)
        }
        guard let last = wanted.indices.last else { return }
        let distance = { (index: Int) in
            (Self.height(of: layer[index - 1]) + Self.height(of: layer[index])) / 2 + Self.gap
        }
        var down = wanted
        for index in stride(from: 1, through: last, by: 1) {
            down[index] = max(down[index], down[index - 1] + distance(index))
        }
        var up = wanted
        for index in stride(from: last, to: 0, by: -1) {
            up[index - 1] = min(up[index - 1], up[index] - distance(index))
        }
        for index in wanted.indices { wanted[index] = (down[index] + up[index]) / 2 }
        for (item, middle) in zip(layer, wanted) { middles[item] = middle }
    }

    // MARK: - Drawing

    var svg: String {
        let width = max(
            (lefts.last ?? 0) + (widths.last ?? 0) + Self.margin,
            Double(picture.title.count) * Self.nameLetter + 2 * Self.margin)
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(tenths(width))\" height=\"\(tenths(height))\" "
                + "viewBox=\"0 0 \(tenths(width)) \(tenths(height))\" font-family=\"sans-serif\" role=\"img\">",
            "<title>\(picture.title.inXML)</title>",
            "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
            "<text x=\"\(tenths(Self.margin))\" y=\"\(tenths(Self.margin + 6))\" font-size=\"14\" fill=\"#111111\">"
                + "\(picture.title.inXML)</text>",
            "<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
                + "orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#555555\"/></marker></defs>",
        ]
        for (edge, path) in zip(picture.edges, layers.paths) { lines.append(line(edge, path)) }
        for index in picture.nodes.indices { lines.append(box(index)) }
        return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private func box(_ index: Int) -> String {
        let node = picture.nodes[index]
        let layer = layers.layerOfNode[index]
        let middle = middles[.node(index)] ?? 0
        let (left, width) = (lefts[layer], widths[layer])
        let second = Self.secondLine(node)
        let text = { (text: String, down: Double, size: Int, colour: String) in
            "<text x=\"\(tenths(left + width / 2))\" y=\"\(tenths(middle + down))\" font-size=\"\(size)\" "
                + "fill=\"\(colour)\" text-anchor=\"middle\">\(Self.shortened(text).inXML)</text>"
        }
        var parts = [
            "<g><title>\([node.name, second].filter { !$0.isEmpty }.joined(separator: ": ").inXML)</title>",
            "<rect x=\"\(tenths(left))\" y=\"\(tenths(middle - Self.boxHeight / 2))\" width=\"\(tenths(width))\" "
                + "height=\"\(tenths(Self.boxHeight))\" rx=\"7\" fill=\"\(node.ending?.fill ?? "#f4f6f8")\" "
                + "stroke=\"#333333\" stroke-width=\"\(node.isCritical ? "2.5" : "1")\"/>",
            text(node.name, second.isEmpty ? 4.5 : -3, 13, "#111111"),
        ]
        if !second.isEmpty { parts.append(text(second, 14, 10, "#333333")) }
        return parts.joined() + "</g>"
    }

    /// From the right side of the parent through the bends to the left side of the child. In a layer it passes
    /// straight, between layers it swings.
    private func line(_ edge: GraphPicture.Edge, _ path: [GraphLayers.Item]) -> String {
        let start = layers.layerOfNode[edge.parent]
        var x = lefts[start] + widths[start]
        var y = middles[path[0]] ?? 0
        var shape = "M\(tenths(x)) \(tenths(y))"
        // Without bends an edge may lead over several layers at once.
        let isBent = path.count > 2
        for (step, item) in path.dropFirst().enumerated() {
            let layer = isBent ? start + step + 1 : layers.layerOfNode[edge.child]
            let to = (x: lefts[layer], y: middles[item] ?? 0)
            let half = (to.x - x) / 2
            shape +=
                "C\(tenths(x + half)) \(tenths(y)) \(tenths(to.x - half)) \(tenths(to.y)) "
                + "\(tenths(to.x)) \(tenths(to.y))"
            (x, y) = to
            if case .bend = item {
                x += widths[layer]
                shape += "H\(tenths(x))"
            }
        }
        let dashes: String
        switch edge.style {
        case .data: dashes = ""
        case .order: dashes = " stroke-dasharray=\"2 3\""
        case .conditional: dashes = " stroke-dasharray=\"7 4\""
        case .untaken: dashes = " stroke-dasharray=\"7 4\" opacity=\"0.45\""
        }
        return
            "<path d=\"\(shape)\" fill=\"none\" stroke=\"#555555\" stroke-width=\"\(edge.isCritical ? "2.5" : "1.2")\""
            + "\(dashes) marker-end=\"url(#a)\"/>"
    }
}

/// One digit behind the point.
private func tenths(_ value: Double) -> String {
    let scaled = Int((value * 10).rounded())
    return scaled % 10 == 0 ? "\(scaled / 10)" : "\(scaled < 0 ? "-" : "")\(abs(scaled) / 10).\(abs(scaled) % 10)"
}

extension String {
    /// As text or an attribute of XML, which has no place at all for most control characters.
    fileprivate var inXML: String {
        var text = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case _ where scalar.value < 32 || (0xFFFE...0xFFFF).contains(scalar.value): text += " "
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
