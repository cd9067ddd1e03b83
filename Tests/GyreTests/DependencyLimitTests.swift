import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// Breaker, bulkhead and rate limit of a dependency, and what it says about itself.
@Suite struct DependencyLimitTests {
    private func fail(_ test: ManualDependency, _ kind: ErrorClass = .transient) {
        #expect(throws: ServiceError(kind)) { try test.call { _ in throw ServiceError(kind) } }
    }

    private func refusal(of test: ManualDependency, cost: UInt64 = 1) -> GyreError? {
        #expect(throws: GyreError.self) { try test.call(cost: cost) { _ in Issue.record("it was tried") } }
    }

    // MARK: - Breaker

    /// Five bad calls open it for 5 to 10 s; then two good probes close it.
    @Test func theBreakerOpensLooksAndCloses() throws {
        let test = try ManualDependency(
            .init(retry: RetryPolicy(), retryBudget: RetryBudget(), breaker: CircuitBreaker(callsMin: 5)),
            decide: { _, _ in .fail })
        let stock = test.dependency
        for _ in 0..<5 {
            #expect(stock.snapshot().breaker == .closed)
            fail(test)
        }
        #expect(stock.snapshot().breaker == .open)
        let refused = refusal(of: test)
        #expect(refused?.code == .rejected && refused?.policy == .breaker)
        let retryAfter = try #require(refused?.retryAfter)
        #expect(retryAfter >= .seconds(5) && retryAfter <= .milliseconds(10_002))
        test.manual.advance(by: retryAfter)
        #expect(stock.snapshot().breaker == .halfOpen)
        try test.call { _ in }
        #expect(stock.snapshot().breaker == .halfOpen)
        try test.call { _ in }
        #expect(stock.snapshot().breaker == .closed)
        test.finish()
    }

    @Test func badProbesOpenItAgainAndCancelledOnesDoNothing() throws {
        let test = try ManualDependency(
            .init(retryBudget: RetryBudget(), breaker: CircuitBreaker(callsMin: 1, probes: 1)))
        let stock = test.dependency
        fail(test)
        test.manual.advance(by: .seconds(11))
        fail(test, .cancelled)
        fail(test, .throttled(retryAfter: nil))
        #expect(stock.snapshot().breaker == .halfOpen, "neither says anything, and both give the lease back")
        fail(test)
        #expect(stock.snapshot().breaker == .open)
        test.finish()
    }

    @Test func aPermanentErrorIsAnAnswer() throws {
        let test = try ManualDependency(.init(breaker: CircuitBreaker(callsMin: 1)))
        for _ in 0..<30 { fail(test, .permanent) }
        #expect(test.dependency.snapshot().breaker == .closed)
        test.finish()
    }

    @Test func aBreakerThatOpensBetweenTwoAttemptsLeavesTheWorksOwnError() throws {
        let test = try ManualDependency(
            .init(
                retry: RetryPolicy(attemptsMax: 5, backoff: Backoff(base: .zero)),
                breaker: CircuitBreaker(callsMin: 2)))
        let tried = Tally()
        #expect(throws: Failure(number: 2)) {
            try test.call { attempt in
                tried.add()
                throw Failure(number: attempt.number)
            }
        }
        #expect(tried.count == 2, "the third was refused")
        test.finish()
    }

    @Test func aHandMovesTheBreaker() throws {
        let test = try ManualDependency(.standard)
        test.dependency.orderBreaker(.forceOpen)
        let refused = refusal(of: test)
        #expect(refused?.policy == .breaker && refused?.retryAfter == nil)
        test.dependency.orderBreaker(.close)
        #expect(try test.call { _ in 1 } == 1)
        test.finish()
    }

    // MARK: - Bulkhead

    @Test func theBulkheadRefusesWhatIsTooMuch() throws {
        let test = try ManualDependency(.init(bulkhead: Bulkhead(permits: 2)))
        let runtime = test.runtime
        let calls = (1...2).map { second in test.start { _ in try await runtime.sleep(for: .seconds(second)) } }
        #expect(refusal(of: test)?.policy == .bulkhead)
        test.manual.advance(by: .seconds(1))
        #expect(calls.map(\.isPending) == [false, true])
        try test.call { _ in }
        test.manual.advance(by: .seconds(1))
        #expect(calls.map(\.isPending) == [false, false])
        test.finish()
    }

    // MARK: - Rate limit

    @Test func whoMustWaitSleepsUntilThereIsRoom() throws {
        let test = try ManualDependency(.init(rateLimit: RateLimit(1, per: .seconds(1))))
        let clock = test.runtime.clock
        try test.call { _ in }
        let second = test.start { _ in clock.now }
        test.manual.advance(by: .seconds(1) - .nanoseconds(1))
        #expect(second.isPending)
        test.manual.advance(by: .nanoseconds(1))
        #expect(try second.result?.get() == ManualDependency.start + .seconds(1))
        test.finish()
    }

    @Test func whoCannotWaitIsRefusedAtOnceAndPaysNothing() throws {
        let test = try ManualDependency(
            .init(
                timeouts: Timeouts(queue: .milliseconds(500)), bulkhead: Bulkhead(),
                breaker: CircuitBreaker(), rateLimit: RateLimit(1, per: .seconds(1))))
        try test.call { _ in }
        let refused = refusal(of: test)
        #expect(refused?.policy == .rateLimit && refused?.retryAfter == .seconds(1))
        let tooLarge = refusal(of: test, cost: 2)
        #expect(tooLarge?.cause as? CostError == CostError(asked: 2, burst: 1))
        test.manual.advance(by: .seconds(1))
        try test.call { _ in }
        test.finish()
    }

    /// What one caller is told holds for all.
    @Test func aThrottledAnswerStopsEverybody() throws {
        let test = try ManualDependency(
            .init(breaker: CircuitBreaker(callsMin: 1), rateLimit: RateLimit(100, per: .seconds(1), burst: 100)))
        let (stock, clock) = (test.dependency, test.runtime.clock)
        fail(test, .throttled(retryAfter: .seconds(7)))
        #expect(stock.snapshot().breaker == .closed, "it is well")
        let others = (0..<10).map { _ in test.start { _ in clock.now } }
        test.manual.advance(by: .seconds(7) + .milliseconds(89))
        #expect(others.count { $0.isPending } == 1)
        test.manual.advance(by: .milliseconds(1))
        let instants = try others.map { try #require($0.result).get() }
        #expect(instants.min() == ManualDependency.start + .seconds(7))
        #expect(Set(instants).count == 10, "the bucket is empty then: one each 10 ms")
        test.finish()
    }

    // MARK: - What it says

    @Test func eachValueIsDescribedWithItsOrigin() throws {
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
        test.finish()
        let none = try Dependency("none", on: test.runtime, .none)
        #expect(none.describe() == "none: no policies")
    }

    @Test func whatADependencyDoesNotDoIsRefused() throws {
        let runtime = try makeRuntime()
        let refused: [(String, Dependency.Policies)] = [
            ("timeouts.idle", .init(timeouts: try Timeouts(idle: .seconds(1)))),
            ("retryBudget", .init(retryBudget: try RetryBudget(floor: 9))),
            ("fairQueue", .init(fairQueue: try FairQueueConfiguration())),
            ("shedding", .init(shedding: try CoDel(), bulkhead: try Bulkhead())),
            ("hedge", .init(hedge: try HedgePolicy())),
            ("policies", .init(bulkhead: try Bulkhead(), adaptiveLimit: try AdaptiveLimit())),
            (
                "shedding.newestFirstWhileOverloaded",
                .init(
                    fairQueue: try FairQueueConfiguration(), shedding: try CoDel(newestFirstWhileOverloaded: true),
                    bulkhead: try Bulkhead())
            ),
            (
                "fairQueue.capacity",
                .init(
                    fairQueue: try FairQueueConfiguration(capacity: 5),
                    bulkhead: try Bulkhead(waitersMax: 6, waitMax: .seconds(1)))
            ),
        ]
        for (field, policies) in refused {
            let error = #expect(throws: ConfigurationError.self) { try Dependency("x", on: runtime, policies) }
            #expect(error?.field == field)
        }
        runtime.finish()
    }
}
