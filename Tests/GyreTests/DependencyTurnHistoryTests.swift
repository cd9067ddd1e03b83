import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// The line in which attempts wait for the rate limit, under manual time, one history a seed: attempts of several
/// tenants, classes and costs come, leave, and are late; the dependency, or a tenant, is paused and resumed; the
/// service says to stop; the line gets another length; the runtime is drained while some wait.
///
/// After each step of time: the word of the rate limit is exactly what those that have started make of it, so that no
/// unit is lost or granted twice; no window has more than the quota; nobody waits for whom there is room; no more wait
/// than may; who has started was next, of all that go on waiting; nobody is overtaken for longer than the starvation
/// bound allows. At the end everybody has ended, for a reason that was there.
@Suite struct DependencyTurnHistoryTests {
    @Test func everyTurnIsTakenOnceAndInOrder() throws {
        let waited = Tally()
        try forSeeds { random in
            var history = try TurnHistory(&random)
            if let fault = try history.run() { throw Counterexample(fault) }
            waited.add(history.waitedCount)
        }
        #expect(waited.count > 0)
    }
}

/// One attempt, and what is known about it.
private struct TurnCaller {
    let tenant: UInt64
    let priority: PriorityClass
    let cost: UInt64
    /// Another one for each, so that it says who it is.
    let deadline: MonotonicInstant
    let arrival: MonotonicInstant
    let task: ManualTask<Void>
    var wasCancelled = false
    /// What other tenants got since it was overdue and the eldest of its own.
    var passedBy: [UInt64: UInt64] = [:]

    func level(_ ageing: Duration, at now: MonotonicInstant) -> UInt64 {
        UInt64(priority.level) - min(UInt64(priority.level), intervals(ageing, at: now))
    }

    /// In the top class for an interval: nobody of its tenant who came later goes before it.
    func isOverdue(_ ageing: Duration, at now: MonotonicInstant) -> Bool {
        intervals(ageing, at: now) > UInt64(priority.level)
    }

    private func intervals(_ ageing: Duration, at now: MonotonicInstant) -> UInt64 {
        now.nanoseconds(since: arrival) / ageing.wholeNanoseconds
    }
}

/// What attempts say of themselves.
private final class TurnFacts: Sendable {
    struct Event: Sendable {
        let number: Int
        let instant: MonotonicInstant
    }

    let starts = Lock<[Event]>([])
    let failures = Lock<[Int: MonotonicInstant]>([:])
}

/// The line as it stands.
private struct TurnView {
    let instant: MonotonicInstant
    /// In the order in which they would go.
    var order: [Int] = []
    /// Called up, and there was no room for it yet.
    var first: Int?
    /// Whose tenant is paused.
    var held: [Int] = []
    var alarm: MonotonicInstant?
    var pausedUntil = MonotonicInstant.distantPast
    var heldUntil = MonotonicInstant.distantFuture
}

/// One history.
private struct TurnHistory {
    private static let queueTimeout = Duration.milliseconds(150)

    private var random: SeededRandom
    private let manual: ManualRuntime
    private let stock: Dependency
    private let rateLimit: RateLimit
    private let burst: UInt64
    private let hasQueueTimeout: Bool
    private var queue: FairQueueConfiguration
    private let weights: [UInt32]
    private let ageing: Duration
    private let facts = TurnFacts()
    private var callers: [TurnCaller] = []
    private var numbers: [MonotonicInstant: Int] = [:]
    /// How many of the starts are accounted for.
    private var seen = 0
    /// What they make of the rate limit.
    private var expected = RateLimitState()
    private var before: TurnView
    private(set) var waitedCount = 0

    init(_ random: inout SeededRandom) throws {
        manual = try ManualRuntime(seed: random.next(), .ofHistories)
        burst = UInt64.random(in: 1...5, using: &random)
        rateLimit = try RateLimit(UInt64.random(in: 20...400, using: &random), per: .seconds(1), burst: burst)
        weights = (0..<3).map { _ in UInt32.random(in: 1...3, using: &random) }
        ageing = .milliseconds(Int.random(in: 2...60, using: &random))
        queue = try Self.queue(ageing, &random)
        hasQueueTimeout = Bool.random(using: &random)
        stock = try Dependency(
            "stock", on: manual.runtime,
            .init(
                timeouts: hasQueueTimeout ? Timeouts(queue: Self.queueTimeout) : nil, fairQueue: queue,
                rateLimit: rateLimit), seed: random.next())
        before = TurnView(instant: manual.now)
        self.random = random
    }

    private static func queue(_ ageing: Duration, _ random: inout SeededRandom) throws -> FairQueueConfiguration {
        let capacity = Int.random(in: 1...8, using: &random)
        return try FairQueueConfiguration(
            capacity: capacity, tenantCapacity: Int.random(in: 0..<3, using: &random) == 0 ? max(1, capacity / 2) : nil,
            whenFull: [.fail, .shedOldest, .shedLowest].randomElement(using: &random), ageing: ageing,
            quantum: UInt32.random(in: 1...3, using: &random))
    }

    mutating func run() throws -> String? {
        for _ in 0..<Int.random(in: 6...24, using: &random) {
            if let fault = try act() { return fault }
            // Else the next one comes at the same instant, and nothing has run.
            guard Int.random(in: 0..<3, using: &random) > 0 else { continue }
            let duration = Bool.random(using: &random) ? 0 : Int.random(in: 0...30_000, using: &random)
            if let fault = advance(by: .microseconds(duration)) { return fault }
        }
        let isCutShort = Int.random(in: 0..<3, using: &random) == 0
        if !isCutShort {
            stock.resume()
            manual.runtime.resume(.dependency("stock"))
            for tenant in weights.indices { manual.runtime.resume(.tenant(number: UInt64(tenant))) }
            if let fault = advance(by: .seconds(60)) { return fault }
            let left = before.order + before.held
            guard left.isEmpty else { return "nothing hinders them, and \(left) wait" }
            if stock.words.turns.state != 0 { return "nobody waits, and the line is asked" }
        }
        manual.finish()
        if manual.nextTimer != nil { return "a timer was left" }
        let ends = callers.indices.lazy.compactMap { [self] in endFault(of: $0, isCutShort: isCutShort) }
        return ends.first ?? quotaFault
    }

    // MARK: - What happens

    private mutating func act() throws -> String? {
        let scopes = [PauseScope.dependency("stock")] + weights.indices.map { .tenant(number: UInt64($0)) }
        let scope = scopes.randomElement(using: &random) ?? .dependency("stock")
        switch Int.random(in: 0..<28, using: &random) {
        case 0, 1, 2:
            let pending = callers.indices.filter { callers[$0].task.isPending }
            guard let index = pending.randomElement(using: &random) else { break }
            callers[index].wasCancelled = true
            callers[index].task.cancel()
        case 3: stock.pause(until: manual.now + .milliseconds(Int.random(in: 0...60, using: &random)))
        case 4: stock.pause()
        case 5, 6: stock.resume()
        case 7:
            // What has been granted starts first: then it is known in which order the word has moved.
            if let fault = advance(by: .zero) { return fault }
            let pause = Duration.milliseconds(Int.random(in: 0...40, using: &random))
            stock.end(nil, failure: .throttled(retryAfter: pause), nanoseconds: 1, at: manual.now)
            expected = rateLimit.throttle(expected, until: manual.now + pause)
        case 8 where Bool.random(using: &random):
            if let fault = advance(by: .zero) { return fault }
            queue = try Self.queue(ageing, &random)
            var policies = stock.policies
            policies.fairQueue = queue
            try stock.replacePolicies(policies)
            forgetTurns()
        case 9:
            manual.runtime.pause(scope, until: manual.now + .milliseconds(Int.random(in: 0...90, using: &random)))
            forgetTurns()
        case 10:
            manual.runtime.pause(scope)
            forgetTurns()
        case 11, 12: manual.runtime.resume(scope)
        default: come()
        }
        return nil
    }

    /// Whose turn it was in the line is forgotten: it is another one, or a tenant has left it.
    private mutating func forgetTurns() {
        for index in callers.indices { callers[index].passedBy = [:] }
    }

    private mutating func come() {
        let (number, now, tenant) = (callers.count, manual.now, UInt64.random(in: 0..<3, using: &random))
        let cost = Int.random(in: 0..<24, using: &random) == 0 ? burst + 1 : .random(in: 1...burst, using: &random)
        let isUrgent = Int.random(in: 0..<3, using: &random) == 0
        let span = isUrgent ? Duration.microseconds(Int.random(in: 1...200_000, using: &random)) : .seconds(3_600)
        let deadline = now + span + .nanoseconds(number)
        let priority = PriorityClass(level: UInt8.random(in: 0...7, using: &random))
        let (stock, facts, clock) = (stock, facts, manual.runtime.clock)
        let weight = weights[Int(tenant)]
        let task = manual.start {
            do {
                try await stock.call(
                    cost: cost, deadline: deadline, priority: priority, tenant: tenant, weight: weight
                ) { _ in facts.starts.withLock { $0.append(.init(number: number, instant: clock.now)) } }
            } catch {
                facts.failures.withLock { $0[number] = clock.now }
                throw error
            }
        }
        numbers[deadline] = number
        callers.append(
            TurnCaller(
                tenant: tenant, priority: priority, cost: cost, deadline: deadline, arrival: now, task: task))
    }

    // MARK: - Time, step by step

    private mutating func advance(by duration: Duration) -> String? {
        let end = manual.now + duration
        var called = view
        manual.settle()
        if let fault = stepFault(called) { return fault }
        while let next = manual.nextTimer, next <= end {
            called = before
            manual.advance(to: next)
            if let fault = stepFault(called) { return fault }
        }
        manual.advance(to: end)
        before = view
        return nil
    }

    private var view: TurnView {
        let now = manual.now
        var view = TurnView(instant: now)
        let (first, order): (MonotonicInstant?, [MonotonicInstant]) = stock.turns.withLock { turns in
            (view.alarm, view.pausedUntil, view.heldUntil) = (turns.alarm?.due, turns.pauseEnd, turns.heldUntil)
            var (copy, order) = (turns, [MonotonicInstant]())
            while let waiter = copy.next(at: now) { order.append(waiter.rank.deadline) }
            view.held = copy.removeAll(at: now).compactMap { numbers[$0.rank.deadline] }
            return (turns.first?.rank.deadline, order)
        }
        view.first = first.flatMap { numbers[$0] }
        view.order = order.compactMap { numbers[$0] }
        return view
    }

    /// What must hold when all that could run at an instant has.
    ///
    /// - Parameter called: The line before the step, which may have moved since the last one.
    private mutating func stepFault(_ called: TurnView) -> String? {
        let now = view
        let starts = facts.starts.withLock { $0[seen...].map { $0 } }
        seen += starts.count
        defer { before = now }
        for start in starts {
            let (next, verdict) = rateLimit.admit(expected, cost: callers[start.number].cost, at: start.instant)
            guard verdict == .granted else { return "\(start) started, and \(verdict)" }
            expected = next
        }
        let (word, right) = (stock.words.rate.state, expected.word)
        if max(word, now.instant.nanoseconds) != max(right, now.instant.nanoseconds) {
            return "the limit is at \(word), and what has started makes \(right)"
        }
        let all = now.order + now.held
        if all.count > queue.capacity.value { return "\(all.count) wait of \(queue.capacity.value)" }
        if let most = queue.tenantCapacity.value {
            let held = Dictionary(grouping: all) { callers[$0].tenant }.values.map(\.count).max() ?? 0
            if held > most { return "\(held) of a tenant wait, of \(most)" }
        }
        waitedCount += now.order.count
        return idleFault(now) ?? orderFault(starts.map(\.number), called, now)
    }

    /// Somebody waits for whom there is room, or whom nobody will wake.
    private func idleFault(_ now: TurnView) -> String? {
        // The line is looked at next.
        if let alarm = now.alarm, alarm <= now.instant { return nil }
        let heldUntil = max(now.heldUntil, now.pausedUntil)
        if heldUntil != .distantFuture, now.alarm.map({ $0 > heldUntil }) ?? true {
            return "\(now.held) are held until \(heldUntil), the alarm \(now.alarm as Any)"
        }
        guard let head = now.order.first else { return nil }
        var due = now.pausedUntil
        if due <= now.instant {
            switch rateLimit.admit(expected, cost: callers[head].cost, at: now.instant).verdict {
            case .wait(let until): due = until
            case let verdict: return "\(head) waits, and \(verdict)"
            }
        }
        guard due != .distantFuture else { return nil }
        if let alarm = now.alarm, alarm <= due { return nil }
        return "\(head) is due at \(due), the alarm \(now.alarm as Any)"
    }

    /// Somebody went before others that go on waiting and were before him, or one waits too long.
    private mutating func orderFault(_ started: [Int], _ called: TurnView, _ now: TurnView) -> String? {
        let others = called.order.filter(now.order.contains)
        // Who was called up before, or let go by hand before the step, was next then.
        let (waited, waits) = (before.order + before.held, called.order + called.held)
        let inTurn = started.filter {
            $0 != called.first && $0 != before.first && (waits.contains($0) || !waited.contains($0))
        }
        for (own, other) in inTurn.flatMap({ own in others.map { (callers[own], callers[$0]) } }) {
            let levels = (own.level(ageing, at: now.instant), other.level(ageing, at: now.instant))
            if levels.0 > levels.1 { return "\(own) went before \(other)" }
            guard levels.0 == levels.1, own.tenant == other.tenant else { continue }
            if rank(own, now.instant) > rank(other, now.instant) { return "\(own) went before \(other)" }
        }
        for number in others where callers[number].isOverdue(ageing, at: called.instant) && number != now.first {
            var own = callers[number]
            let hasElder = called.order.contains {
                $0 != number && callers[$0].tenant == own.tenant && callers[$0].arrival <= own.arrival
            }
            guard !hasElder else { continue }
            for other in inTurn where callers[other].tenant != own.tenant {
                let quantum = UInt64(queue.quantum.value)
                let tenant = callers[other].tenant
                let got = own.passedBy[tenant, default: 0] + min(callers[other].cost, quantum)
                let most = UInt64(weights[Int(tenant)] + 1) * quantum
                own.passedBy[tenant] = got
                callers[number] = own
                if got > most {
                    return "\(own) is overdue, and tenant \(tenant) got \(got) of \(most) before it"
                }
            }
        }
        return nil
    }

    private func rank(_ caller: TurnCaller, _ now: MonotonicInstant) -> (MonotonicInstant, MonotonicInstant) {
        (caller.isOverdue(ageing, at: now) ? .distantPast : caller.deadline, caller.arrival)
    }

    // MARK: - The end

    /// Why an attempt may not have ended as it did.
    private func endFault(of number: Int, isCutShort: Bool) -> String? {
        let caller = callers[number]
        let starts = facts.starts.withLock { $0.filter { $0.number == number } }
        guard case .failure(let error) = caller.task.result else {
            if caller.task.isPending { return "\(number) has not ended" }
            return starts.count == 1 && starts[0].instant < caller.deadline ? nil : "\(number) started at \(starts)"
        }
        guard let error = error as? GyreError, let ended = facts.failures.withLock({ $0[number] }) else {
            return "\(number) ended with \(error)"
        }
        let limit = hasQueueTimeout ? min(caller.deadline, caller.arrival + Self.queueTimeout) : caller.deadline
        // The shortest attempt is known to take a nanosecond.
        func isLate(_ instant: MonotonicInstant) -> Bool { instant + .nanoseconds(1) >= limit }
        let isRight: Bool =
            switch (error.code, error.policy) {
            case (.cancelled, nil): caller.wasCancelled
            case (.closed, nil): isCutShort
            case (.deadlineExceeded, .deadline): isLate(ended)
            case (.rejected, .rateLimit):
                error.cause is CostError
                    ? caller.cost > burst : error.retryAfter.map { isLate(ended + $0) } ?? false
            case (.rejected, .fairQueue): true
            default: false
            }
        return isRight && starts.isEmpty ? nil : "\(number) ended at \(ended) with \(error), \(caller)"
    }

    /// In each window from a start to a later one, both included: at most the burst and what has refilled.
    private var quotaFault: String? {
        let starts = facts.starts.withLock { $0 }
        let (limit, period) = (rateLimit.limit.value, rateLimit.period.value.wholeNanoseconds)
        for first in starts.indices {
            var cost: UInt64 = 0
            for last in first..<starts.count {
                cost += callers[starts[last].number].cost
                let span = starts[last].instant.nanoseconds(since: starts[first].instant) + 1
                let most = burst + span * limit / period
                if cost > most { return "\(cost) units in \(span) ns, \(most) may" }
            }
        }
        return nil
    }
}
