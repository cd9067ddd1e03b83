import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// Policies that are replaced while calls are under way, and what the controllers set.
@Suite struct DependencySwapTests {
    @Test func whatCallsHoldComesBackUnderOtherPolicies() throws {
        let test = try ManualDependency(
            .init(
                bulkhead: Bulkhead(permits: 2), retry: RetryPolicy(), retryBudget: RetryBudget(),
                breaker: CircuitBreaker(), rateLimit: RateLimit(100, per: .seconds(1), burst: 10)))
        let (stock, runtime) = (test.dependency, test.runtime)
        let calls = (1...2).map { second in test.start { _ in try await runtime.sleep(for: .seconds(second)) } }
        try stock.replacePolicies(.none)
        #expect(stock.describe() == "stock: no policies")
        try test.call { _ in }
        try stock.replacePolicies(.init(bulkhead: Bulkhead(permits: 1)))
        #expect(stock.snapshot().permitsInUse == 2, "nothing is taken away")
        test.manual.advance(by: .seconds(1))
        #expect(throws: GyreError.self) { try test.call { _ in } }
        test.manual.advance(by: .seconds(1))
        try test.call { _ in }
        #expect(calls.allSatisfy { !$0.isPending })
        test.finish()
        #expect(throws: ConfigurationError.self) { try stock.replacePolicies(.init(hedge: HedgePolicy())) }
    }

    @Test func whoWaitsGetsWhatTheNewPoliciesGive() throws {
        let test = try ManualDependency(
            .init(fairQueue: FairQueueConfiguration(), bulkhead: Bulkhead(permits: 1)))
        let (stock, runtime) = (test.dependency, test.runtime)
        let calls = (0..<6).map { _ in test.start { _ in try await runtime.sleep(for: .seconds(1)) } }
        #expect(stock.snapshot().waiting == 5)
        // Two more get a permit, two may wait, one is sent away.
        try stock.replacePolicies(
            .init(fairQueue: FairQueueConfiguration(capacity: 2), bulkhead: Bulkhead(permits: 3)))
        test.manual.settle()
        #expect(stock.snapshot().permitsInUse == 3)
        let refused = calls.compactMap { $0.error as? GyreError }
        #expect(refused.count == 1 && refused[0].policy == .fairQueue)
        try stock.replacePolicies(.none)
        test.manual.settle()
        #expect(stock.snapshot().permitsInUse == nil)
        test.manual.advance(by: .seconds(1))
        #expect(calls.count { !$0.isPending && $0.error == nil } == 5)
        try stock.replacePolicies(.init(bulkhead: Bulkhead()))
        test.finish()
    }

    /// Slots of 1.0027 s have smaller numbers than those of a second: what is in these would pass for newer, and
    /// results would not be counted for ten seconds.
    @Test func aWindowOfAnotherLengthBeginsAnew() throws {
        let test = try ManualDependency(.init(breaker: CircuitBreaker(window: .seconds(10), callsMin: 4)))
        let stock = test.dependency
        func fail() {
            #expect(throws: Failure(number: 1)) { try test.call { _ in throw Failure(number: 1) } }
        }
        for _ in 0..<3 { fail() }
        try stock.replacePolicies(.init(breaker: CircuitBreaker(window: .milliseconds(10_027), callsMin: 4)))
        for _ in 0..<3 { fail() }
        #expect(stock.snapshot().breaker == .closed, "the three from before are forgotten")
        fail()
        #expect(stock.snapshot().breaker == .open)
        test.finish()
    }

    @Test func aProbeUnderWayKeepsItsLease() throws {
        let breaker = try CircuitBreaker(callsMin: 1, probes: 1)
        let test = try ManualDependency(.init(breaker: breaker))
        let (stock, runtime) = (test.dependency, test.runtime)
        #expect(throws: Failure(number: 1)) { try test.call { _ in throw Failure(number: 1) } }
        test.manual.advance(by: .seconds(11))
        let probe = test.start { _ in try await runtime.sleep(for: .seconds(1)) }
        #expect(stock.snapshot().probesActive == 1)
        try stock.replacePolicies(.init(retry: RetryPolicy(), breaker: breaker))
        test.manual.advance(by: .seconds(1))
        #expect(!probe.isPending && stock.snapshot().breaker == .closed)
        test.finish()
    }

    /// Policies change 200 times on a real runtime under calls of four tasks. Each call ends, and nothing stays taken.
    @Test func replacingUnderLoadLosesNothing() async throws {
        let runtime = try makeRuntime()
        let stock = try Dependency("stock", on: runtime, .init(bulkhead: Bulkhead(permits: 2)))
        let plans: [Dependency.Policies] = [
            .none, .standard, .init(fairQueue: try FairQueueConfiguration(), bulkhead: try Bulkhead(permits: 1)),
            .init(
                fairQueue: try FairQueueConfiguration(capacity: 2), adaptiveLimit: try AdaptiveLimit(initial: 3),
                retryBudget: try RetryBudget(share: 1, hedgeShare: 1), hedge: try HedgePolicy(delay: .fixed(.zero))),
        ]
        let ended = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<2_000 {
                        do {
                            try await stock.call(isIdempotent: true) { _ in await Task.yield() }
                        } catch let error as GyreError {
                            #expect(error.code == .rejected)
                        }
                        ended.add()
                    }
                }
            }
            group.addTask {
                for turn in 0..<200 {
                    try stock.replacePolicies(plans[turn % plans.count])
                    await Task.yield()
                }
            }
            try await group.waitForAll()
        }
        #expect(ended.count == 8_000)
        try stock.replacePolicies(.init(bulkhead: Bulkhead(), retryBudget: RetryBudget()))
        #expect(await soon { stock.snapshot().permitsInUse == 0 })
        stock.expectNothingHeld()
        await runtime.finishAsync()
    }

    // MARK: - What is learned

    /// A service that does 10 at once in 10 ms and queues the others. After a quiet second three times as much comes as
    /// it can do: the limit stays near what it can do, and the calls that are let in are in time. Then it is pinned.
    @Test func theConcurrencyLimitIsFound() throws {
        let test = try ManualDependency(
            .init(
                fairQueue: FairQueueConfiguration(capacity: 20),
                adaptiveLimit: AdaptiveLimit(initial: 20, window: .milliseconds(100))))
        let (stock, runtime) = (test.dependency, test.runtime)
        let service = QueueingService(places: 10, time: .milliseconds(10), on: runtime)
        let served = Tally()
        for number in 0..<12_500 {
            test.manual.start {
                let deadline = runtime.clock.now + .milliseconds(200)
                try await stock.call(deadline: deadline) { _ in try await service.serve() }
                served.add()
            }
            test.manual.advance(by: number < 500 ? .milliseconds(2) : .microseconds(333))
        }
        let limit = try #require(stock.learned.concurrencyLimit)
        #expect(limit.value >= 8 && limit.value <= 45, "\(limit)")
        #expect(limit.lastDecision != nil)
        #expect(served.count > 3_800, "1,000 a second for four seconds, and the quiet one's 500")
        stock.pinConcurrencyLimit(7)
        #expect(stock.learned.concurrencyLimit?.value == 7)
        #expect(stock.describe().contains("limit = 7 (user)"))
        test.manual.advance(by: .seconds(10))
        test.finish()
    }

    /// 2,000 attempts of 10 ms: one has 15 ms, where the user allows a second.
    @Test func theAttemptTimeoutIsLearned() throws {
        let test = try ManualDependency(.init(timeouts: Timeouts(attempt: .seconds(1), learnsAttempt: true)))
        let runtime = test.runtime
        for _ in 0..<500 {
            let calls = (0..<4).map { _ in test.start { _ in try await runtime.sleep(for: .milliseconds(10)) } }
            test.manual.advance(by: .milliseconds(10))
            #expect(calls.allSatisfy { !$0.isPending })
        }
        let slowest = try #require(test.dependency.learned.slowestNanoseconds.value)
        #expect(slowest >= 9_900_000 && slowest <= 10_100_000)
        let before = test.elapsed
        #expect(throws: GyreError.self) { try test.call { _ in try await runtime.sleep(for: .seconds(9)) } }
        let took = test.elapsed - before
        #expect(took > .milliseconds(14) && took < .milliseconds(16))
        #expect(test.dependency.describe().contains("attemptInForce = 15"))
        test.dependency.pinSlowest(.milliseconds(100))
        try test.call { _ in try await runtime.sleep(for: .milliseconds(140)) }
        test.finish()
    }
}

/// A service with so many places, each of which takes so long; who finds none queues at the service.
final class QueueingService: Sendable {
    private struct State {
        var free: Int
        var waiting: [TimedWait<Void>] = []
    }

    private let state: Lock<State>
    private let time: Duration
    private let runtime: Runtime

    init(places: Int, time: Duration, on runtime: Runtime) {
        state = Lock(State(free: places))
        self.time = time
        self.runtime = runtime
    }

    /// One request. A caller that gives up is served all the same: services do not know.
    func serve() async throws {
        _ = try await runtime.post { await self.serveOne() }.value
    }

    private func serveOne() async {
        let wait = TimedWait<Void>(timers: runtime.timers)
        let hasPlace = state.withLock { state in
            guard state.free > 0 else {
                state.waiting.append(wait)
                return false
            }
            state.free -= 1
            return true
        }
        if !hasPlace { _ = await wait.wait(until: nil) }
        _ = await TimedWait<Void>(timers: runtime.timers).wait(until: runtime.clock.now + time)
        let next = state.withLock { state in
            if state.waiting.isEmpty { state.free += 1 }
            return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
        }
        _ = next?.wake(())
    }
}
