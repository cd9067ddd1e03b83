internal import GyreCore

// Where a waiting task stands: which heaps it is in, whose turn it is, and what time does to that.

extension FairLine {
    /// Puts a slot into the heaps of its place.
    mutating func join(_ link: SlotLink, _ task: FairRank) {
        let slot = slots[link.index]
        let level = slot.place.level
        let flow = flows.find(FlowKey(level: level, tenant: task.tenant), weight: max(1, task.weight), in: &classes)
        slots[link.index].flow = flow
        classes[level].count += 1
        order.insert(link, key: fairOrder(of: slot, task), into: &flows[flow].next)
        if !slot.place.isOverdue { ages.insert(link, key: topInstant(of: task), into: &classes[level].eldest) }
        if configuration.servesNewestFirst.value {
            let key = ReverseOrder(arrival: task.arrival.nanoseconds, sequence: slot.sequence)
            newest.insert(link, key: key, into: &flows[flow].newest)
        }
        if configuration.sheds {
            let key = shedOrder(of: slot.place, arrival: task.arrival.nanoseconds, sequence: slot.sequence)
            sheddable.insert(link, key: key, into: &firstToShed)
        }
    }

    /// Takes a slot out of all heaps.
    mutating func leave(_ link: SlotLink) {
        let slot = slots[link.index]
        classes[slot.place.level].count -= 1
        order.remove(link, from: &flows[slot.flow].next)
        if !slot.place.isOverdue { ages.remove(link, from: &classes[slot.place.level].eldest) }
        if configuration.servesNewestFirst.value { newest.remove(link, from: &flows[slot.flow].newest) }
        if configuration.sheds { sheddable.remove(link, from: &firstToShed) }
        if flows[slot.flow].next == .none { flows.remove(slot.flow, from: &classes) }
    }

    /// Moves every task whose time has come: from class c to c - 1 when only c - 1 intervals are left until it would
    /// come to the top, and from the top to the front of its tenant one interval later. From the bottom up, so that
    /// one that gained several classes goes all the way.
    mutating func promote(at now: MonotonicInstant) {
        let interval = configuration.ageingNanoseconds
        for level in stride(from: PriorityClass.count - 1, through: 0, by: -1) {
            while case let eldest = classes[level].eldest, eldest != .none {
                let top = ages.key(of: eldest)
                let due =
                    level == 0 ? top.addingSaturating(interval) : top - min(top, UInt64(level - 1) * interval)
                guard due <= now.nanoseconds, let task = slots[eldest.index].task else { break }
                leave(eldest)
                slots[eldest.index].place =
                    level == 0 ? Place(level: 0, isOverdue: true) : Place(level: level - 1, isOverdue: false)
                join(eldest, task)
            }
        }
    }

    /// The tenant that is served now, its turn charged for it. At most two steps: after one grant a turn pays for
    /// any task, because no cost is above the quantum.
    mutating func flowOfTurn(in level: Int, newestFirst: Bool) -> SlotLink {
        let quantum = UInt64(configuration.quantum.value)
        while true {
            let flow = classes[level].turn
            if !classes[level].isGranted {
                flows[flow].deficit += quantum * UInt64(flows[flow].weight)
                classes[level].isGranted = true
            }
            let head = newestFirst ? flows[flow].newest : flows[flow].next
            let cost = min(quantum, UInt64(max(1, slots[head.index].task?.cost ?? 1)))
            if cost <= flows[flow].deficit {
                flows[flow].deficit -= cost
                return flow
            }
            classes[level].turn = flows[flow].following
            classes[level].isGranted = false
        }
    }

    /// When the task comes to the top class.
    private func topInstant(of task: FairRank) -> UInt64 {
        task.arrival.nanoseconds.addingSaturating(UInt64(task.priority.level) * configuration.ageingNanoseconds)
    }

    private func fairOrder(of slot: Slot, _ task: FairRank) -> FairOrder {
        let arrival = task.arrival.nanoseconds
        if slot.place.isOverdue { return FairOrder(deadline: 0, cost: 0, arrival: arrival, sequence: slot.sequence) }
        return FairOrder(
            deadline: task.deadline.nanoseconds, cost: configuration.shortestFirst.value ? task.cost : 0,
            arrival: arrival, sequence: slot.sequence)
    }

    func shedOrder(of place: Place, arrival: UInt64, sequence: UInt64) -> ShedOrder {
        configuration.whenFull.value == .shedLowest
            ? ShedOrder(urgency: UInt64(PriorityClass.count - place.level), arrival: ~arrival, sequence: ~sequence)
            : ShedOrder(urgency: 0, arrival: arrival, sequence: sequence)
    }
}

// MARK: - Orders

/// Inside a tenant: the earliest deadline, the lowest cost if that counts, then arrival.
struct FairOrder: Comparable, Sendable {
    let deadline: UInt64
    let cost: UInt32
    let arrival: UInt64
    let sequence: UInt64

    static func < (left: FairOrder, right: FairOrder) -> Bool {
        if left.deadline != right.deadline { return left.deadline < right.deadline }
        if left.cost != right.cost { return left.cost < right.cost }
        if left.arrival != right.arrival { return left.arrival < right.arrival }
        return left.sequence < right.sequence
    }
}

/// The last arrival first.
struct ReverseOrder: Comparable, Sendable {
    let arrival: UInt64
    let sequence: UInt64

    static func < (left: ReverseOrder, right: ReverseOrder) -> Bool {
        (left.arrival, left.sequence) > (right.arrival, right.sequence)
    }
}

/// Who is shed first.
struct ShedOrder: Comparable, Sendable {
    let urgency: UInt64
    let arrival: UInt64
    let sequence: UInt64

    static func < (left: ShedOrder, right: ShedOrder) -> Bool {
        (left.urgency, left.arrival, left.sequence) < (right.urgency, right.arrival, right.sequence)
    }
}
