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
///     arrived later, whatever the deadlines (unless the newest are served first). SGLang (pull 30806) and TensorRT-LLM
///     (pull 12428) bound the wait of long jobs the same way.
/// F4  **Retries keep their place.** A task that comes again with its first arrival is as old as it was.
/// F5  **Bound.** Never more than `capacity` tasks, and memory for the largest number that there was.
///
/// A plain value: whoever shares it holds a lock for the length of a call.
///
/// - Complexity: Enqueue, dequeue and remove are O(log n) amortised for n waiting tasks; a task changes its class at
///   most 7 times. Tenants cost nothing: only those with waiting tasks are known.
public struct FairQueue<Element: Sendable>: Sendable {
    /// Everything but the elements, so that none of it is generic: code of another module that is generic and not
    /// specialised is ten times slower.
    var line: FairLine
    private var elements: [Element?] = []

    public init(_ configuration: FairQueueConfiguration) {
        line = FairLine(configuration)
    }

    public var configuration: FairQueueConfiguration { line.configuration }

    /// Tasks that wait.
    public var count: Int { line.count }

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
        enqueue(task, at: now, aside: .nobody)
    }

    /// The same where others have left the queue and keep their places in it: they count in its bounds.
    package mutating func enqueue(
        _ task: FairTask<Element>, at now: MonotonicInstant, aside: StandingAside
    ) -> Answer {
        switch line.enqueue(task.rank, at: now, aside: aside) {
        case .full(let capacity): return .full(capacity: capacity)
        case .tenantFull(let capacity): return .tenantFull(capacity: capacity)
        case .queued(let ticket, nil):
            put(task.element, in: ticket.slot)
            return .queued(ticket)
        case .queued(let ticket, let shed?):
            let shedTask = taken(shed)
            put(task.element, in: ticket.slot)
            return .queuedShedding(ticket, shed: shedTask)
        }
    }

    /// Whether one more of `tenant` would get a place, and nobody lose his.
    package func hasRoom(tenant: UInt64, aside: StandingAside) -> Bool { line.hasRoom(tenant: tenant, aside: aside) }

    /// Takes the task that is next.
    ///
    /// - Parameter newestFirst: Of the tenant whose turn it is takes the task that came last: while overloaded its
    ///   caller is the likeliest still to be there (``CoDel``). Needs ``FairQueueConfiguration/servesNewestFirst``.
    public mutating func dequeue(at now: MonotonicInstant, newestFirst: Bool = false) -> FairTask<Element>? {
        line.dequeue(at: now, newestFirst: newestFirst).map { taken($0) }
    }

    /// Takes a task out of turn: it was cancelled. `nil` when it does not wait any more.
    public mutating func remove(_ ticket: FairTicket) -> FairTask<Element>? {
        line.remove(ticket).map { taken($0) }
    }

    /// Tasks that wait in a class, as of the last call that was given the time.
    public func count(in priority: PriorityClass) -> Int { line.classes[Int(priority.level)].count }

    private mutating func put(_ element: Element, in slot: SlotLink) {
        if slot.index == elements.count { elements.append(element) } else { elements[slot.index] = element }
    }

    private mutating func taken(_ place: FairLine.Taken) -> FairTask<Element> {
        guard let element = elements[place.slot.index] else { preconditionFailure("an empty slot was taken") }
        elements[place.slot.index] = nil
        return FairTask(element, place.rank)
    }
}

/// How many tasks stand aside of a queue in which they have their places.
package struct StandingAside: Sendable {
    package let count: Int
    /// Those of them that are of the tenant of the task in question.
    package let ofTenant: Int

    package init(count: Int, ofTenant: Int) {
        self.count = count
        self.ofTenant = ofTenant
    }

    package static let nobody = StandingAside(count: 0, ofTenant: 0)
}

/// A task that waits.
public struct FairTask<Element: Sendable>: Sendable {
    public let element: Element
    public let rank: FairRank

    public init(_ element: Element, _ rank: FairRank) {
        self.element = element
        self.rank = rank
    }
}

/// What a waiting task's place depends on.
public struct FairRank: Sendable, Hashable, BitwiseCopyable {
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
        priority: PriorityClass = .normal, tenant: UInt64 = 0, weight: UInt32 = 1, arrival: MonotonicInstant,
        deadline: MonotonicInstant = .distantFuture, cost: UInt32 = 1
    ) {
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
