import GyreCore
import GyrePolicy

/// What became of an attempt that waited for its turn.
enum TurnAnswer: Sendable {
    /// It is its turn, and the rate limit has granted its cost in this state; `nil` when there is no rate limit.
    case granted(RateLimitState?)
    /// Another one was preferred, or it fits no more.
    case rejected(by: PolicyKind)
    /// It was its turn, and it could not have ended in time.
    case late
    /// Nothing will tell when its turn has come.
    case ended(SubmitError)
}

/// An attempt that waits for its turn.
final class TurnWaiter: Sendable {
    let wait: TimedWait<TurnAnswer>
    let cost: UInt64
    let rank: FairRank

    init(timers: TimerService, cost: UInt64, rank: FairRank) {
        wait = TimedWait(timers: timers)
        self.cost = cost
        self.rank = rank
    }
}

/// Those who wait for their turn, under a lock.
///
///     join ──▶ line ──next──▶ first ──room──▶ granted
///       │       │  ▲
///       └───────┴──┴──▶ held, while the tenant is paused
///
/// L1  All three together are no more than the fair queue may hold, of all and of a tenant.
/// L2  Nobody goes before the first, or what is dear would never go; unless its tenant is paused.
/// L3  While anybody waits there is an alarm, and it retains the dependency.
struct TurnLine: Sendable {
    struct Alarm: Sendable {
        let due: MonotonicInstant
        let token: TimerToken
        /// Retained by the timer: by who cancels it then.
        let dependency: Unmanaged<Dependency>
    }

    private(set) var line: WaitLine<TurnWaiter>
    /// Taken from the line, and the room is not enough for it yet.
    private(set) var first: TurnWaiter?
    /// Whose tenant is paused, by tenant.
    private var held: [UInt64: WaitLine<TurnWaiter>] = [:]
    private var heldCount = 0

    /// Until when nobody's turn comes: by the dependency's own word, and by the runtime's.
    var pausedUntil = MonotonicInstant.distantPast
    var scopePausedUntil = MonotonicInstant.distantPast
    /// The same of one tenant's attempts.
    private(set) var tenantsPaused: [UInt64: MonotonicInstant] = [:]
    /// When the line is looked at again.
    var alarm: Alarm?

    init(_ plan: DependencyPlan) { line = WaitLine(plan.makeTurnQueue()) }

    var isEmpty: Bool { count == 0 }
    var count: Int { line.count + heldCount + (first == nil ? 0 : 1) }
    /// Whether anybody waits who is not held for its tenant.
    var hasReady: Bool { first != nil || !line.isEmpty }

    // MARK: - Pauses

    /// Until when nobody's turn comes; a past instant when there is no pause.
    var pauseEnd: MonotonicInstant { max(pausedUntil, scopePausedUntil) }

    /// Until when an attempt of `tenant` waits, whatever else it waits for.
    func pauseEnd(tenant: UInt64) -> MonotonicInstant { max(pauseEnd, tenantsPaused[tenant] ?? .distantPast) }

    func isPaused(at now: MonotonicInstant) -> Bool {
        pauseEnd > now || tenantsPaused.values.contains { $0 > now }
    }

    /// When the first of those who are held may go on.
    var heldUntil: MonotonicInstant {
        held.keys.map { tenantsPaused[$0] ?? .distantPast }.min() ?? .distantFuture
    }

    mutating func pause(tenant: UInt64, until instant: MonotonicInstant, at now: MonotonicInstant) {
        tenantsPaused = tenantsPaused.filter { $0.value > now }
        tenantsPaused[tenant] = instant > now ? instant : nil
    }

    /// Whose tenant's pause is over stands in the line again.
    mutating func release(at now: MonotonicInstant) {
        for tenant in held.keys.sorted() where (tenantsPaused[tenant] ?? .distantPast) <= now {
            for waiter in removeHeld(tenant, at: now) {
                let sent = join(waiter, at: now)
                precondition(sent == nil, "who was held has kept its place")
            }
        }
    }

    // MARK: - Coming and going

    /// Puts a waiter in the line. Returns who was sent away for it, which may be itself.
    mutating func join(_ waiter: TurnWaiter, at now: MonotonicInstant) -> TurnWaiter? {
        let aside = aside(tenant: waiter.rank.tenant)
        guard isPaused(tenant: waiter.rank.tenant, at: now) else {
            return line.join(waiter, waiter.rank, at: now, aside: aside)
        }
        guard line.hasRoom(tenant: waiter.rank.tenant, aside: aside) else { return waiter }
        hold(waiter, at: now)
        return nil
    }

    /// Who is next, of those whose tenant is not paused.
    mutating func next(at now: MonotonicInstant) -> TurnWaiter? {
        while let waiter = first.take() ?? line.next(at: now, newestFirst: false) {
            guard isPaused(tenant: waiter.rank.tenant, at: now) else { return waiter }
            hold(waiter, at: now)
        }
        return nil
    }

    /// There is no room for `waiter` yet, who was next.
    mutating func callUp(_ waiter: TurnWaiter) { first = waiter }

    /// Anybody, to be told that it is over.
    mutating func removeAll(at now: MonotonicInstant) -> [TurnWaiter] {
        var all: [TurnWaiter] = []
        while let waiter = next(at: now) { all.append(waiter) }
        for tenant in held.keys.sorted() { all += removeHeld(tenant, at: now) }
        return all
    }

    /// False when it had left, or was taken.
    mutating func leave(_ waiter: TurnWaiter) -> Bool {
        if first === waiter {
            first = nil
            return true
        }
        let tenant = waiter.rank.tenant
        guard held[tenant]?.leave(waiter) == true else { return line.leave(waiter) }
        heldCount -= 1
        if held[tenant]?.isEmpty == true { held[tenant] = nil }
        return true
    }

    /// The same waiters under other policies. Returns those for whom there is no room any more.
    mutating func rebuild(_ plan: DependencyPlan, at now: MonotonicInstant) -> [TurnWaiter] {
        let held = self.held.keys.sorted().flatMap { removeHeld($0, at: now) }
        var unplaced = line.rebuild(plan.makeTurnQueue(), at: now) { [first] tenant in
            StandingAside(count: first == nil ? 0 : 1, ofTenant: first?.rank.tenant == tenant ? 1 : 0)
        }
        for waiter in held { if let sent = join(waiter, at: now) { unplaced.append(sent) } }
        return unplaced
    }

    private func isPaused(tenant: UInt64, at now: MonotonicInstant) -> Bool {
        guard let end = tenantsPaused[tenant] else { return false }
        return end > now
    }

    private mutating func hold(_ waiter: TurnWaiter, at now: MonotonicInstant) {
        let sent = held[waiter.rank.tenant, default: WaitLine(FairQueue(line.configuration))]
            .join(waiter, waiter.rank, at: now)
        precondition(sent == nil, "no more are held than the line may hold")
        heldCount += 1
    }

    private mutating func removeHeld(_ tenant: UInt64, at now: MonotonicInstant) -> [TurnWaiter] {
        var own: [TurnWaiter] = []
        while let waiter = held[tenant]?.next(at: now, newestFirst: false) { own.append(waiter) }
        held[tenant] = nil
        heldCount -= own.count
        return own
    }

    private func aside(tenant: UInt64) -> StandingAside {
        guard first != nil || heldCount > 0 else { return .nobody }
        return StandingAside(
            count: heldCount + (first == nil ? 0 : 1),
            ofTenant: (held[tenant]?.count ?? 0) + (first?.rank.tenant == tenant ? 1 : 0))
    }
}
