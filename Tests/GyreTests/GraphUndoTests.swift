import GyreCore
import GyrePolicy
import Testing

@testable import Gyre

/// The failure mode `compensate`.
@Suite struct GraphUndoTests {
    @Test func completedNodesAreUndoneLastFirst() async throws {
        let runtime = try makeRuntime()
        let undone = Order()
        var graph = TaskGraph<Int>("undo", onFailure: .compensate)
        var last = graph.node("0") { $0 }
        let first = last
        for number in 1..<20 { last = graph.node("\(number)", last) { $1 + 1 } }
        let bad = graph.node("bad", last) { _, _ -> Int in throw Failure(number: 1) }
        graph.undo(first) { _, output in undone.append(output) }
        graph.undo(last) { _, output in await undone.appendLater(output) }
        graph.undo(bad) { _, _ in Issue.record("it did not complete") }
        let plan = try graph.build()
        for _ in 0..<200 {
            let result = try await runtime.run(plan, 100)
            #expect(result.status == .failure)
            #expect(result[last].value == 119, "its outcome stays as it is")
            #expect(result.undone.map(\.description) == ["19: undone", "0: undone"])
        }
        #expect(undone.numbers == (0..<200).flatMap { _ in [119, 100] })
        await runtime.finishAsync()
    }

    @Test func nothingIsUndoneWhenAllSucceed() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("undo", onFailure: .compensate)
        let good = graph.node("good") { $0 }
        graph.undo(good) { _, _ in Issue.record("nothing is to be undone") }
        let result = try await runtime.run(try graph.build(), 1)
        #expect(result.status == .success && result.undone.isEmpty)
        await runtime.finishAsync()
    }

    @Test func anUndoIsRepeatedAndAtLastParked() async throws {
        let runtime = try makeRuntime()
        let (stubborn, moody, late) = (Tally(), Tally(), Tally())
        var graph = TaskGraph<Int>("undo", onFailure: .compensate)
        let a = graph.node("a") { $0 }
        let b = graph.node("b", a) { $1 }
        let c = graph.node("c", b) { $1 }
        _ = graph.node("bad", c) { _, _ -> Int in throw Failure(number: 1) }
        graph.undo(a, retry: try Self.policy(2, .zero)) { _, _ in
            stubborn.add()
            throw Failure(number: 2)
        }
        graph.undo(b, retry: try Self.policy(5, .microseconds(100))) { _, _ async throws in
            moody.add()
            if moody.count < 4 { throw Failure(number: 3) }
        }
        graph.undo(c) { _, _ in late.add() }
        let result = try await runtime.run(try graph.build(), 1)
        #expect(result.undone.map(\.name) == ["c", "b", "a"])
        #expect(result.undone.map(\.attempts) == [1, 4, 2])
        #expect(result.undone.map(\.isUndone) == [true, true, false])
        #expect(result.undone[2].error as? Failure == Failure(number: 2))
        #expect((stubborn.count, moody.count, late.count) == (2, 4, 1))
        await runtime.finishAsync()
    }

    @Test func aRunThatItsCallerCancelsIsUndone() async throws {
        let runtime = try makeRuntime()
        let sleeper = Sleeper()
        let undone = Tally()
        var graph = TaskGraph<Int>("undo", onFailure: .compensate)
        let first = graph.node("first") { $0 }
        let asleep = graph.node("asleep", first) { _, _ in try await sleeper.sleep() }
        graph.undo(first) { _, _ async in undone.add() }
        graph.undo(asleep) { _, _ in Issue.record("it did not complete") }
        let plan = try graph.build()
        let caller = Task { try await runtime.run(plan, 1) }
        #expect(await eventuallyAsync { sleeper.isAsleep })
        caller.cancel()
        #expect(try await caller.value.undone.map(\.name) == ["first"])
        #expect(undone.count == 1)
        await runtime.finishAsync()
    }

    @Test func whatAShutdownCancelsIsNotUndone() async throws {
        let runtime = try makeRuntime()
        let sleeper = Sleeper()
        var graph = TaskGraph<Int>("undo", onFailure: .compensate)
        let first = graph.node("first") { $0 }
        _ = graph.node("asleep", first) { _, _ in try await sleeper.sleep() }
        graph.undo(first) { _, _ in Issue.record("it may be taken up again") }
        let plan = try graph.build()
        let caller = Task { try await runtime.run(plan, 1) }
        #expect(await eventuallyAsync { sleeper.isAsleep })
        await runtime.drain(soft: .zero, hard: .seconds(patienceSeconds))
        #expect(try await caller.value.undone.isEmpty)
    }

    @Test func anUndoThatCouldNeverRunIsRefused() {
        var graph = TaskGraph<Int>("undo")
        let a = graph.node("a") { $0 }
        graph.undo(a) { _, _ in }
        #expect(throws: GraphError.undoWithoutCompensation(node: "a", mode: .skipDependants)) { try graph.build() }
    }

    /// The pauses are those of the policy, and an error that would come again ends the attempts.
    @Test func anUndoWaitsAsItsPolicySays() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime { $0.clock = clock }
        let calls = Tally()
        var graph = TaskGraph<Int>("undo", onFailure: .compensate)
        let first = graph.node("first") { $0 }
        let second = graph.node("second", first) { $1 }
        _ = graph.node("bad", second) { _, _ -> Int in throw Failure(number: 1) }
        graph.undo(first, retry: try Self.policy(4, .seconds(1))) { _, _ in
            calls.add()
            throw Failure(number: calls.count)
        }
        graph.undo(second) { _, _ in throw HandlerError(handler: "second", reason: "gone") }
        let plan = try graph.build()
        let run = Task { try await runtime.run(plan, 1) }
        for (attempt, pause) in [(1, 1), (2, 2), (3, 4)] {
            #expect(await eventuallyAsync { calls.count == attempt && runtime.timers.waiting == 1 })
            try await runtime.pass(.seconds(pause) - .nanoseconds(1), time)
            #expect(calls.count == attempt)
            try await runtime.pass(.nanoseconds(1), time)
        }
        #expect(try await run.value.undone.map(\.attempts) == [1, 4])
        await runtime.finishAsync()
    }

    /// Pauses that double, without chance.
    private static func policy(_ attempts: Int, _ base: Duration) throws -> RetryPolicy {
        try RetryPolicy(attemptsMax: attempts, backoff: try Backoff(base: base, jitter: Backoff.Jitter.none))
    }
}

extension Order {
    fileprivate func appendLater(_ number: Int) async { append(number) }
}
