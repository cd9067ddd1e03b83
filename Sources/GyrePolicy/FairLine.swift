internal import GyreCore

/// Who waits and who is next, by slot: a ``FairQueue`` without its elements.
struct FairLine: Sendable {
    let configuration: FairQueueConfiguration
    /// Tasks that wait.
    private(set) var count = 0

    var slots: [Slot] = []
    private var freeSlots = SlotLink.none
    private var sequence: UInt64 = 0

    var classes = [WaitingClass](repeating: WaitingClass(), count: PriorityClass.count)
    var flows = FlowTable()
    private var heldByTenant: [UInt64: UInt32] = [:]

    var order = HeapForest<FairOrder>()
    /// When a task comes to the top class; tasks that are past that by an interval are in no heap of it.
    var ages = HeapForest<UInt64>()
    var newest = HeapForest<ReverseOrder>()
    var sheddable = HeapForest<ShedOrder>()
    var firstToShed = SlotLink.none

    init(_ configuration: FairQueueConfiguration) {
        self.configuration = configuration
    }

    enum Answer: Sendable {
        case queued(FairTicket, shed: Taken?)
        case full(capacity: Int)
        case tenantFull(capacity: Int)
    }

    /// What left the line: its slot is free again.
    struct Taken: Sendable {
        let slot: SlotLink
        let rank: FairRank
    }

    /// - Parameter aside: Tasks that have a place here and stand elsewhere.
    mutating func enqueue(_ task: FairRank, at now: MonotonicInstant, aside: StandingAside = .nobody) -> Answer {
        if let most = tenantLimit(task.tenant, aside) { return .tenantFull(capacity: most) }
        let place = place(of: task, at: now)
        guard count + aside.count >= configuration.capacity.value else {
            return .queued(insert(task, at: place), shed: nil)
        }
        guard firstToShed != .none else { return .full(capacity: configuration.capacity.value) }
        if configuration.whenFull.value == .shedLowest {
            let own = shedOrder(of: place, arrival: task.arrival.nanoseconds, sequence: sequence)
            guard sheddable.key(of: firstToShed) < own else { return .full(capacity: configuration.capacity.value) }
        }
        let shed = take(firstToShed)
        return .queued(insert(task, at: place), shed: shed)
    }

    func hasRoom(tenant: UInt64, aside: StandingAside) -> Bool {
        tenantLimit(tenant, aside) == nil && count + aside.count < configuration.capacity.value
    }

    /// How many of a tenant may wait, if as many do.
    private func tenantLimit(_ tenant: UInt64, _ aside: StandingAside) -> Int? {
        guard let most = configuration.tenantCapacity.value else { return nil }
        return Int(heldByTenant[tenant, default: 0]) + aside.ofTenant >= most ? most : nil
    }

    mutating func dequeue(at now: MonotonicInstant, newestFirst: Bool = false) -> Taken? {
        precondition(!newestFirst || configuration.servesNewestFirst.value, "the queue keeps no order of the newest")
        promote(at: now)
        guard let level = classes.firstIndex(where: { $0.turn != .none }) else { return nil }
        let flow = flowOfTurn(in: level, newestFirst: newestFirst)
        return take(newestFirst ? flows[flow].newest : flows[flow].next)
    }

    mutating func remove(_ ticket: FairTicket) -> Taken? {
        guard slots.indices.contains(ticket.slot.index), slots[ticket.slot.index].generation == ticket.generation,
            slots[ticket.slot.index].task != nil
        else { return nil }
        return take(ticket.slot)
    }

    /// What the queue holds memory for: the most that there ever was at once.
    var footprint: (slots: Int, flows: Int, tenants: Int) { (slots.count, flows.footprint, heldByTenant.count) }

    // MARK: - Slots

    /// One waiting task and where it stands.
    struct Slot: Sendable {
        var task: FairRank?
        var generation: UInt32 = 0
        var place = Place()
        var flow = SlotLink.none
        /// Counts up per insert: of two tasks with the same arrival the first comes first.
        var sequence: UInt64 = 0
        var nextFree = SlotLink.none
    }

    /// What the time has made of a task's class.
    struct Place: Sendable {
        var level = 0
        var isOverdue = false
    }

    private func place(of task: FairRank, at now: MonotonicInstant) -> Place {
        let gained = now.nanoseconds(since: task.arrival) / configuration.ageingNanoseconds
        let level = UInt64(task.priority.level)
        return Place(level: Int(level - min(level, gained)), isOverdue: gained > level)
    }

    private mutating func insert(_ task: FairRank, at place: Place) -> FairTicket {
        var link = freeSlots
        if link == .none {
            link = SlotLink(slots.count)
            slots.append(Slot())
        } else {
            freeSlots = slots[link.index].nextFree
        }
        slots[link.index].task = task
        slots[link.index].place = place
        slots[link.index].sequence = sequence
        sequence += 1
        count += 1
        if configuration.tenantCapacity.value != nil { heldByTenant[task.tenant, default: 0] += 1 }
        join(link, task)
        return FairTicket(slot: link, generation: slots[link.index].generation)
    }

    private mutating func take(_ link: SlotLink) -> Taken {
        guard let task = slots[link.index].task else { preconditionFailure("slot \(link.number) holds no task") }
        leave(link)
        slots[link.index].task = nil
        slots[link.index].generation &+= 1
        slots[link.index].nextFree = freeSlots
        freeSlots = link
        count -= 1
        if configuration.tenantCapacity.value != nil, let held = heldByTenant[task.tenant] {
            heldByTenant[task.tenant] = held > 1 ? held - 1 : nil
        }
        return Taken(slot: link, rank: task)
    }
}
