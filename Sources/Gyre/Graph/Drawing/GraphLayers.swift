/// Nodes in layers, so that every edge leads from one layer to a later one, in an order with few crossings.
///
/// Layers are longest paths from the roots. Edges that skip layers get a bend in each layer between, and layers are
/// ordered by barycentres, some sweeps down and up (Sugiyama, Tagawa and Toda 1981).
struct GraphLayers {
    /// What stands in a layer.
    enum Item: Hashable {
        case node(Int)
        /// Where an edge passes through.
        case bend(edge: Int, layer: Int)
    }

    private(set) var layers: [[Item]]
    let layerOfNode: [Int]
    /// For each edge the items that it leads through, its ends included.
    let paths: [[Item]]

    var count: Int { layers.count }

    /// More bends than these are not made: edges go straight then, and may cross nodes.
    private static let bendsMax = 20_000
    private static let sweeps = 4

    init(nodes: Int, edges: [(parent: Int, child: Int)]) {
        let layerOfNode = Self.longestPaths(nodes, edges)
        let bends = edges.reduce(0) { $0 + layerOfNode[$1.child] - layerOfNode[$1.parent] - 1 }
        var layers = [[Item]](repeating: [], count: (layerOfNode.max() ?? -1) + 1)
        for node in 0..<nodes { layers[layerOfNode[node]].append(.node(node)) }
        paths = edges.enumerated().map { index, edge in
            let between = bends > Self.bendsMax ? 0..<0 : (layerOfNode[edge.parent] + 1)..<layerOfNode[edge.child]
            let middle = between.map { Item.bend(edge: index, layer: $0) }
            for (layer, item) in zip(between, middle) { layers[layer].append(item) }
            return [.node(edge.parent)] + middle + [.node(edge.child)]
        }
        self.layerOfNode = layerOfNode
        self.layers = layers
        order()
    }

    /// The nodes of a layer, without bends.
    func nodes(of layer: Int) -> [Int] {
        layers[layer].compactMap { item in
            if case .node(let node) = item { return node }
            return nil
        }
    }

    private static func longestPaths(_ nodes: Int, _ edges: [(parent: Int, child: Int)]) -> [Int] {
        var children = [[Int]](repeating: [], count: nodes)
        var missing = [Int](repeating: 0, count: nodes)
        for edge in edges {
            children[edge.parent].append(edge.child)
            missing[edge.child] += 1
        }
        var layer = [Int](repeating: 0, count: nodes)
        var ready = (0..<nodes).filter { missing[$0] == 0 }
        while let node = ready.popLast() {
            for child in children[node] {
                layer[child] = max(layer[child], layer[node] + 1)
                missing[child] -= 1
                if missing[child] == 0 { ready.append(child) }
            }
        }
        return layer
    }

    /// Items of neighbouring layers that an edge joins.
    func neighbours() -> (before: [Item: [Item]], after: [Item: [Item]]) {
        var before: [Item: [Item]] = [:]
        var after: [Item: [Item]] = [:]
        for path in paths {
            for (one, two) in zip(path, path.dropFirst()) {
                before[two, default: []].append(one)
                after[one, default: []].append(two)
            }
        }
        return (before, after)
    }

    private mutating func order() {
        let (before, after) = neighbours()
        var places: [Item: Double] = [:]
        func note(_ layer: [Item]) {
            // As a share of the layer, so that layers of different lengths can be compared.
            for (place, item) in layer.enumerated() { places[item] = (Double(place) + 0.5) / Double(layer.count) }
        }
        for layer in layers { note(layer) }
        for sweep in 0..<Self.sweeps {
            let isDown = sweep % 2 == 0
            let order = isDown ? Array(layers.indices) : layers.indices.reversed()
            for layer in order {
                let weights = layers[layer].map { item -> Double in
                    let neighbours = (isDown ? before[item] : after[item]) ?? []
                    if neighbours.isEmpty { return places[item] ?? 0 }
                    return neighbours.reduce(0) { $0 + (places[$1] ?? 0) } / Double(neighbours.count)
                }
                let sorted = layers[layer].indices.sorted { (weights[$0], $0) < (weights[$1], $1) }
                layers[layer] = sorted.map { layers[layer][$0] }
                note(layers[layer])
            }
        }
    }
}
