public import GyreCore

/// The tasks that wait for one dependency, and which of them is next.
///
///     class (strict, 8)  ─▶  tenant (deficit round robin)  ─▶  earliest deadline, then arrival
///
/// The three-rule order of Temporal's task queue fairness (temporalio/documentation pull 4625), with deadlines. Deficit
/// round robin is Shreedhar and Varghese, SIGCOMM 1995.
///
/// F1  **Order.** Nothing of a less urgent class is served while something of a more urgent one waits.
/// F2  **Shares.** While two tenants of a class have work, what they have got, in cost divided by weight, differs by at
///     most one quantum, plus one more where tasks cost less than that.
/// F3  **Starvation bound.** A task gains one class per `ageing` interval that it has waited, so after at most 7 it is
///     in the top class. One interval after it would have come to the top it goes before everything of its tenant that
///     arrived later, whatever the deadlines (unless the newest are served first). SGLang (pull 30806) and TensorRT-LLM (pull 12428) bound the wait of long
///     jobs the same way.
/// F4  **Retries keep their place.** A task that comes again with its first arrival is as old as it was.
/// F5  **Bound.** Never more than `capacity` tasks, and memory for the largest number that there was.
///
/// A plain value: whoever shares it holds a lock for the length of a call.
///
/// - Complexity: Enqueue, dequeue and remove are O(log n) amortised for n waiting tasks; a task changes its class at
///   most 7 times. Tenants cost nothing: only those with waiting tasks are known.
public struct FairQueue<Element: Sendable>: Sendable {
    public let configuration: FairQueueConfiguration
    /// Tasks that wait.
    public private(set) var count = 0

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

    public init(_ configuration: FairQueueConfiguration) {
        self.configuration = configuration
    }

    /// What became of a task that wanted to wait.
    public enum Answer: Sendable {
        /// It waits.
        case queued(FairTicket)
        /// It waits, and this one waits no longer: it was the oldest, or the least urgent.
        case queuedShedding(FairTicket, shed: FairTask<Element>)
        /// As many wait as may. With `shedLowest` nobody who waits is less urgent.
        case full(capacity: Int)
        /// As many of this tenant wait as may.
        case tenantFull(capacity: Int)
    }

    /// Queues a task.
    ///
    /// - Parameter now: Decides, with the task's arrival, how many classes it has gained already.
    public mutating func enqueue(_ task: FairTask<Element>, at now: MonotonicInstant) -> Answer {
        if let most = configuration.tenantCapacity.value, heldByTenant[task.tenant, default: 0] >= UInt32(most) {
            return .tenantFull(capacity: most)
        }
        let place = place(of: task, at: now)
        guard count == configuration.capacity.value else {
            return .queued(insert(task, at: place))
        }
        guard firstToShed != .none else { return .full(capacity: count) }
        if configuration.whenFull.value == .shedLowest {
            let own = shedOrder(of: place, arrival: task.arrival.nanoseconds, sequence: sequence)
            guard sheddable.key(of: firstToShed) < own else { return .full(capacity: count) }
        }
        let shed = take(firstToShed)
        return .queuedShedding(insert(task, at: place), shed: shed)
    }

    /// Takes the task that is next.
    ///
    /// - Parameter newestFirst: Of the tenant whose turn it is takes the task that came last: while overloaded its
    ///   caller is the likeliest still to be there (``CoDel``). Needs ``FairQueueConfiguration/servesNewestFirst``.
    public mutating func dequeue(at now: MonotonicInstant, newestFirst: Bool = false) -> FairTask<Element>? {
        precondition(!newestFirst || configuration.servesNewestFirst.value, "the queue keeps no order of the newest")
        promote(at: now)
        guard let level = classes.firstIndex(where: { $0.turn != .none }) else { return nil }
        let flow = flowOfTurn(in: level, newestFirst: newestFirst)
        return take(newestFirst ? flows[flow].newest : flows[flow].next)
    }

    /// Takes a task out of turn: it was cancelled. `nil` when it does not wait any more.
    public mutating func remove(_ ticket: FairTicket) -> FairTask<Element>? {
        guard slots.indices.contains(ticket.slot.index), slots[ticket.slot.index].generation == ticket.generation,
            slots[ticket.slot.index].task != nil
        else { return nil }
        return take(ticket.slot)
    }

    /// Tasks that wait in a class, as of the last call that was given the time.
    public func count(in priority: PriorityClass) -> Int { classes[Int(priority.level)].count }

    /// What the queue holds memory for: the most that there ever was at once.
    var footprint: (slots: Int, flows: Int, tenants: Int) { (slots.count, flows.footprint, heldByTenant.count) }

    // MARK: - Slots

    /// One waiting task and where it stands.
    struct Slot: Sendable {
        var task: FairTask<Element>?
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

    private func place(of task: FairTask<Element>, at now: MonotonicInstant) -> Place {
        let gained = now.nanoseconds(since: task.arrival) / configuration.ageingNanoseconds
        let level = UInt64(task.priority.level)
        return Place(level: Int(level - min(level, gained)), isOverdue: gained > level)
    }

    private mutating func insert(_ task: FairTask<Element>, at place: Place) -> FairTicket {
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

    private mutating func take(_ link: SlotLink) -> FairTask<Element> {
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
        return task
    }
}

/// A task that waits, as the queue sees it.
public struct FairTask<Element: Sendable>: Sendable {
    public var element: Element
    public var priority: PriorityClass
    /// Whose task it is. Any number that stands for the tenant; 0 when there is only one.
    public var tenant: UInt64
    /// The tenant's share relative to others, at least 1. The latest one counts.
    public var weight: UInt32
    /// When it first came. A retry keeps it.
    public var arrival: MonotonicInstant
    public var deadline: MonotonicInstant
    /// How much of a turn it uses, at least 1; what is above the quantum counts as the quantum.
    public var cost: UInt32

    public init(
        _ element: Element, priority: PriorityClass = .normal, tenant: UInt64 = 0, weight: UInt32 = 1,
        arrival: MonotonicInstant, deadline: MonotonicInstant = .distantFuture, cost: UInt32 = 1
    ) {
        self.element = element
        self.priority = priority
        self.tenant = tenant
        self.weight = weight
        self.arrival = arrival
        self.deadline = deadline
        self.cost = cost
    }
}

/// Names a waiting task until it is taken; later it names nothing, even when its place is used again.
public struct FairTicket: Sendable, Hashable, BitwiseCopyable {
    let slot: SlotLink
    let generation: UInt32
}
