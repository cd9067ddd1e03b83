/// The tasks of one priority class: whose turn it is, and how old they are.
struct WaitingClass: Sendable {
    var count = 0
    /// The tenant being served; the ring of all goes on from it.
    var turn = SlotLink.none
    /// Whether this turn has added its quantum already.
    var isGranted = false
    /// The heap of those that will gain a class, the first to do so on top.
    var eldest = SlotLink.none
}

/// One tenant's waiting tasks in one class.
struct Flow: Sendable {
    let key: FlowKey
    var weight: UInt32
    /// What is left of the turn, in cost. Lost when the flow ends: who has nothing to do saves nothing up.
    var deficit: UInt64 = 0
    /// The heap in the order of service.
    var next = SlotLink.none
    /// The heap with the last arrival on top.
    var newest = SlotLink.none
    /// The ring of the class.
    var following = SlotLink.none
    var preceding = SlotLink.none
}

struct FlowKey: Hashable, Sendable {
    let level: Int
    let tenant: UInt64
}

/// The flows that have tasks, in a ring per class.
///
/// - Complexity: O(1) for everything, expected. Memory for the largest number of flows that there was.
struct FlowTable: Sendable {
    private var flows: [Flow] = []
    private var free: [SlotLink] = []
    private var index: [FlowKey: SlotLink] = [:]

    /// Flows that there is memory for.
    var footprint: Int { flows.count }

    subscript(link: SlotLink) -> Flow {
        get { flows[link.index] }
        _modify { yield &flows[link.index] }
    }

    /// The flow of `key`; a new one joins its ring behind all others.
    mutating func find(_ key: FlowKey, weight: UInt32, in classes: inout [WaitingClass]) -> SlotLink {
        if let link = index[key] {
            flows[link.index].weight = weight
            return link
        }
        let link = free.popLast() ?? SlotLink(flows.count)
        var flow = Flow(key: key, weight: weight)
        let turn = classes[key.level].turn
        if turn == .none {
            (flow.following, flow.preceding) = (link, link)
            classes[key.level].turn = link
            classes[key.level].isGranted = false
        } else {
            let last = flows[turn.index].preceding
            (flow.following, flow.preceding) = (turn, last)
            flows[last.index].following = link
            flows[turn.index].preceding = link
        }
        if link.index == flows.count { flows.append(flow) } else { flows[link.index] = flow }
        index[key] = link
        return link
    }

    /// Takes a flow without tasks out of its ring.
    mutating func remove(_ link: SlotLink, from classes: inout [WaitingClass]) {
        let flow = flows[link.index]
        index[flow.key] = nil
        free.append(link)
        flows[flow.preceding.index].following = flow.following
        flows[flow.following.index].preceding = flow.preceding
        guard classes[flow.key.level].turn == link else { return }
        classes[flow.key.level].turn = flow.following == link ? .none : flow.following
        classes[flow.key.level].isGranted = false
    }
}
