import Gyre
import GyreCore
import Testing

@testable import Gyre

/// Breaker, bulkhead and rate limit of a dependency, and what it says about itself.
@Suite struct DependencyLimitTests {
    private func fail(_ dependency: Dependency, _ kind: ErrorClass = .transient) async {
        await #expect(throws: ServiceError(kind)) { try await dependency.call { _ in throw ServiceError(kind) } }
    }

    private func refusal(of dependency: Dependency, cost: UInt64 = 1) async -> GyreError? {
        await #expect(throws: GyreError.self) {
            try await dependency.call(cost: cost) { _ in Issue.record("it was tried") }
        }
    }

    // MARK: - Breaker

    /// Five bad calls open it for 5 to 10 s; then two good probes close it.
    @Test func theBreakerOpensLooksAndCloses() async throws {
        let test = try ManualDependency(
            .init(retry: RetryPolicy(), retryBudget: RetryBudget(), breaker: CircuitBreaker(callsMin: 5)),
            decide: { _, _ in .fail })
        let stock = test.dependency
        for _ in 0..<5 {
            #expect(stock.snapshot().breaker == .closed)
            await fail(stock)
        }
        #expect(stock.snapshot().breaker == .open)
        let refused = await refusal(of: stock)
        #expect(refused?.code == .rejected && refused?.policy == .breaker)
        let retryAfter = try #require(refused?.retryAfter)
        #expect(retryAfter >= .seconds(5) && retryAfter <= .milliseconds(10_002))
        test.time.advance(by: retryAfter)
        #expect(stock.snapshot().breaker == .halfOpen)
        try await stock.call { _ in }
        #expect(stock.snapshot().breaker == .halfOpen)
        try await stock.call { _ in }
        #expect(stock.snapshot().breaker == .closed)
        await test.finish()
    }

    @Test func badProbesOpenItAgainAndCancelledOnesDoNothing() async throws {
        let test = try ManualDependency(
            .init(retryBudget: RetryBudget(), breaker: CircuitBreaker(callsMin: 1, probes: 1)))
        let stock = test.dependency
        await fail(stock)
        test.time.advance(by: .seconds(11))
        await fail(stock, .cancelled)
        await fail(stock, .throttled(retryAfter: nil))
        #expect(stock.snapshot().breaker == .halfOpen, "neither says anything, and both give the lease back")
        await fail(stock)
        #expect(stock.snapshot().breaker == .open)
        await test.finish()
    }

    @Test func aPermanentErrorIsAnAnswer() async throws {
        let test = try ManualDependency(.init(breaker: CircuitBreaker(callsMin: 1)))
        for _ in 0..<30 { await fail(test.dependency, .permanent) }
        #expect(test.dependency.snapshot().breaker == .closed)
        await test.finish()
    }

    @Test func aBreakerThatOpensBetweenTwoAttemptsLeavesTheWorksOwnError() async throws {
        let test = try ManualDependency(
            .init(
                retry: RetryPolicy(attemptsMax: 5, backoff: Backoff(base: .zero)),
                breaker: CircuitBreaker(callsMin: 2)))
        let tried = Tally()
        await #expect(throws: Failure(number: 2)) {
            try await test.dependency.call { attempt in
                tried.add()
                throw Failure(number: attempt.number)
            }
        }
        #expect(tried.count == 2, "the third was refused")
        await test.finish()
    }

    @Test func aHandMovesTheBreaker() async throws {
        let test = try ManualDependency(.standard)
        test.dependency.orderBreaker(.forceOpen)
        let refused = await refusal(of: test.dependency)
        #expect(refused?.policy == .breaker && refused?.retryAfter == nil)
        test.dependency.orderBreaker(.close)
        #expect(try await test.dependency.call { _ in 1 } == 1)
        await test.finish()
    }

    // MARK: - Bulkhead

    @Test func theBulkheadRefusesWhatIsTooMuch() async throws {
        let test = try ManualDependency(.init(bulkhead: Bulkhead(permits: 2)))
        let (stock, sleepers) = (test.dependency, [Sleeper(), Sleeper()])
        let calls = sleepers.map { sleeper in Task { try await stock.call { _ in try await sleeper.sleep() } } }
        #expect(await soon { sleepers.allSatisfy(\.isAsleep) })
        #expect(await refusal(of: stock)?.policy == .bulkhead)
        sleepers[0].wake()
        try await calls[0].value
        try await stock.call { _ in }
        sleepers[1].wake()
        try await calls[1].value
        await test.finish()
    }

    // MARK: - Rate limit

    @Test func whoMustWaitSleepsUntilThereIsRoom() async throws {
        let test = try ManualDependency(.init(rateLimit: RateLimit(1, per: .seconds(1))))
        let (stock, clock) = (test.dependency, test.runtime.clock)
        try await stock.call { _ in }
        let second = Task { try await stock.call { _ in clock.now } }
        await test.wait(forTimers: 1)
        test.time.advance(by: .seconds(1) - .nanoseconds(1))
        await test.wait(forTimers: 1)
        test.time.advance(by: .nanoseconds(1))
        #expect(try await second.value == ManualDependency.start + .seconds(1))
        await test.finish()
    }

    @Test func whoCannotWaitIsRefusedAtOnceAndPaysNothing() async throws {
        let test = try ManualDependency(
            .init(
                timeouts: Timeouts(queue: .milliseconds(500)), bulkhead: Bulkhead(),
                breaker: CircuitBreaker(), rateLimit: RateLimit(1, per: .seconds(1))))
        try await test.dependency.call { _ in }
        let refused = await refusal(of: test.dependency)
        #expect(refused?.policy == .rateLimit && refused?.retryAfter == .seconds(1))
        let tooLarge = await refusal(of: test.dependency, cost: 2)
        #expect(tooLarge?.cause as? CostError == CostError(asked: 2, burst: 1))
        test.time.advance(by: .seconds(1))
        try await test.dependency.call { _ in }
        await test.finish()
    }

    /// What one caller is told holds for all.
    @Test func aThrottledAnswerStopsEverybody() async throws {
        let test = try ManualDependency(
            .init(breaker: CircuitBreaker(callsMin: 1), rateLimit: RateLimit(100, per: .seconds(1), burst: 100)))
        let (stock, clock) = (test.dependency, test.runtime.clock)
        await fail(stock, .throttled(retryAfter: .seconds(7)))
        #expect(stock.snapshot().breaker == .closed, "it is well")
        let ended = Tally()
        let others = (0..<10).map { _ in
            Task {
                defer { ended.add() }
                return try await stock.call { _ in clock.now }
            }
        }
        await test.wait(forTimers: 10)
        // All sleep until the same instant; who comes too late for it, until the next.
        for count in 1...10 {
            test.time.advance(by: count == 1 ? .seconds(7) : .milliseconds(10))
            #expect(await soon { ended.count == count && test.runtime.timers.waiting == 10 - count })
        }
        var instants: [MonotonicInstant] = []
        for other in others { instants.append(try await other.value) }
        #expect(instants.min() == ManualDependency.start + .seconds(7))
        #expect(Set(instants).count == 10, "the bucket is empty then: one each 10 ms")
        await test.finish()
    }

    // MARK: - What it says

    @Test func eachValueIsDescribedWithItsOrigin() async throws {
        let test = try ManualDependency(
            .init(
                timeouts: Timeouts(attempt: .seconds(1), total: .seconds(2)), bulkhead: Bulkhead(permits: 4),
                retry: RetryPolicy(attemptsMax: 5), retryBudget: RetryBudget(), breaker: CircuitBreaker(),
                rateLimit: RateLimit(60, per: .seconds(60))))
        let lines = test.dependency.describe().split(separator: "\n").map(String.init)
        #expect(lines[0] == "stock: deadline → bulkhead → retry → breaker → rate limit → attempt timeout")
        for line in [
            "timeouts", "  attempt = 1 s (user)", "bulkhead", "  permits = 4 (user)", "retry",
            "  attemptsMax = 5 (user)",
            "  base = 50 ms (default)", "retryBudget", "  share = 0.2 (default)", "breaker",
            "  callsMin = 20 (default)",
            "rateLimit", "  period = 60 s (user)", "  burst = 1 (default)",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        #expect(lines.count == 1 + test.dependency.settings.map { $0.settings.count + 1 }.reduce(0, +))
        await test.finish()
        let none = try Dependency("none", on: test.runtime, .none)
        #expect(none.describe() == "none: no policies")
    }

    @Test func whatADependencyDoesNotDoIsRefused() async throws {
        let runtime = try makeRuntime()
        let refused: [(String, Dependency.Policies)] = [
            ("bulkhead.waitersMax", .init(bulkhead: try Bulkhead(waitersMax: 1, waitMax: .seconds(1)))),
            ("timeouts.idle", .init(timeouts: try Timeouts(idle: .seconds(1)))),
            ("timeouts.learnsAttempt", .init(timeouts: try Timeouts(learnsAttempt: true))),
            ("breaker.slowCall", .init(breaker: try CircuitBreaker(slowCall: .overBaseline(times: 3)))),
            ("retryBudget", .init(retryBudget: try RetryBudget(floor: 9))),
        ]
        for (field, policies) in refused {
            let error = #expect(throws: ConfigurationError.self) { try Dependency("x", on: runtime, policies) }
            #expect(error?.field == field)
        }
        await runtime.finishAsync()
    }
}
