import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// Whole calls on the production scheduler under manual time, one history a seed: calls come, wait, fail in every way,
/// hang, are hedged, retried and cancelled; policies change and the runtime is drained, in any interleaving.
///
/// At the end each call has ended and nothing is held. In between, the rate limit was kept in every window, no more
/// calls were inside than there are permits, and no retry started that could not end in time.
@Suite struct DependencyHistoryTests {
    @Test func nothingIsHeldWhenAllHaveEnded() throws {
        let histories = Tally()
        try forSeeds { random in
            var history = try CallHistory(&random)
            if let fault = try history.run() { throw Counterexample(fault) }
            histories.add()
        }
        #expect(histories.count > 0)
    }
}

/// One history.
private struct CallHistory {
    /// What attempts saw. Under manual time an attempt starts at the instant at which it was admitted.
    private final class Seen: Sendable {
        struct Facts: Sendable {
            var starts: [MonotonicInstant] = []
            var inside = 0
            var insideMax = 0
            var fault: String?
        }

        private let facts = Lock(Facts())
        var now: Facts { facts.withLock { $0 } }
        func note(_ change: (inout Facts) -> Void) { facts.withLock { change(&$0) } }
    }

    private var random: SeededRandom
    private let manual: ManualRuntime
    private let stock: Dependency
    private let policies: Dependency.Policies
    private let rateLimit: RateLimit
    private let permits: Int
    private let seen = Seen()
    private let begun: MonotonicInstant
    private var calls: [ManualTask<Int>] = []

    init(_ random: inout SeededRandom) throws {
        manual = try ManualRuntime(seed: random.next(), .ofHistories)
        begun = manual.now
        permits = Int.random(in: 1...4, using: &random)
        let waiters = UInt32.random(in: 0...4, using: &random)
        rateLimit = try RateLimit(
            UInt64.random(in: 20...400, using: &random), per: .seconds(1),
            burst: UInt64.random(in: 1...6, using: &random))
        let hasTotal = Bool.random(using: &random)
        policies = .init(
            timeouts: try Timeouts(attempt: .milliseconds(30), total: hasTotal ? .milliseconds(120) : nil),
            bulkhead: try Bulkhead(
                permits: UInt32(permits), waitersMax: waiters, waitMax: waiters > 0 ? .milliseconds(50) : .zero),
            retry: try RetryPolicy(backoff: Backoff(base: .milliseconds(5))),
            retryBudget: try RetryBudget(share: 1, hedgeShare: 1),
            hedge: try HedgePolicy(delay: .fixed(.milliseconds(8)), limiterMax: 1),
            breaker: try CircuitBreaker(callsMin: 3, openMin: .milliseconds(20), openMax: .milliseconds(80), probes: 2),
            rateLimit: rateLimit)
        stock = try Dependency("stock", on: manual.runtime, policies, seed: random.next())
        self.random = random
    }

    mutating func run() throws -> String? {
        var isReplaced = false
        for _ in 0..<Int.random(in: 4...14, using: &random) {
            start()
            if Int.random(in: 0..<6, using: &random) == 0 { calls.randomElement(using: &random)?.cancel() }
            if Int.random(in: 0..<60, using: &random) == 0 {
                // Another number of permits, and back again.
                var other = policies
                other.bulkhead = isReplaced ? policies.bulkhead : try Bulkhead(permits: UInt32(permits))
                isReplaced.toggle()
                try stock.replacePolicies(other)
            }
            if Bool.random(using: &random) {
                manual.advance(by: .microseconds(Int.random(in: 0...20_000, using: &random)))
            } else {
                manual.settle()
            }
        }
        manual.advance(by: .seconds(600))
        if let fault = seen.now.fault ?? heldFault ?? limitFault { return fault }
        if seen.now.insideMax > permits { return "more calls inside than \(permits) permits" }
        // Whatever happened, a good call gets through now: no lost lease keeps the breaker half-open.
        if isReplaced { try stock.replacePolicies(policies) }
        guard try manual.run({ [stock] in try await stock.call { _ in 7 } }) == 7 else { return "no way in" }
        guard manual.finish().isComplete, manual.nextTimer == nil else { return "something was left in the runtime" }
        return heldFault
    }

    private mutating func start() {
        let (kind, time) = (Int.random(in: 0..<8, using: &random), Int.random(in: 0...25, using: &random))
        let isIdempotent = Bool.random(using: &random)
        let priority = PriorityClass(level: UInt8.random(in: 0...7, using: &random))
        let (runtime, stock, seen, begun) = (manual.runtime, stock, seen, manual.now)
        let total = policies.timeouts?.total(from: begun) ?? .never
        calls.append(
            manual.start {
                try await stock.call(priority: priority, tenant: UInt64(kind), isIdempotent: isIdempotent) { attempt in
                    let now = runtime.clock.now
                    let shortest = MonotonicInstant(nanoseconds: now.nanoseconds + stock.words.shortest.state)
                    seen.note {
                        $0.starts.append(now)
                        if attempt.number > 1, !attempt.isHedge, shortest >= total.instant {
                            $0.fault = "a retry started at \(now) that cannot end by \(total.instant)"
                        }
                        $0.inside += 1
                        $0.insideMax = max($0.insideMax, $0.inside)
                    }
                    defer { seen.note { $0.inside -= 1 } }
                    try await runtime.sleep(for: .milliseconds(time))
                    switch kind {
                    case 0 where attempt.number < 3: throw ServiceError(.transient)
                    case 1: throw ServiceError(.permanent)
                    case 2: throw ServiceError(.overloaded)
                    case 3 where attempt.number == 1: throw ServiceError(.throttled(retryAfter: .milliseconds(9)))
                    case 4: try await runtime.sleep(for: .seconds(60))
                    default: break
                    }
                    return attempt.number
                }
            })
    }

    private var heldFault: String? {
        if let index = calls.firstIndex(where: \.isPending) { return "call \(index) has not ended" }
        let snapshot = stock.snapshot()
        let held = [
            snapshot.callsActive, snapshot.retriesActive, snapshot.hedgesActive, snapshot.permitsInUse,
            snapshot.waiting, snapshot.probesActive,
        ]
        return held.contains { $0 ?? 0 != 0 } ? "held: \(snapshot)" : nil
    }

    /// In each window from a start to a later one, both included: at most the burst and what has refilled.
    private var limitFault: String? {
        let starts = seen.now.starts
        let (limit, period) = (rateLimit.limit.value, rateLimit.period.value.wholeNanoseconds)
        for first in starts.indices {
            for last in first..<starts.count {
                let span = starts[last].nanoseconds(since: starts[first]) + 1
                let most = rateLimit.burst.value + span * limit / period
                if UInt64(last - first + 1) > most { return "\(last - first + 1) started in \(span) ns, \(most) may" }
            }
        }
        return nil
    }
}
