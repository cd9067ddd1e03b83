import Gyre
import GyreCore
import Testing

@testable import Gyre

/// A dependency on a clock that the test moves.
struct ManualDependency {
    static let start = MonotonicInstant(nanoseconds: 3_600_000_000_000)

    let runtime: Runtime
    let time: ManualTime
    let dependency: Dependency

    init(
        _ policies: Dependency.Policies, decide: RetryClassifier? = nil,
        classify: @escaping @Sendable (any Error) -> ErrorClass = { ErrorClass(of: $0) }
    ) throws {
        let (clock, time) = MonotonicClock.manual(startingAt: Self.start)
        runtime = try makeRuntime { $0.clock = clock }
        self.time = time
        dependency = try Dependency(
            "stock", on: runtime, policies, seed: 7, classify: classify, decide: decide)
    }

    /// Time since the test began.
    var elapsed: Duration { Self.start.duration(to: runtime.clock.now) }

    /// Waits until `count` timers wait: who sleeps is asleep then.
    func wait(forTimers count: UInt64, _ location: SourceLocation = #_sourceLocation) async {
        #expect(await soon { runtime.timers.waiting == count }, sourceLocation: location)
    }

    /// Ends the test: nothing is held any more.
    func finish(_ location: SourceLocation = #_sourceLocation) async {
        dependency.expectNothingHeld(location)
        await runtime.finishAsync(location)
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
        #expect(snapshot.permitsInUse ?? 0 == 0, sourceLocation: location)
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

    @Test func attemptsKeepTheirDistance() async throws {
        let test = try ManualDependency(.init(retry: retry(3, base: .milliseconds(50)), retryBudget: RetryBudget()))
        let (stock, clock) = (test.dependency, test.runtime.clock)
        let began = Lock<[Duration]>([])
        let call = Task {
            try await stock.call { attempt in
                began.withLock { $0.append(ManualDependency.start.duration(to: clock.now)) }
                throw Failure(number: attempt.number)
            }
        }
        await test.wait(forTimers: 1)
        #expect(stock.snapshot().retriesActive == 1, "the pause is part of the retry")
        test.time.advance(by: .milliseconds(49))
        await test.wait(forTimers: 1)
        test.time.advance(by: .milliseconds(1))
        await test.wait(forTimers: 0)
        await test.wait(forTimers: 1)
        test.time.advance(by: .milliseconds(100))
        await #expect(throws: Failure(number: 3)) { try await call.value }
        #expect(began.withLock { $0 } == [.zero, .milliseconds(50), .milliseconds(150)])
        await test.finish()
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

    @Test func theUsersOwnWordsDecide() async throws {
        let test = try ManualDependency(
            .init(retry: retry(2)), decide: { _, attempts in attempts == 1 ? .snooze(.seconds(3)) : .fail })
        let (stock, tried) = (test.dependency, Tally())
        let call = Task {
            try await stock.call { attempt in
                #expect(attempt.number == 1, "a snooze does not count")
                tried.add()
                if tried.count < 3 { throw Failure(number: 0) }
                return tried.count
            }
        }
        for _ in 0..<2 {
            await test.wait(forTimers: 1)
            test.time.advance(by: .seconds(3))
            await test.wait(forTimers: 0)
        }
        #expect(try await call.value == 3)
        await test.finish()
    }

    @Test func retriesAreAShareOfTheWork() async throws {
        let test = try ManualDependency(
            .init(retry: retry(2, base: .seconds(1)), retryBudget: RetryBudget(share: 0, floor: 2)))
        let (stock, refused) = (test.dependency, Tally())
        let calls = (0..<5).map { number in
            Task {
                do {
                    return try await stock.call { attempt in
                        if attempt.number == 1 { throw Failure(number: number) }
                        return true
                    }
                } catch let error as Failure {
                    #expect(error == Failure(number: number))
                    refused.add()
                    return false
                }
            }
        }
        #expect(await soon { refused.count == 3 }, "two of five may try again")
        #expect(stock.snapshot().retriesActive == 2)
        await test.wait(forTimers: 2)
        test.time.advance(by: .seconds(1))
        var succeeded = 0
        for call in calls where try await call.value { succeeded += 1 }
        #expect(succeeded == 2)
        await test.finish()
    }

    // MARK: - Time

    @Test func aPassedDeadlineTriesNothing() async throws {
        let test = try ManualDependency(.standard)
        let error = await #expect(throws: GyreError.self) {
            try await test.dependency.call(deadline: ManualDependency.start) { _ in Issue.record("it was tried") }
        }
        #expect(error?.code == .deadlineExceeded && error?.policy == .deadline && error?.dependency == "stock")
        await test.finish()
    }

    /// 100 ms in all; an attempt is known to take 30 ms at least.
    @Test(arguments: [(pause: 60, retries: true), (pause: 80, retries: false)])
    func aRetryThatCannotEndInTimeIsNotStarted(pause: Int, retries: Bool) async throws {
        let test = try ManualDependency(
            .init(
                timeouts: Timeouts(total: .milliseconds(100)), retry: retry(2, base: .milliseconds(pause)),
                retryBudget: RetryBudget()))
        let (stock, time) = (test.dependency, test.time)
        try await stock.call { _ in _ = time.advance(by: .milliseconds(30)) }
        let call = Task {
            try await stock.call { attempt in
                if attempt.number == 1 { throw Failure(number: 1) }
                return attempt.number
            }
        }
        if retries {
            // Not the timer of the first attempt's end: the one of the pause.
            #expect(await soon { stock.snapshot().retriesActive == 1 })
            await test.wait(forTimers: 1)
            time.advance(by: .milliseconds(pause))
            #expect(try await call.value == 2)
        } else {
            await #expect(throws: Failure(number: 1)) { try await call.value }
            #expect(test.elapsed == .milliseconds(30), "at once")
        }
        await test.finish()
    }

    @Test func anAttemptHasItsOwnTimeAndTheCallAnother() async throws {
        let test = try ManualDependency(
            .init(
                timeouts: Timeouts(attempt: .milliseconds(40), total: .milliseconds(50)), retry: retry(9),
                retryBudget: RetryBudget()))
        let (stock, runtime) = (test.dependency, test.runtime)
        let deadlines = Lock<[Deadline]>([])
        let call = Task {
            try await stock.call { attempt in
                deadlines.withLock { $0.append(attempt.deadline) }
                try await runtime.sleep(for: .seconds(60))
            }
        }
        await test.wait(forTimers: 2)  // the attempt's end and the work's own
        test.time.advance(by: .milliseconds(40))
        #expect(await soon { deadlines.withLock { $0.count } == 2 })
        await test.wait(forTimers: 2)
        test.time.advance(by: .milliseconds(10))
        let error = await #expect(throws: GyreError.self) { try await call.value }
        #expect(error?.code == .deadlineExceeded && error?.policy == .deadline)
        #expect((error?.cause as? GyreError)?.policy == .attemptTimeout, "the attempt before it")
        #expect(
            deadlines.withLock { $0 } == [
                Deadline(ManualDependency.start + .milliseconds(40), by: .attempt),
                Deadline(ManualDependency.start + .milliseconds(50), by: .total),
            ])
        await test.finish()
    }

    // MARK: - Cancel and drain

    @Test func cancellingTheCallerEndsItsPause() async throws {
        let test = try ManualDependency(
            .init(bulkhead: Bulkhead(), retry: retry(2, base: .seconds(9)), retryBudget: RetryBudget()))
        let stock = test.dependency
        let call = Task { try await stock.call { _ in throw Failure(number: 1) } }
        await test.wait(forTimers: 1)
        call.cancel()
        let error = await #expect(throws: GyreError.self) { try await call.value }
        #expect(error?.code == .cancelled && error?.cause as? Failure == Failure(number: 1))
        await test.finish()
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
