import Gyre
import GyreCore
import Testing

@testable import Gyre

/// Many callers of one dependency whose work succeeds, fails in every way, hangs until its time is up, or is cancelled
/// by its caller, while the runtime may be drained in the middle. Whatever comes of it, nothing stays taken.
@Suite struct DependencyStormTests {
    private static let callers = 16
    private static let callsEach = 40

    @Test(arguments: 0..<24 as Range<UInt64>) func nothingStaysTaken(seed: UInt64) async throws {
        let runtime = try makeRuntime()
        let stock = try Self.dependency(seed, on: runtime)
        let ends = Tally()
        let isDrained = seed % 3 == 2
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<Self.callers {
                group.addTask {
                    var random = SeededRandom(seed: seed &* 1_000 &+ UInt64(caller))
                    for _ in 0..<Self.callsEach {
                        await Self.callOnce(stock, &random)
                        ends.add()
                    }
                }
            }
            if isDrained {
                group.addTask {
                    _ = await soon { ends.count > Self.callers * Self.callsEach / 3 }
                    await runtime.finishAsync()
                }
            }
        }
        #expect(ends.count == Self.callers * Self.callsEach)
        stock.expectNothingHeld()
        if !isDrained { await runtime.finishAsync() }
        #expect(runtime.timers.waiting == 0)
    }

    private static func dependency(_ seed: UInt64, on runtime: Runtime) throws -> Dependency {
        try Dependency(
            "storm", on: runtime,
            .init(
                timeouts: Timeouts(attempt: .milliseconds(2), total: seed % 2 == 0 ? .milliseconds(8) : nil),
                bulkhead: Bulkhead(permits: 12),
                retry: RetryPolicy(backoff: Backoff(base: .microseconds(200), cap: .milliseconds(1))),
                retryBudget: RetryBudget(share: 0.5),
                breaker: CircuitBreaker(
                    window: .milliseconds(100), openMin: .milliseconds(2), openMax: .milliseconds(4)),
                rateLimit: RateLimit(20_000, per: .seconds(1), burst: 20)),
            seed: seed)
    }

    /// One call to its end. What it ends with must be something that a caller can be told.
    private static func callOnce(_ stock: Dependency, _ random: inout SeededRandom) async {
        let choice = Int.random(in: 0..<12, using: &random)
        let runtime = stock.runtime
        let call = Task {
            try await stock.call { attempt in
                switch (choice, attempt.number) {
                case (0, 1), (1, 1...2): throw Failure(number: choice)
                case (2, _): throw ServiceError(.permanent)
                case (3, _): throw ServiceError(.overloaded)
                case (4, 1): throw ServiceError(.throttled(retryAfter: .microseconds(300)))
                case (5...7, _): try await runtime.sleep(for: .seconds(60))
                default: return choice
                }
                return choice
            }
        }
        if choice >= 7 && choice <= 9 { call.cancel() }
        do {
            let value = try await call.value
            #expect(value == choice)
        } catch {
            let isKnown = error is GyreError || error is ServiceError || error is Failure || error is CancellationError
            #expect(isKnown, "\(error)")
        }
    }
}
