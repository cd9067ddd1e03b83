// The builder of task graphs. Input: how many nodes, then for each its name and the names that it runs after.

import GyreCore

@testable import Gyre

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var bytes = Bytes(data, count)
    var graph = TaskGraph<Int>("graph")
    var foreign = TaskGraph<Int>("another")
    let stranger = foreign.node("n0") { $0 }
    var made: [Node<Int>] = []
    var edges: [(name: String, parents: Set<String>)] = []
    var usesStranger = false
    var misbounded: Set<String> = []
    let nodes = Int(bytes.byte() % 24)
    for index in 0..<nodes {
        let own = bytes.byte()
        // Mostly a name of its own, at times one that is there already.
        let name = own < 250 ? "n\(index)" : "n\(Int(own) % max(1, index))"
        let after = (0..<(bytes.byte() % 4)).map { _ in "n\(Int(bytes.byte()) % (nodes + (own == 249 ? 1 : 0)))" }
        let kind = bytes.byte() % 16
        if kind < 4, !made.isEmpty {
            let parent = made[Int(bytes.byte()) % made.count]
            made.append(graph.node(name, parent, after: after) { $0 + $1 })
            edges.append((name, Set(after).union([parent.name])))
        } else if kind == 15, own > 200 {
            usesStranger = true
            made.append(graph.node(name, stranger, after: after) { $0 + $1 })
            edges.append((name, Set(after)))
        } else if kind == 14 {
            let limit = Int(bytes.byte() % 8) - 1
            let keys = Int(bytes.byte() % 8) - 1
            let node = graph.node(name, after: after, orderedBy: { $0 }, state: 0, limit: limit, keys: keys) {
                input, state in
                state += input
                return state
            }
            if limit < 1 || keys < 1 { misbounded.insert(name) }
            made.append(node)
            edges.append((name, Set(after)))
        } else {
            made.append(graph.node(name, after: after) { $0 })
            edges.append((name, Set(after)))
        }
    }
    check(graph, edges, usesStranger: usesStranger, misbounded: misbounded)
    return 0
}

private func check(
    _ graph: TaskGraph<Int>, _ edges: [(name: String, parents: Set<String>)], usesStranger: Bool,
    misbounded: Set<String>
) {
    let names = Set(edges.map(\.name))
    let parents = Dictionary(edges.map { ($0.name, $0.parents) }) { first, _ in first }
    do {
        let plan = try graph.build()
        precondition(!edges.isEmpty && names.count == edges.count && !usesStranger && misbounded.isEmpty)
        precondition(parents.values.allSatisfy { $0.isSubset(of: names) })
        precondition(isAcyclic(parents))
        checkPlan(plan.core, parents)
    } catch {
        switch error {
        case .empty: precondition(edges.isEmpty)
        case .duplicateName(let name): precondition(edges.count { $0.name == name } > 1)
        case .unknownName(let name, let node):
            precondition(!names.contains(name) && parents[node]?.contains(name) == true)
        case .foreignNode(let name, _): precondition(usesStranger && name == "n0")
        case .cycle(let path):
            precondition(path.count >= 2 && path.first == path.last)
            for (parent, child) in zip(path, path.dropFirst()) {
                precondition(parents[child]?.contains(parent) == true, "\(path)")
            }
        case .bound(_, let value, let node): precondition(value < 1 && misbounded.contains(node))
        case .tooManyNodes, .alignment, .windowTooLarge, .ruleWithoutParents, .undoWithoutCompensation:
            preconditionFailure("\(error)")
        }
    }
}

/// Takes away nodes without parents until none is left.
private func isAcyclic(_ parents: [String: Set<String>]) -> Bool {
    var left = parents
    while let free = left.first(where: { $0.value.isEmpty })?.key {
        left[free] = nil
        for name in left.keys { left[name]?.remove(free) }
    }
    return left.isEmpty
}

/// Runs the plan's counts as the engine does: each node becomes ready once, when all of its parents have been.
private func checkPlan(_ plan: GraphPlanCore, _ parents: [String: Set<String>]) {
    var arrivals = plan.nodes.map { Int($0.arrivals) - ($0.ordered >= 0 ? 1 : 0) }
    var done: Set<String> = []
    var ready = plan.roots
    for root in plan.roots { arrivals[root] -= 1 }
    while let index = ready.popLast() {
        let node = plan.nodes[index]
        precondition(arrivals[index] == 0 && done.insert(node.name).inserted)
        precondition(parents[node.name]?.isSubset(of: done) == true, "a parent comes after \(node.name)")
        for child in node.children {
            arrivals[child] -= 1
            if arrivals[child] == 0 { ready.append(child) }
        }
    }
    precondition(done.count == plan.nodes.count)
    precondition(Set(plan.nodes.map(\.ordered).filter { $0 >= 0 }).count == plan.lines.count)
    // Places in a run's memory do not overlap, and each is aligned.
    var end = plan.orderedOffset
    for place in 0...plan.nodes.count {
        precondition(Int(plan.offsets[place]) >= end && Int(plan.offsets[place]) % 8 == 0)
        end = Int(plan.offsets[place]) + MemoryLayout<Int>.size
    }
    precondition(end <= plan.bytes)
}
