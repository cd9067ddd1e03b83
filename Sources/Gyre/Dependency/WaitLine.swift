import GyreCore
import GyrePolicy

/// A fair queue of those who are suspended, whatever for, and where each of them stands.
struct WaitLine<Waiter: AnyObject & Sendable>: Sendable {
    private var queue: FairQueue<Waiter>
    /// Where each waiter stands: places change when the policies do.
    private var tickets: [ObjectIdentifier: FairTicket] = [:]

    init(_ queue: FairQueue<Waiter>) { self.queue = queue }

    var count: Int { queue.count }
    var isEmpty: Bool { queue.count == 0 }

    var configuration: FairQueueConfiguration { queue.configuration }

    /// A waiter joins. Returns who was sent away for it, which may be itself.
    mutating func join(
        _ waiter: Waiter, _ rank: FairRank, at now: MonotonicInstant, aside: StandingAside = .nobody
    ) -> Waiter? {
        switch queue.enqueue(FairTask(waiter, rank), at: now, aside: aside) {
        case .queued(let ticket):
            tickets[ObjectIdentifier(waiter)] = ticket
            return nil
        case .queuedShedding(let ticket, let shed):
            tickets[ObjectIdentifier(waiter)] = ticket
            tickets[ObjectIdentifier(shed.element)] = nil
            return shed.element
        case .full, .tenantFull: return waiter
        }
    }

    func hasRoom(tenant: UInt64, aside: StandingAside) -> Bool { queue.hasRoom(tenant: tenant, aside: aside) }

    /// A waiter leaves. False when it had left, or was taken.
    mutating func leave(_ waiter: Waiter) -> Bool {
        guard let ticket = tickets.removeValue(forKey: ObjectIdentifier(waiter)) else { return false }
        return queue.remove(ticket) != nil
    }

    mutating func next(at now: MonotonicInstant, newestFirst: Bool) -> Waiter? {
        guard let task = queue.dequeue(at: now, newestFirst: newestFirst) else { return nil }
        tickets[ObjectIdentifier(task.element)] = nil
        return task.element
    }

    /// The same waiters in another queue. Returns those for whom there is no room any more.
    ///
    /// - Parameter aside: Who stands aside and has a place, for a waiter of this tenant.
    mutating func rebuild(
        _ other: FairQueue<Waiter>, at now: MonotonicInstant,
        aside: (_ tenant: UInt64) -> StandingAside = { _ in .nobody }
    ) -> [Waiter] {
        var old = queue
        queue = other
        tickets = [:]
        var unplaced: [Waiter] = []
        while let task = old.dequeue(at: now) {
            if let sent = join(task.element, task.rank, at: now, aside: aside(task.rank.tenant)) {
                unplaced.append(sent)
            }
        }
        return unplaced
    }
}
