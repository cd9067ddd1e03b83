/// Many small heaps over one set of numbered slots, each slot in at most one of them.
///
/// Pairing heaps (Fredman, Sedgewick, Sleator and Tarjan, "The pairing heap", Algorithmica 1986), linked through
/// arrays, so that a heap is one number, the slot of its smallest key, and a queue of any number of heaps needs no
/// memory beyond its slots.
///
/// - Complexity: Inserting and looking at the smallest is O(1), removing any slot O(log n) amortised. Memory grows with
///   the largest slot number and is kept.
struct HeapForest<Key: Comparable & Sendable>: Sendable {
    /// The heap that a slot leads, or none.
    typealias Root = SlotLink

    private struct Node {
        var key: Key
        var child = SlotLink.none
        var sibling = SlotLink.none
        /// The sibling before, or the parent of a first child.
        var previous = SlotLink.none
    }

    private var nodes: [Node] = []

    /// - Precondition: `slot` is in a heap of this forest.
    func key(of slot: SlotLink) -> Key { nodes[slot.index].key }

    /// - Precondition: `slot` is in no heap of this forest.
    mutating func insert(_ slot: SlotLink, key: Key, into root: inout Root) {
        while nodes.count <= slot.index { nodes.append(Node(key: key)) }
        nodes[slot.index] = Node(key: key)
        root = merged(root, slot)
    }

    /// - Precondition: `slot` is in the heap of `root`.
    mutating func remove(_ slot: SlotLink, from root: inout Root) {
        let node = nodes[slot.index]
        let orphans = mergedPairs(node.child)
        if slot == root {
            root = orphans
            return
        }
        if nodes[node.previous.index].child == slot {
            nodes[node.previous.index].child = node.sibling
        } else {
            nodes[node.previous.index].sibling = node.sibling
        }
        if node.sibling != .none { nodes[node.sibling.index].previous = node.previous }
        root = merged(root, orphans)
    }

    /// Links two roots; the one with the smaller key leads. Neither has siblings.
    private mutating func merged(_ left: SlotLink, _ right: SlotLink) -> SlotLink {
        if left == .none { return right }
        if right == .none { return left }
        let rightLeads = nodes[right.index].key < nodes[left.index].key
        let (leader, follower) = rightLeads ? (right, left) : (left, right)
        let child = nodes[leader.index].child
        nodes[follower.index].sibling = child
        nodes[follower.index].previous = leader
        if child != .none { nodes[child.index].previous = follower }
        nodes[leader.index].child = follower
        return leader
    }

    /// One heap of a list of siblings: pairs from the left, then their leaders from the right.
    private mutating func mergedPairs(_ first: SlotLink) -> SlotLink {
        var leaders = SlotLink.none
        var next = first
        while next != .none {
            let left = next
            let right = cut(left)
            next = right == .none ? .none : cut(right)
            let leader = merged(left, right)
            nodes[leader.index].sibling = leaders
            leaders = leader
        }
        var result = SlotLink.none
        while leaders != .none {
            let leader = leaders
            leaders = cut(leader)
            result = merged(result, leader)
        }
        return result
    }

    /// Makes `slot` a root without siblings; the sibling after it.
    private mutating func cut(_ slot: SlotLink) -> SlotLink {
        let sibling = nodes[slot.index].sibling
        nodes[slot.index].sibling = .none
        nodes[slot.index].previous = .none
        return sibling
    }
}

/// The number of a slot, or none.
struct SlotLink: Sendable, Hashable, BitwiseCopyable {
    let number: UInt32

    static let none = SlotLink(number: .max)

    init(number: UInt32) { self.number = number }

    init(_ index: Int) { number = UInt32(index) }

    var index: Int { Int(number) }
}
