import Gyre
import GyreCore
import GyrePolicy
import Testing

/// One run for each key, whoever asks, until its outcome is old.
@Suite struct IdempotentRunsTests {
    private static let start = MonotonicInstant(nanoseconds: 1_000_000)

    private struct Bench {
        let runtime: Runtime
        let time: ManualTime
        let runs: IdempotentRuns<Int>
        let bodies = Tally()

        init(_ policy: IdempotencyPolicy) throws {
            let (clock, time) = MonotonicClock.manual(startingAt: start)
            self.time = time
            runtime = try makeRuntime { $0.clock = clock }
            runs = IdempotentRuns(on: runtime, policy)
        }

        func run(
            _ key: String, _ value: Int, fingerprint: String = "f", scope: String = ""
        ) async throws -> Replayable<Int> {
            try await runs.run(key, scope: scope, fingerprint: fingerprint) {
                bodies.add()
                if value < 0 { throw Failure(number: value) }
                return value
            }
        }
    }

    @Test func aKeyRunsOnceUntilItsOutcomeIsOld() async throws {
        let bench = try Bench(IdempotencyPolicy())
        let first = try await bench.run("a", 1)
        #expect(first.value == 1)
        #expect(!first.isReplayed)
        bench.time.advance(by: .seconds(86_400) - .nanoseconds(1))
        let second = try await bench.run("a", 2)
        #expect(second.value == 1)
        #expect(second.origin == .replayed)
        #expect(try await bench.run("a", 3, scope: "other").value == 3, "another scope is another key")
        bench.time.advance(by: .nanoseconds(1))
        #expect(try await bench.run("a", 4).origin == .ran)
        #expect(bench.bodies.count == 3)
        await bench.runtime.finishAsync()
    }

    @Test func anotherFingerprintIsAConflict() async throws {
        let bench = try Bench(IdempotencyPolicy())
        _ = try await bench.run("a", 1, fingerprint: "one")
        await #expect(throws: IdempotencyError.conflict(original: "one")) {
            try await bench.run("a", 2, fingerprint: "two")
        }
        #expect(bench.runs.forget("a"))
        #expect(!bench.runs.forget("a"))
        #expect(try await bench.run("a", 2, fingerprint: "two").value == 2)
        await bench.runtime.finishAsync()
    }

    @Test(arguments: [true, false]) func aFailureIsAnOutcomeWhereItIsKept(keeps: Bool) async throws {
        let bench = try Bench(IdempotencyPolicy(keepsFailures: keeps))
        await #expect(throws: Failure(number: -1)) { try await bench.run("a", -1) }
        if keeps {
            await #expect(throws: Failure(number: -1)) { try await bench.run("a", 2) }
        } else {
            #expect(try await bench.run("a", 2).value == 2)
        }
        #expect(bench.bodies.count == (keeps ? 1 : 2))
        await bench.runtime.finishAsync()
    }

    @Test func recordsAreBoundedAndNoneGoesBeforeItsTime() async throws {
        let bench = try Bench(IdempotencyPolicy(recordsMax: 2, retention: .seconds(1)))
        _ = try await bench.run("a", 1)
        _ = try await bench.run("b", 2)
        await #expect(throws: IdempotencyError.full(recordsMax: 2)) { try await bench.run("c", 3) }
        #expect(try await bench.run("a", 9).value == 1)
        for _ in 0..<20 {
            #expect(bench.runs.forget("a"))
            _ = try await bench.run("a", 1)
        }
        bench.time.advance(by: .seconds(1))
        #expect(try await bench.run("c", 3).value == 3)
        #expect(bench.runs.count == 1)
        await bench.runtime.finishAsync()
    }

    /// Callers of one key while it runs share the outcome; another request is turned away.
    @Test func whoComesWhileItRuns() async throws {
        let bench = try Bench(IdempotencyPolicy())
        let sleeper = Sleeper()
        let callers = (0..<5).map { _ in
            Task {
                try await bench.runs.run("a", fingerprint: "f") {
                    bench.bodies.add()
                    try await sleeper.sleep()
                    return 5
                }
            }
        }
        let end = ContinuousClock.now + .seconds(patienceSeconds)
        while !sleeper.isAsleep, ContinuousClock.now < end { await Task.yield() }
        await #expect(throws: IdempotencyError.conflict(original: "f")) {
            try await bench.run("a", 1, fingerprint: "other")
        }
        #expect(!bench.runs.forget("a"), "it runs")
        sleeper.wake()
        var ran = 0
        for caller in callers {
            let outcome = try await caller.value
            #expect(outcome.value == 5)
            ran += outcome.origin == .ran ? 1 : 0
        }
        #expect(ran == 1)
        #expect(bench.bodies.count == 1)
        await bench.runtime.finishAsync()
    }

    @Test func whoDoesNotAttachIsTurnedAway() async throws {
        let bench = try Bench(IdempotencyPolicy(whileRunning: .conflict))
        let sleeper = Sleeper()
        let caller = Task {
            try await bench.runs.run("a", fingerprint: "f") {
                try await sleeper.sleep()
                return 5
            }
        }
        let end = ContinuousClock.now + .seconds(patienceSeconds)
        while !sleeper.isAsleep, ContinuousClock.now < end { await Task.yield() }
        await #expect(throws: IdempotencyError.running) { try await bench.run("a", 1) }
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        #expect(try await bench.run("a", 6).value == 6, "a run that was cancelled has no outcome")
        await bench.runtime.finishAsync()
    }

    /// Nothing further begins; who waits already gets what the run brings, and it is not kept.
    @Test func aCloseLeavesNobodyWithoutAnAnswer() async throws {
        let bench = try Bench(IdempotencyPolicy())
        _ = try await bench.run("done", 1)
        let sleeper = Sleeper()
        let caller = Task {
            try await bench.runs.run("a", fingerprint: "f") {
                try await sleeper.sleep()
                return 5
            }
        }
        #expect(await eventuallyAsync { sleeper.isAsleep })
        await bench.runs.close()
        #expect(bench.runs.count == 0)
        for key in ["a", "done", "new"] {
            await #expect { try await bench.run(key, 2) } throws: { ($0 as? GyreError)?.code == .closed }
        }
        sleeper.wake()
        #expect(try await caller.value.value == 5)
        #expect(bench.runs.count == 0)
        #expect(bench.bodies.count == 1, "of the one before the close")
        await bench.runtime.finishAsync()
    }
}
