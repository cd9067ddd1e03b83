import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// Attempts that wait for the rate limit or for the end of a pause: who is next, and that nothing is lost over it.
@Suite struct DependencyTurnTests {
    private func makeTest(
        _ queue: FairQueueConfiguration? = nil, burst: UInt64? = nil, timeouts: Timeouts? = nil,
        breaker: CircuitBreaker? = nil
    ) throws -> ManualDependency {
        try ManualDependency(
            .init(
                timeouts: timeouts, fairQueue: queue, breaker: breaker,
                rateLimit: RateLimit(1, per: .seconds(1), burst: burst)))
    }

    @discardableResult
    private func start(
        _ test: ManualDependency, _ name: Int, in log: EventLog<Int>, cost: UInt64 = 1,
        deadline: MonotonicInstant = .distantFuture, priority: PriorityClass = .normal, tenant: UInt64 = 0
    ) -> ManualTask<Void> {
        test.start(cost: cost, deadline: deadline, priority: priority, tenant: tenant) { _ in log.record(name) }
    }

    @Test func theMostUrgentIsNextAndTenantsTakeTurns() throws {
        let test = try makeTest(FairQueueConfiguration(ageing: .seconds(3_600)))
        let log = EventLog<Int>(test.runtime.clock)
        for call in ManualDependency.crowd {
            start(test, call.name, in: log, priority: call.priority, tenant: call.tenant)
        }
        #expect(test.dependency.snapshot().turnsWaiting == 6)
        test.manual.advance(by: .seconds(10))
        #expect(log.values == ManualDependency.crowdInTurn)
        let instants = log.events.map { ManualDependency.start.duration(to: $0.instant) }
        #expect(instants == (0...6).map { .seconds($0) }, "each as soon as there is room")
        test.finish()
    }

    @Test func whoComesLaterDoesNotOvertake() throws {
        let test = try makeTest()
        let log = EventLog<Int>(test.runtime.clock)
        start(test, 0, in: log)
        start(test, 1, in: log)
        test.manual.advance(by: .milliseconds(500))
        start(test, 2, in: log)
        test.manual.advance(by: .milliseconds(500))
        #expect(log.values == [0, 1])
        start(test, 3, in: log)
        test.manual.advance(by: .seconds(2))
        #expect(log.values == [0, 1, 2, 3])
        test.finish()
    }

    /// What is dear waits for its room, and what is cheap and comes later does not take it away.
    @Test func whatIsDearIsNotStarved() throws {
        let test = try makeTest(burst: 3)
        let log = EventLog<Int>(test.runtime.clock)
        start(test, 0, in: log, cost: 3)
        start(test, 1, in: log, cost: 3)
        for name in 2...4 { start(test, name, in: log) }
        test.manual.advance(by: .seconds(2))
        #expect(log.values == [0])
        test.manual.advance(by: .seconds(4))
        #expect(log.values == [0, 1, 2, 3, 4])
        test.finish()
    }

    @Test func theFirstLeavesAndTheNextGoesWhenThereIsRoomForIt() throws {
        let test = try makeTest(burst: 3)
        let log = EventLog<Int>(test.runtime.clock)
        start(test, 0, in: log, cost: 3)
        let dear = start(test, 1, in: log, cost: 3)
        start(test, 2, in: log)
        test.manual.advance(by: .seconds(2))
        dear.cancel()
        test.manual.settle()
        #expect((dear.error as? GyreError)?.code == .cancelled)
        #expect(log.values == [0, 2], "there was room for one already")
        test.finish()
    }

    @Test func theLineIsBoundedAndADeadlineEndsTheWait() throws {
        let test = try makeTest(FairQueueConfiguration(capacity: 2))
        let log = EventLog<Int>(test.runtime.clock)
        start(test, 0, in: log)
        start(test, 1, in: log)
        let late = start(test, 2, in: log, deadline: ManualDependency.start + .milliseconds(1_500))
        let tooMany = start(test, 3, in: log)
        #expect((tooMany.error as? GyreError)?.policy == .fairQueue)
        test.manual.advance(by: .seconds(5))
        // The earliest deadline is next, so it went first.
        #expect(late.error == nil && log.values == [0, 2, 1])
        test.finish()
    }

    /// Four wait with the same deadline, for which there is room for one: it goes, and the others are told.
    @Test func whoseTurnDoesNotComeInTimeIsToldAtItsDeadline() throws {
        let test = try makeTest()
        let log = EventLog<Int>(test.runtime.clock)
        start(test, 0, in: log)
        let end = ManualDependency.start + .milliseconds(1_500)
        let calls = (1...4).map { start(test, $0, in: log, deadline: end) }
        test.manual.advance(by: .seconds(5))
        #expect(log.values == [0, 1])
        #expect(
            calls.compactMap { ($0.error as? GyreError)?.code } == [
                .deadlineExceeded, .deadlineExceeded, .deadlineExceeded,
            ])
        test.finish()
    }

    /// A turn that the breaker refuses pays nothing.
    @Test func aTurnThatIsNotUsedIsGivenBack() throws {
        let test = try makeTest(burst: 2, breaker: CircuitBreaker())
        let log = EventLog<Int>(test.runtime.clock)
        start(test, 0, in: log, cost: 2)
        let waiting = start(test, 1, in: log, cost: 2)
        test.dependency.orderBreaker(.forceOpen)
        test.manual.advance(by: .seconds(2))
        #expect((waiting.error as? GyreError)?.policy == .breaker)
        test.dependency.orderBreaker(.close)
        start(test, 2, in: log, cost: 2)
        #expect(log.values == [0, 2])
        test.finish()
    }

    @Test func otherPoliciesLetGoWhoWaits() throws {
        let test = try makeTest()
        let log = EventLog<Int>(test.runtime.clock)
        for name in 0...4 { start(test, name, in: log) }
        #expect(test.dependency.snapshot().turnsWaiting == 4)
        try test.dependency.replacePolicies(.none)
        test.manual.settle()
        #expect(log.values.sorted() == [0, 1, 2, 3, 4])
        test.finish()
    }

    // MARK: - Pause

    @Test func whatIsPausedWaitsAndIsNotLost() throws {
        let test = try ManualDependency(.init(retry: RetryPolicy(), retryBudget: RetryBudget()))
        let stock = test.dependency
        let log = EventLog<Int>(test.runtime.clock)
        let runtime = test.runtime
        let underWay = test.start { _ in
            try await runtime.sleep(for: .seconds(1))
            log.record(0)
        }
        stock.pause(until: ManualDependency.start + .seconds(5))
        #expect(stock.snapshot().pausedUntil == ManualDependency.start + .seconds(5))
        start(test, 1, in: log, priority: .lowest)
        start(test, 2, in: log, priority: .highest)
        let late = start(test, 3, in: log, deadline: ManualDependency.start + .seconds(3))
        test.manual.advance(by: .seconds(4))
        #expect(log.values == [0] && !underWay.isPending)
        #expect((late.error as? GyreError)?.code == .deadlineExceeded)
        test.manual.advance(by: .seconds(1))
        #expect(log.values == [0, 2, 1] && stock.snapshot().pausedUntil == nil)
        try test.call { _ in }
        test.finish()
    }

    @Test func aPauseWithoutAnEndIsEndedByHand() throws {
        let test = try ManualDependency(.none)
        let stock = test.dependency
        let log = EventLog<Int>(test.runtime.clock)
        #expect(!stock.resume())
        stock.pause()
        start(test, 1, in: log)
        test.manual.advance(by: .seconds(86_400))
        #expect(log.values.isEmpty)
        #expect(stock.resume())
        test.manual.settle()
        #expect(log.values == [1])
        try test.call { _ in }
        test.finish()
    }

    @Test func theEndOfTheRuntimeEndsAPause() async throws {
        let runtime = try makeRuntime()
        let stock = try Dependency("stock", on: runtime, .none)
        stock.pause()
        let call = Task { try await stock.call { _ in Issue.record("it was tried") } }
        #expect(await soon { stock.snapshot().turnsWaiting == 1 })
        await runtime.finishAsync()
        let error = await #expect(throws: GyreError.self) { try await call.value }
        #expect(error?.code == .closed)
        stock.expectNothingHeld()
    }
}
