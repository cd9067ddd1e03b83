import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// What is left of calls whose work has failed for good.
@Suite struct DeadCallTests {
    private func makeTest(
        timeouts: Timeouts? = nil, attempts: Int? = 3, budget: RetryBudget? = nil, rateLimit: RateLimit? = nil,
        lettersMax: Int = Dependency.lettersMaxDefault, decide: RetryClassifier? = nil
    ) throws -> (ManualRuntime, Dependency) {
        let retry = try attempts.map {
            try RetryPolicy(
                attemptsMax: $0, backoff: Backoff(base: .milliseconds(50), jitter: Backoff.Jitter.none))
        }
        let manual = try ManualRuntime(startingAt: ManualDependency.start)
        let policies = Dependency.Policies(timeouts: timeouts, retry: retry, retryBudget: budget, rateLimit: rateLimit)
        return (manual, try Dependency("stock", on: manual.runtime, policies, lettersMax: lettersMax, decide: decide))
    }

    @Test(arguments: [0, -1]) func roomForNoLetterIsRefused(lettersMax: Int) throws {
        #expect(throws: ConfigurationError.self) { try makeTest(lettersMax: lettersMax) }
    }

    @Test func anExhaustedCallLeavesALetter() throws {
        let (manual, stock) = try makeTest()
        #expect(throws: Failure(number: 3)) {
            try manual.run {
                try await stock.call(cost: 2, priority: .highest, tenant: 9) { attempt in
                    throw Failure(number: attempt.number)
                }
            }
        }
        let letter = try #require(stock.deadLetters.first)
        #expect(stock.deadLetters.count == 1 && stock.snapshot().deadLetters == 1)
        #expect(letter.reason == .attempts && letter.attempts == 3)
        #expect(letter.error as? Failure == Failure(number: 3) && letter.errorClass == .transient)
        #expect(letter.arrived == ManualDependency.start)
        #expect(letter.died == ManualDependency.start + .milliseconds(150))
        #expect(letter.tenant == 9 && letter.priority == .highest && letter.cost == 2)
        manual.finish()
    }

    @Test func theReasonIsTyped() throws {
        func reason(
            _ kind: ErrorClass = .transient, timeouts: Timeouts? = nil, attempts: Int? = 3, budget: RetryBudget? = nil,
            decide: RetryClassifier? = nil
        ) throws -> RetryStop? {
            let (manual, stock) = try makeTest(timeouts: timeouts, attempts: attempts, budget: budget, decide: decide)
            #expect(throws: ServiceError(kind)) {
                try manual.run { try await stock.call { _ in throw ServiceError(kind) } }
            }
            manual.finish()
            return stock.deadLetters.first?.reason
        }
        #expect(try reason() == .attempts)
        #expect(try reason(.permanent) == .failed)
        #expect(try reason(timeouts: Timeouts(total: .milliseconds(60))) == .deadline)
        #expect(try reason(budget: RetryBudget(share: 0, floor: 0)) == .budget)
        #expect(try reason(.throttled(retryAfter: .seconds(86_400))) == .retryAfter)
        #expect(try reason(attempts: nil) == .attempts)
        #expect(try reason(.permanent, attempts: nil) == .failed)
        #expect(try reason { _, _ in .discard } == nil, "nobody wants to see it again")
        #expect(try reason(.cancelled) == nil)
        #expect(try reason(.interrupted) == nil)
    }

    /// What was not tried has not failed.
    @Test func whatWasRefusedBeforeItsWorkLeavesNone() throws {
        let (manual, stock) = try makeTest(
            timeouts: Timeouts(queue: .milliseconds(20)), rateLimit: RateLimit(1, per: .seconds(60)))
        try manual.run { try await stock.call { _ in } }
        let full = manual.start { try await stock.call { _ in } }
        stock.pause()
        let late = manual.start { try await stock.call(deadline: ManualDependency.start + .milliseconds(10)) { _ in } }
        let cancelled = manual.start { try await stock.call { _ in } }
        manual.settle()
        cancelled.cancel()
        manual.advance(by: .seconds(1))
        #expect(full.error is GyreError && late.error is GyreError && cancelled.error is GyreError)
        #expect(stock.deadLetters.isEmpty)
        manual.finish()
    }

    @Test func theOldestGoesAndIsCounted() throws {
        let (manual, stock) = try makeTest(attempts: 1, lettersMax: 3)
        for number in 1...8 {
            #expect(throws: Failure(number: number)) {
                try manual.run { try await stock.call { _ in throw Failure(number: number) } }
            }
        }
        #expect(stock.deadLetters.map { ($0.error as? Failure)?.number } == [6, 7, 8])
        #expect(stock.deadLettersDropped == 5 && stock.snapshot().deadLettersDropped == 5)
        manual.finish()
    }

    @Test func aCallThatIsServedByAFallbackLeavesOneToo() throws {
        let (manual, stock) = try makeTest(attempts: 2)
        let fallbacks = try Fallbacks<Void, Int>(of: stock, [.init(FallbackStep("list")) { _ in 7 }])
        let served = try manual.run { try await stock.call(orElse: fallbacks) { _ in throw Failure(number: 1) } }
        #expect(served.value == 7 && stock.deadLetters.map(\.attempts) == [2])
        manual.finish()
    }
}
