import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// A slow attempt gets a second one beside it, which is charged, judged and given back like any.
@Suite struct DependencyHedgeTests {
    private func makeTest(
        attempt: Duration? = nil, bulkhead: Bulkhead? = nil, breaker: CircuitBreaker? = nil
    ) throws -> ManualDependency {
        let test = try ManualDependency(
            .init(
                timeouts: Timeouts(attempt: attempt), bulkhead: bulkhead,
                retryBudget: RetryBudget(share: 1, hedgeShare: 1),
                hedge: HedgePolicy(delay: .fixed(.milliseconds(10))), breaker: breaker))
        return test
    }

    /// The first takes a second, the second 5 ms.
    private func slowOnce(_ test: ManualDependency, isIdempotent: Bool = true) -> ManualTask<Bool> {
        let runtime = test.runtime
        return test.start(isIdempotent: isIdempotent) { attempt in
            try await runtime.sleep(for: attempt.isHedge ? .milliseconds(5) : .seconds(1))
            return attempt.isHedge
        }
    }

    @Test func theHedgeOvertakesASlowCall() throws {
        let test = try makeTest(bulkhead: Bulkhead(permits: 10), breaker: CircuitBreaker(callsMin: 1))
        let call = slowOnce(test)
        test.manual.advance(by: .milliseconds(10))
        #expect(test.dependency.snapshot().hedgesActive == 1 && test.dependency.snapshot().permitsInUse == 2)
        test.manual.advance(by: .milliseconds(5))
        #expect(try call.result?.get() == true)
        #expect(test.dependency.snapshot().breaker == .closed, "the loser was cancelled, which says nothing")
        test.finish()
    }

    @Test func aFastCallIsNotHedged() throws {
        let test = try makeTest()
        let runtime = test.runtime
        let tried = Tally()
        for _ in 0..<20 {
            try test.call(isIdempotent: true) { _ in
                tried.add()
                try await runtime.sleep(for: .milliseconds(9))
            }
        }
        #expect(tried.count == 20 && test.elapsed == .milliseconds(180))
        test.finish()
    }

    @Test func workThatMayNotBeDoneTwiceIsNot() throws {
        let test = try makeTest()
        let call = slowOnce(test, isIdempotent: false)
        test.manual.advance(by: .seconds(1))
        #expect(try call.result?.get() == false)
        test.finish()
    }

    @Test func whenBothFailTheFirstOnesErrorIsTheCalls() throws {
        let test = try makeTest()
        let runtime = test.runtime
        let call: ManualTask<Void> = test.start(isIdempotent: true) { attempt in
            try await runtime.sleep(for: .milliseconds(attempt.isHedge ? 5 : 40))
            throw Failure(number: attempt.isHedge ? 2 : 1)
        }
        test.manual.advance(by: .milliseconds(39))
        #expect(call.isPending, "the hedge has failed, and the first may succeed yet")
        test.manual.advance(by: .milliseconds(1))
        #expect(call.error as? Failure == Failure(number: 1))
        test.finish()
    }

    @Test func aFullBulkheadOrASpentBudgetHasNone() throws {
        let full = try makeTest(bulkhead: Bulkhead(permits: 1))
        let alone = slowOnce(full)
        full.manual.advance(by: .seconds(1))
        #expect(try alone.result?.get() == false)
        full.finish()
        let poor = try ManualDependency(
            .init(retryBudget: RetryBudget(), hedge: HedgePolicy(delay: .fixed(.milliseconds(10)))))
        let call = slowOnce(poor)
        poor.manual.advance(by: .seconds(1))
        #expect(try call.result?.get() == false, "one call has no twentieth of a hedge")
        poor.finish()
    }

    @Test func cancellingTheCallerCancelsBoth() throws {
        let test = try makeTest(bulkhead: Bulkhead(permits: 10))
        let runtime = test.runtime
        let ended = Tally()
        let call: ManualTask<Void> = test.start(isIdempotent: true) { _ in
            defer { ended.add() }
            try await runtime.sleep(for: .seconds(60))
        }
        test.manual.advance(by: .milliseconds(20))
        call.cancel()
        test.manual.settle()
        #expect((call.error as? GyreError)?.code == .cancelled && ended.count == 2)
        test.finish()
    }

    @Test func anAttemptsTimeEndsBoth() throws {
        let test = try makeTest(attempt: .milliseconds(50), breaker: CircuitBreaker(callsMin: 2))
        let runtime = test.runtime
        let call: ManualTask<Void> = test.start(isIdempotent: true) { _ in try await runtime.sleep(for: .seconds(9)) }
        test.manual.advance(by: .milliseconds(50))
        let error = try #require(call.error as? GyreError)
        #expect(error.code == .deadlineExceeded && error.policy == .attemptTimeout)
        #expect(test.dependency.snapshot().breaker == .open, "both count")
        test.finish()
    }

    /// 200 calls of 10 ms teach it; then one of 1 s is hedged after the observed time.
    @Test func theDelayIsLearned() throws {
        let test = try ManualDependency(
            .init(retryBudget: RetryBudget(share: 1, hedgeShare: 1), hedge: HedgePolicy()))
        let runtime = test.runtime
        for _ in 0..<400 { try test.call(isIdempotent: true) { _ in try await runtime.sleep(for: .milliseconds(10)) } }
        let learned = test.dependency.learned.hedgeDelayNanoseconds
        #expect(learned.lastDecision?.reason == .percentile)
        let delay = try #require(learned.value)
        #expect(delay >= 9_900_000 && delay <= 10_100_000)
        let call = slowOnce(test)
        test.manual.advance(by: .milliseconds(16))
        #expect(try call.result?.get() == true)
        test.dependency.pinHedgeDelay(.milliseconds(100))
        #expect(test.dependency.describe().contains("observedNanoseconds = 100000000 (user)"))
        let later = slowOnce(test)
        test.manual.advance(by: .milliseconds(104))
        #expect(later.isPending)
        test.manual.advance(by: .milliseconds(1))
        #expect(try later.result?.get() == true)
        test.finish()
    }
}
