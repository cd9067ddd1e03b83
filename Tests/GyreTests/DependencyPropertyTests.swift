import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// Histories of one dependency on a clock that moves by chance: calls enter, attempts are admitted, succeed, fail, are
/// throttled or given up, and leave, in any interleaving. After each step what is counted is what is held; the limit is
/// kept in every window; the breaker does not stay half-open without a lease. A failing seed replays by its number.
@Suite struct DependencyPropertyTests {
    @Test func whatIsCountedIsWhatIsHeld() throws {
        let manual = try ManualRuntime(startingAt: ManualDependency.start)
        try forSeeds { seed in
            var history = try DependencyHistory(seed: seed.state, manual.runtime, manual.time)
            if let fault = history.run(steps: 60) { throw Counterexample(fault) }
        }
        manual.finish()
    }
}

/// One history. Says what is wrong at the first step after which something is.
private struct DependencyHistory {
    private struct Call {
        var pass: CallPass
        var lease: BreakerLease??
        var began: MonotonicInstant
    }

    private let dependency: Dependency
    private let time: ManualTime
    private let permits: Int
    private let rateLimit: RateLimit
    private var random: SeededRandom
    private var calls: [Call] = []
    private var granted: [(instant: MonotonicInstant, cost: UInt64)] = []

    init(seed: UInt64, _ runtime: Runtime, _ time: ManualTime) throws {
        random = SeededRandom(seed: seed)
        permits = Int.random(in: 1...6, using: &random)
        rateLimit = try RateLimit(
            UInt64.random(in: 1...20, using: &random), per: .milliseconds(Int.random(in: 1...1_000, using: &random)),
            burst: UInt64.random(in: 1...5, using: &random))
        let policies = Dependency.Policies(
            bulkhead: try Bulkhead(permits: UInt32(permits)), retry: try RetryPolicy(),
            retryBudget: try RetryBudget(share: 0.3, floor: 1),
            breaker: try CircuitBreaker(callsMin: 2, openMin: .milliseconds(200), openMax: .seconds(2), probes: 2),
            rateLimit: rateLimit)
        dependency = try Dependency("seeded", on: runtime, policies, seed: seed)
        self.time = time
    }

    mutating func run(steps: Int) -> String? {
        for _ in 0..<steps {
            step()
            if let fault { return fault }
        }
        for index in calls.indices.reversed() { leave(index) }
        time.advance(by: .seconds(10))
        return fault ?? limitFault ?? stuckFault
    }

    private mutating func step() {
        if Bool.random(using: &random) { time.advance(by: .microseconds(Int.random(in: 0...90_000, using: &random))) }
        let now = time.now
        guard let index = calls.indices.randomElement(using: &random), !Bool.random(using: &random) else {
            guard let pass = try? dependency.enter(at: now, parent: .distantFuture) else { return }
            calls.append(Call(pass: pass, lease: nil, began: now))
            return
        }
        switch (calls[index].lease, Int.random(in: 0..<6, using: &random)) {
        case (nil, 0): leave(index)
        case (nil, _): admit(index, at: now)
        case (let lease?, let choice):
            let endings: [ErrorClass?] = [
                nil, nil, .transient, .timedOut, .throttled(retryAfter: .milliseconds(20)), .cancelled,
            ]
            let took = now.nanoseconds(since: calls[index].began)
            dependency.end(lease, failure: endings[choice], nanoseconds: took, at: now)
            calls[index].lease = nil
            dependency.endRetry(&calls[index].pass)
            if choice < 2 || choice == 5 || !dependency.beginRetry(&calls[index].pass) { leave(index) }
        }
    }

    private mutating func admit(_ index: Int, at now: MonotonicInstant) {
        let cost = UInt64.random(in: 1...6, using: &random)
        let verdict = dependency.admit(cost: cost, at: now, within: Deadline(now + .seconds(1), by: .parent)).0
        guard case .admitted(let lease) = verdict else { return }
        calls[index].lease = .some(lease)
        calls[index].began = now
        granted.append((now, cost))
    }

    private mutating func leave(_ index: Int) {
        if let lease = calls[index].lease {
            dependency.end(lease, failure: .cancelled, nanoseconds: 0, at: time.now)
        }
        dependency.leave(&calls[index].pass)
        calls.remove(at: index)
    }

    private var fault: String? {
        let snapshot = dependency.snapshot()
        if snapshot.callsActive != calls.count { return "calls: \(snapshot), held \(calls.count)" }
        if snapshot.permitsInUse != calls.count || calls.count > permits { return "permits: \(snapshot)" }
        if snapshot.retriesActive != calls.count(where: \.pass.holdsRetry) { return "retries: \(snapshot)" }
        let leases = calls.count { ($0.lease ?? nil)?.isProbe == true }
        if let probes = snapshot.probesActive, probes > leases { return "probes: \(snapshot), leases \(leases)" }
        return nil
    }

    /// In each window from a grant to a later one, both included: at most the burst and what has refilled.
    private var limitFault: String? {
        let (limit, period) = (rateLimit.limit.value, rateLimit.period.value.wholeNanoseconds)
        for first in granted.indices {
            var sum: UInt64 = 0
            for last in first..<granted.count {
                sum += granted[last].cost
                let span = granted[last].instant.nanoseconds(since: granted[first].instant) + 1
                let most = rateLimit.burst.value + span * limit / period
                if sum > most { return "granted \(sum) in \(span) ns, where \(most) is the most" }
            }
        }
        return nil
    }

    /// When all have left and time has passed, a call goes through: nothing that was lost keeps it out.
    private var stuckFault: String? {
        guard var pass = try? dependency.enter(at: time.now, parent: .distantFuture) else { return "no permit is left" }
        defer { dependency.leave(&pass) }
        let end = Deadline(time.now + .seconds(1), by: .parent)
        guard case (.admitted(let lease), _) = dependency.admit(cost: 1, at: time.now, within: end) else {
            return "the way is closed for good: \(dependency.snapshot())"
        }
        dependency.end(lease, failure: nil, nanoseconds: 1, at: time.now)
        return nil
    }
}
