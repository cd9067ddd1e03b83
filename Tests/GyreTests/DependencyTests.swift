import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// A dependency of a runtime that the test moves.
struct ManualDependency {
    static let start = MonotonicInstant(nanoseconds: 3_600_000_000_000)

    /// Calls that come at once, of several classes and tenants, and the order in which they go where only one at a time
    /// may: the first before the others came, then by class, and tenants in turns.
    static let crowd: [(name: Int, priority: PriorityClass, tenant: UInt64)] = [
        (0, .normal, 0), (1, .normal, 1), (2, .normal, 1), (3, .normal, 1), (4, .normal, 2), (5, .lowest, 0),
        (6, .highest, 0),
    ]
    static let crowdInTurn = [0, 6, 1, 4, 2, 3, 5]

    let manual: ManualRuntime
    let dependency: Dependency
    var runtime: Runtime { manual.runtime }
    var time: ManualTime { manual.time }

    init(
        _ policies: Dependency.Policies, decide: RetryClassifier? = nil,
        classify: @escaping @Sendable (any Error) -> ErrorClass = { ErrorClass(of: $0) }
    ) throws {
        manual = try ManualRuntime(startingAt: Self.start)
        dependency = try Dependency(
            "stock", on: manual.runtime, policies, seed: 7, classify: classify, decide: decide)
    }

    /// Time since the test began.
    var elapsed: Duration { Self.start.duration(to: manual.now) }

    /// A call to its end, for which time moves as far as it must.
    @discardableResult
    func call<Value: Sendable>(
        cost: UInt64 = 1, deadline: MonotonicInstant = .distantFuture, isIdempotent: Bool = false,
        _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) throws -> Value {
        try manual.run { [dependency] in
            try await dependency.call(cost: cost, deadline: deadline, isIdempotent: isIdempotent, work)
        }
    }

    /// A call that has begun and got as far as it gets without time.
    func start<Value: Sendable>(
        cost: UInt64 = 1, deadline: MonotonicInstant = .distantFuture, priority: PriorityClass = .normal,
        tenant: UInt64 = 0, isIdempotent: Bool = false,
        _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) -> ManualTask<Value> {
        let task = manual.start { [dependency] in
            try await dependency.call(
                cost: cost, deadline: deadline, priority: priority, tenant: tenant, isIdempotent: isIdempotent, work)
        }
        manual.settle()
        return task
    }

    /// Ends the test: nothing is held any more, and no timer was forgotten.
    func finish(_ location: SourceLocation = #_sourceLocation) {
        manual.settle()
        dependency.expectNothingHeld(location)
        #expect(runtime.timers.waiting == 0, sourceLocation: location)
        #expect(manual.finish().isComplete, sourceLocation: location)
    }
}

/// ``eventually(_:)`` for async tests, which keeps no thread from others.
func soon(_ condition: () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(patienceSeconds)
    while !condition(), ContinuousClock.now < end { await Task.yield() }
    return condition()
}

extension Dependency {
    func expectNothingHeld(_ location: SourceLocation = #_sourceLocation) {
        let snapshot = snapshot()
        #expect(snapshot.callsActive ?? 0 == 0, sourceLocation: location)
        #expect(snapshot.retriesActive ?? 0 == 0, sourceLocation: location)
        #expect(snapshot.hedgesActive ?? 0 == 0, sourceLocation: location)
        #expect(snapshot.permitsInUse ?? 0 == 0, sourceLocation: location)
        #expect(snapshot.waiting ?? 0 == 0, sourceLocation: location)
        #expect(snapshot.turnsWaiting == 0, sourceLocation: location)
        #expect(snapshot.probesActive ?? 0 == 0, sourceLocation: location)
    }
}

/// An error of a class that a test chooses.
struct ServiceError: ClassifiedError, Equatable {
    let errorClass: ErrorClass
    init(_ errorClass: ErrorClass) { self.errorClass = errorClass }
}

/// What a call ends with, one policy at a time.
@Suite struct DependencyTests {
    /// Pauses of exactly `base`, then twice that, and so on.
    private func retry(_ attempts: Int, base: Duration = .zero) throws -> RetryPolicy {
        try RetryPolicy(attemptsMax: attempts, backoff: Backoff(base: base, jitter: Backoff.Jitter.none))
    }

    @Test func oneLineIsEnough() async throws {
        let runtime = try makeRuntime()
        let stock = Dependency("stock", on: runtime)
        #expect(try await stock.call { _ in 42 } == 42)
        #expect(try await stock.call { attempt in attempt.number } == 1)
        let isOnWorker = try await stock.call { _ in runtime.isWorker }
        #expect(isOnWorker)
        stock.expectNothingHeld()
        await runtime.finishAsync()
    }

    // MARK: - Retry

    @Test func attemptsAreCountedAndTheLastOnesErrorComesOutUnchanged() async throws {
        let runtime = try makeRuntime()
        let stock = try Dependency("stock", on: runtime, .init(retry: retry(4), retryBudget: RetryBudget()))
        let tried = Order()
        await #expect(throws: Failure(number: 4)) {
            try await stock.call { attempt in
                tried.append(attempt.number)
                throw Failure(number: attempt.number)
            }
        }
        #expect(tried.numbers == [1, 2, 3, 4])
        let value = try await stock.call { attempt in
            if attempt.number < 3 { throw Failure(number: attempt.number) }
            return attempt.number
        }
        #expect(value == 3)
        stock.expectNothingHeld()
        await runtime.finishAsync()
    }

    @Test func attemptsKeepTheirDistance() throws {
        let test = try ManualDependency(.init(retry: retry(3, base: .milliseconds(50)), retryBudget: RetryBudget()))
        let (stock, clock) = (test.dependency, test.runtime.clock)
        let began = Lock<[Duration]>([])
        let call: ManualTask<Void> = test.start { attempt in
            began.withLock { $0.append(ManualDependency.start.duration(to: clock.now)) }
            throw Failure(number: attempt.number)
        }
        #expect(stock.snapshot().retriesActive == 1, "the pause is part of the retry")
        test.manual.advance(by: .seconds(1))
        #expect(call.error as? Failure == Failure(number: 3))
        #expect(began.withLock { $0 } == [.zero, .milliseconds(50), .milliseconds(150)])
        test.finish()
    }

    @Test(arguments: [ErrorClass.permanent, .budgetExhausted, .cancelled, .interrupted, .rejected(retryAfter: nil)])
    func someErrorsAreNotTriedAgain(kind: ErrorClass) async throws {
        let runtime = try makeRuntime()
        let stock = try Dependency("stock", on: runtime, .init(retry: retry(5)))
        let tried = Tally()
        await #expect(throws: ServiceError(kind)) {
            try await stock.call { _ in
                tried.add()
                throw ServiceError(kind)
            }
        }
        #expect(tried.count == 1)
        await runtime.finishAsync()
    }

    @Test func theUsersOwnWordsDecide() throws {
        let test = try ManualDependency(
            .init(retry: retry(2)), decide: { _, attempts in attempts == 1 ? .snooze(.seconds(3)) : .fail })
        let tried = Tally()
        let value = try test.call { attempt in
            #expect(attempt.number == 1, "a snooze does not count")
            tried.add()
            if tried.count < 3 { throw Failure(number: 0) }
            return tried.count
        }
        #expect(value == 3 && test.elapsed == .seconds(6))
        test.finish()
    }

    @Test func retriesAreAShareOfTheWork() throws {
        let test = try ManualDependency(
            .init(retry: retry(2, base: .seconds(1)), retryBudget: RetryBudget(share: 0, floor: 2)))
        let calls = (0..<5).map { number in
            test.manual.start { [stock = test.dependency] in
                try await stock.call { attempt in
                    if attempt.number == 1 { throw Failure(number: number) }
                }
            }
        }
        test.manual.settle()
        #expect(calls.count { $0.error is Failure } == 3, "two of five may try again")
        #expect(test.dependency.snapshot().retriesActive == 2)
        test.manual.advance(by: .seconds(1))
        #expect(calls.count { $0.error == nil && !$0.isPending } == 2)
        test.finish()
    }

    // MARK: - Time

    @Test func aPassedDeadlineTriesNothing() throws {
        let test = try ManualDependency(.standard)
        let error = #expect(throws: GyreError.self) {
            try test.call(deadline: ManualDependency.start) { _ in Issue.record("it was tried") }
        }
        #expect(error?.code == .deadlineExceeded && error?.policy == .deadline && error?.dependency == "stock")
        test.finish()
    }

    /// 100 ms in all; an attempt is known to take 30 ms at least.
    @Test(arguments: [(pause: 60, retries: true), (pause: 80, retries: false)])
    func aRetryThatCannotEndInTimeIsNotStarted(pause: Int, retries: Bool) throws {
        let test = try ManualDependency(
            .init(
                timeouts: Timeouts(total: .milliseconds(100)), retry: retry(2, base: .milliseconds(pause)),
                retryBudget: RetryBudget()))
        let runtime = test.runtime
        try test.call { _ in try await runtime.sleep(for: .milliseconds(30)) }
        let call = test.start { attempt in
            if attempt.number == 1 { throw Failure(number: 1) }
            return attempt.number
        }
        if retries {
            test.manual.advance(by: .milliseconds(pause))
            #expect(try call.result?.get() == 2)
        } else {
            #expect(call.error as? Failure == Failure(number: 1), "at once")
        }
        test.finish()
    }

    @Test func anAttemptHasItsOwnTimeAndTheCallAnother() throws {
        let test = try ManualDependency(
            .init(
                timeouts: Timeouts(attempt: .milliseconds(40), total: .milliseconds(50)), retry: retry(9),
                retryBudget: RetryBudget()))
        let runtime = test.runtime
        let deadlines = Lock<[Deadline]>([])
        let error = #expect(throws: GyreError.self) {
            try test.call { attempt in
                deadlines.withLock { $0.append(attempt.deadline) }
                try await runtime.sleep(for: .seconds(60))
            }
        }
        #expect(test.elapsed == .milliseconds(50))
        #expect(error?.code == .deadlineExceeded && error?.policy == .deadline)
        #expect((error?.cause as? GyreError)?.policy == .attemptTimeout, "the attempt before it")
        #expect(
            deadlines.withLock { $0 } == [
                Deadline(ManualDependency.start + .milliseconds(40), by: .attempt),
                Deadline(ManualDependency.start + .milliseconds(50), by: .total),
            ])
        test.finish()
    }

    // MARK: - Cancel and drain

    @Test func cancellingTheCallerEndsItsPause() throws {
        let test = try ManualDependency(
            .init(bulkhead: Bulkhead(), retry: retry(2, base: .seconds(9)), retryBudget: RetryBudget()))
        let call: ManualTask<Void> = test.start { _ in throw Failure(number: 1) }
        call.cancel()
        test.manual.settle()
        let error = call.error as? GyreError
        #expect(error?.code == .cancelled && error?.cause as? Failure == Failure(number: 1))
        test.finish()
    }

    @Test(arguments: [nil, Duration.seconds(60)]) func cancellingTheCallerCancelsTheWork(timeout: Duration?)
        async throws
    {
        let runtime = try makeRuntime()
        let stock = try Dependency(
            "stock", on: runtime,
            .init(
                timeouts: Timeouts(attempt: timeout), bulkhead: Bulkhead(), retry: retry(3),
                retryBudget: RetryBudget(), breaker: CircuitBreaker(callsMin: 1)))
        let (sleeper, tried) = (Sleeper(), Tally())
        let call = Task {
            try await stock.call { _ in
                tried.add()
                try await sleeper.sleep()
            }
        }
        #expect(await soon { sleeper.isAsleep })
        #expect(stock.snapshot().permitsInUse == 1)
        call.cancel()
        let error = await #expect(throws: GyreError.self) { try await call.value }
        #expect(error?.code == .cancelled)
        #expect(tried.count == 1)
        #expect(stock.snapshot().breaker == .closed, "a cancelled call says nothing about the service")
        stock.expectNothingHeld()
        await runtime.finishAsync()
    }

    @Test func aDrainEndsPauses() async throws {
        let runtime = try makeRuntime()
        let stock = try Dependency(
            "stock", on: runtime,
            .init(bulkhead: Bulkhead(), retry: retry(2, base: .seconds(5)), retryBudget: RetryBudget()))
        let call = Task { try await stock.call { _ in throw Failure(number: 1) } }
        #expect(await soon { runtime.timers.waiting == 1 })
        await runtime.finishAsync()
        let error = await #expect(throws: GyreError.self) { try await call.value }
        #expect(error?.code == .closed && error?.cause as? Failure == Failure(number: 1))
        await #expect(throws: GyreError.self) { try await stock.call { _ in } }
        stock.expectNothingHeld()
    }
}
