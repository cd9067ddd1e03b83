import GyreCore
import GyreFoundation
import GyrePolicy
import Testing

@testable import Gyre

/// Nodes that call handlers: what is kept of them, what is replayed, and what their limits do.
@Suite struct HandlerNodeTests {
    private struct Order: Codable, Hashable, Sendable {
        var item: String
        var count: Int
    }

    private static let start = MonotonicInstant(nanoseconds: 1_000_000)

    private func handler(
        _ name: String, version: Int = 1, limits: HandlerLimits = HandlerLimits(), _ calls: Tally,
        failing: @escaping @Sendable () -> Bool = { false }
    ) -> TaskHandler<Order, Int> {
        TaskHandler(name, version: version, limits: limits) { order, _ in
            calls.add()
            if failing() { throw HandlerError(handler: name, reason: "no") }
            return order.count
        }
    }

    @Test func aPlainRunCallsItsHandlersAndKeepsNothing() async throws {
        let runtime = try makeRuntime()
        let calls = Tally()
        var graph = TaskGraph<Order>("plain")
        let first = graph.node("first", calling: handler("count", calls))
        let second = graph.node("second", calling: handler("double", calls), first) { order, count in
            Order(item: order.item, count: 2 * count)
        }
        let plan = try graph.build()
        for count in 1...20 {
            let result = try await runtime.run(plan, Order(item: "tea", count: count))
            #expect(try result[second].get() == 2 * count)
            #expect(result.replayed.isEmpty)
        }
        #expect(calls.count == 40)
        #expect(runtime.journal.count == 0 && runtime.engine.live == 0)
        await runtime.finishAsync()
    }

    @Test func aRunThatIsTakenUpReplaysWhatSucceeded() async throws {
        let runtime = try makeRuntime()
        let (good, bad, closure) = (Tally(), Tally(), Tally())
        let mayWork = Tally()
        var graph = TaskGraph<Order>("resumed")
        let first = graph.node("first", calling: handler("good", good))
        let plain = graph.node("closure", first) { _, count in
            closure.add()
            return count
        }
        let last = graph.node(
            "last", calling: handler("bad", bad) { mayWork.count == 0 }, plain
        ) { order, count in Order(item: order.item, count: count + 1) }
        let plan = try graph.build()
        let order = Order(item: "tea", count: 3)
        let broken = try await runtime.run(plan, order, recording: RunRecording("order-1"))
        #expect(broken.status == .partial(failures: ["last"]))
        #expect(broken.firstError as? HandlerError == HandlerError(handler: "bad", reason: "no"), "unchanged")
        mayWork.add()
        let mended = try await runtime.run(plan, order, recording: RunRecording("order-1"))
        #expect(try mended[last].get() == 4)
        #expect(mended.replayed == ["first"])
        #expect((good.count, bad.count, closure.count) == (1, 2, 2), "a closure runs again")
        let again = try await runtime.run(plan, order, recording: RunRecording("order-1"))
        #expect(again.replayed == ["first", "last"] && bad.count == 2)
        let other = try await runtime.run(plan, order, recording: RunRecording("order-2"))
        #expect(other.replayed.isEmpty && good.count == 2)
        let entries = try await runtime.journal.load("order-1")
        #expect(entries.map(\.node) == ["first", "last", "last"])
        #expect(entries.map { $0.output != nil } == [true, false, true])
        try await runtime.journal.forget("order-1")
        #expect(try await runtime.journal.load("order-1").isEmpty)
        await runtime.finishAsync()
    }

    /// Code may change between a run and its resumption: what is the same is replayed, what is not runs again.
    @Test func whatHasChangedRunsAgain() async throws {
        let runtime = try makeRuntime()
        let calls = Tally()
        func run(version: Int, count: Int, isTurned: Bool = false) async throws -> [String] {
            var graph = TaskGraph<Order>("changed")
            let (first, second) = (handler("first", calls), handler("second", version: version, calls))
            if isTurned { _ = graph.node("new", calling: handler("new", calls)) }
            let one = graph.node("one", calling: first)
            _ = graph.node("two", calling: second, one) { Order(item: $0.item, count: $1) }
            return try await runtime.run(
                try graph.build(), Order(item: "tea", count: count), recording: RunRecording("order")
            ).replayed
        }
        #expect(try await run(version: 1, count: 1) == [])
        #expect(try await run(version: 1, count: 1) == ["one", "two"])
        #expect(try await run(version: 1, count: 1, isTurned: true) == ["one", "two"], "a node before them is new")
        #expect(calls.count == 3)
        await #expect(throws: Never.self) { try await runtime.journal.forget("elsewhere") }
        await runtime.finishAsync()
        // Another version and another input are other jobs: an engine refuses them under the key of a job that it
        // remembers, so they are asked on a fresh one, as after a restart.
        let later = try makeRuntime()
        func runLater(version: Int, count: Int) async throws -> [String] {
            var graph = TaskGraph<Order>("changed")
            let one = graph.node("one", calling: handler("first", calls))
            _ = graph.node("two", calling: handler("second", version: version, calls), one) {
                Order(item: $0.item, count: $1)
            }
            let recording = RunRecording("order", journal: runtime.journal)
            return try await later.run(try graph.build(), Order(item: "tea", count: count), recording: recording)
                .replayed
        }
        #expect(try await runLater(version: 2, count: 1) == ["one"])
        #expect(try await runLater(version: 2, count: 1) == ["one", "two"])
        await later.finishAsync()
    }

    @Test func theFirstOutcomeThatWasKeptStands() async throws {
        let runtime = try makeRuntime()
        let calls = Tally()
        var graph = TaskGraph<Order>("race")
        let counting = TaskHandler<Order, Int>("counting") { _, _ in
            calls.add()
            return calls.count
        }
        let node = graph.node("node", calling: counting)
        let plan = try graph.build()
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await runtime.run(plan, Order(item: "tea", count: 1), recording: RunRecording("order"))[node]
                        .get()
                }
            }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(values == [1])
        #expect(calls.count == 1, "runs of one key share its job")
        await runtime.finishAsync()
    }

    // MARK: - Limits

    @Test func attemptsFollowThePolicyAndEndInADeadLetter() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: Self.start)
        let runtime = try makeRuntime { $0.clock = clock }
        let calls = Tally()
        let backoff = try Backoff(base: .seconds(1), jitter: Backoff.Jitter.none)
        let limits = HandlerLimits(retry: try RetryPolicy(attemptsMax: 3, backoff: backoff))
        let flaky = TaskHandler<Order, Int>("flaky", limits: limits) { _, context in
            calls.add()
            #expect(context.attempt == calls.count)
            throw Failure(number: calls.count)
        }
        var graph = TaskGraph<Order>("retried")
        let node = graph.node("node", calling: flaky)
        let plan = try graph.build()
        let run = Task {
            try await runtime.run(plan, Order(item: "tea", count: 1), recording: RunRecording("order-9"))
        }
        for (attempt, pause) in [(1, 1), (2, 2)] {
            #expect(await eventuallyAsync { calls.count == attempt && runtime.timers.waiting == 1 })
            try await runtime.pass(.seconds(pause) - .nanoseconds(1), time)
            #expect(calls.count == attempt)
            try await runtime.pass(.nanoseconds(1), time)
        }
        let result = try await run.value
        guard case .failed(let error) = result[node] else { throw Failure(number: -1) }
        #expect(error as? Failure == Failure(number: 3), "the last error of the body, unchanged")
        let letters = runtime.engine.deadLetters
        #expect(letters.map(\.key) == ["order-9/node"])
        #expect(letters[0].attempts.map(\.error) == (1...3).map { "\(Failure(number: $0))" })
        #expect(letters[0].attempts.map { $0.started - Self.start } == [.zero, .seconds(1), .seconds(3)])
        #expect(letters[0].reason == .exhausted && !letters[0].isParked)
        #expect(letters[0].position?.description == "retried/order-9/node")
        await runtime.finishAsync()
    }

    @Test func aSnoozeUsesUpNoAttempt() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: Self.start)
        let runtime = try makeRuntime { $0.clock = clock }
        let calls = Tally()
        let early = TaskHandler<Order, Int>("early", limits: HandlerLimits(retry: try RetryPolicy(attemptsMax: 1))) {
            order, context in
            #expect(context.attempt == 1)
            calls.add()
            if calls.count < 4 { throw Snooze(for: .seconds(60)) }
            return order.count
        }
        var graph = TaskGraph<Order>("snoozed")
        let node = graph.node("node", calling: early)
        let plan = try graph.build()
        let run = Task { try await runtime.run(plan, Order(item: "tea", count: 5)) }
        for number in 1...3 {
            #expect(await eventuallyAsync { calls.count == number && runtime.timers.waiting == 1 })
            try await runtime.pass(.seconds(60), time)
        }
        #expect(try await run.value[node].get() == 5)
        await runtime.finishAsync()
    }

    @Test func progressKeepsASlowBodyAliveAndSilenceDoesNot() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: Self.start)
        let runtime = try makeRuntime { $0.clock = clock }
        let rounds = Tally()
        let limits = HandlerLimits(idle: .seconds(5), retry: try RetryPolicy(attemptsMax: 1))
        let slow = TaskHandler<Order, Int>("slow", limits: limits) { order, context in
            for round in 1...10 {
                context.progress(Double(round) / 10, "round \(round)")
                rounds.add()
                if round > order.count { try await runtime.sleep(until: .distantFuture) }
                try await runtime.sleep(for: .seconds(4))
            }
            return order.count
        }
        var graph = TaskGraph<Order>("slow")
        let node = graph.node("node", calling: slow)
        let plan = try graph.build()
        let lively = Task { try await runtime.run(plan, Order(item: "tea", count: 10)) }
        for round in 1...10 {
            #expect(await eventuallyAsync { rounds.count == round && runtime.timers.waiting == 2 })
            try await runtime.pass(.seconds(4), time)
        }
        #expect(try await lively.value[node].get() == 10)
        let silent = Task {
            try await runtime.run(plan, Order(item: "tea", count: 2), recording: RunRecording("silent"))
        }
        for round in 1...2 {
            #expect(await eventuallyAsync { rounds.count == 10 + round && runtime.timers.waiting == 2 })
            try await runtime.pass(.seconds(4), time)
        }
        #expect(await eventuallyAsync { rounds.count == 13 && runtime.timers.waiting == 2 })
        let state = try await runtime.engine.state(of: "silent/node")
        #expect(state?.progress == JobProgress(fraction: 0.3, note: "round 3"))
        try await runtime.pass(.seconds(5), time)
        guard case .failed(let error) = try await silent.value[node] else { throw Failure(number: -1) }
        #expect(error as? HandlerTimeout == HandlerTimeout(handler: "slow", limit: .idle))
        await runtime.finishAsync()
    }

    @Test func anAttemptEndsAtItsLimit() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: Self.start)
        let runtime = try makeRuntime { $0.clock = clock }
        let limits = HandlerLimits(attempt: .seconds(3), retry: try RetryPolicy(attemptsMax: 1))
        let endless = TaskHandler<Order, Int>("endless", limits: limits) { _, _ in
            try await runtime.sleep(until: .distantFuture)
            return 0
        }
        var graph = TaskGraph<Order>("endless")
        let node = graph.node("node", calling: endless)
        let plan = try graph.build()
        let run = Task { try await runtime.run(plan, Order(item: "tea", count: 1)) }
        #expect(await eventuallyAsync { runtime.timers.waiting == 2 })
        try await runtime.pass(.seconds(3), time)
        guard case .failed(let error) = try await run.value[node] else { throw Failure(number: -1) }
        #expect(error as? HandlerTimeout == HandlerTimeout(handler: "endless", limit: .attempt))
        await runtime.finishAsync()
    }

    // MARK: - Parked, paused, cancelled

    @Test func aParkedNodeWaitsUntilItIsRedriven() async throws {
        let runtime = try makeRuntime()
        let (calls, mayWork) = (Tally(), Tally())
        let limits = HandlerLimits(retry: try RetryPolicy(attemptsMax: 1), onExhausted: .park)
        let parked = TaskHandler<Order, Int>("parked", limits: limits) { order, _ in
            calls.add()
            if mayWork.count == 0 { throw Failure(number: 1) }
            return order.count
        }
        var graph = TaskGraph<Order>("parked")
        let node = graph.node("node", calling: parked)
        let plan = try graph.build()
        let run = Task {
            try await runtime.run(plan, Order(item: "tea", count: 6), recording: RunRecording("order-1"))
        }
        #expect(await eventuallyAsync { runtime.engine.deadLetters.count == 1 })
        #expect(try await runtime.engine.state(of: "order-1/node")?.phase == .parked)
        #expect(runtime.engine.redrive { $0.key == "another" }.isEmpty)
        mayWork.add()
        #expect(runtime.engine.redrive { $0.position?.run == "order-1" } == ["order-1/node"])
        #expect(try await run.value[node].get() == 6)
        #expect(calls.count == 2 && runtime.engine.deadLetters.isEmpty)
        await runtime.finishAsync()
    }

    @Test func whatIsPausedWaitsUntilItsInstant() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: Self.start)
        let runtime = try makeRuntime { $0.clock = clock }
        let calls = Tally()
        var graph = TaskGraph<Order>("paused")
        let node = graph.node("node", calling: handler("model", calls))
        let plan = try graph.build()
        let order = Order(item: "tea", count: 2)
        var recording = RunRecording("order-1")
        recording.tenant = "acme"
        let named = recording
        for scope in [PauseScope.dependency("model"), .lane(.normal), .tenant("acme")] {
            let before = calls.count
            runtime.engine.pause(scope, until: clock.now + .seconds(30))
            let run = Task { try await runtime.run(plan, order, recording: named) }
            #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
            try await runtime.pass(.seconds(30) - .nanoseconds(1), time)
            #expect(calls.count == before)
            try await runtime.pass(.nanoseconds(1), time)
            #expect(try await run.value[node].get() == 2)
            #expect(calls.count == before + 1)
            try await runtime.journal.forget("order-1")
            runtime.engine.resume(scope)
            try await runtime.pass(.seconds(90_000), time)  // the engine forgets the job too
        }
        runtime.engine.pause(.dependency("model"))
        let run = Task { try await runtime.run(plan, order) }
        #expect(await eventuallyAsync { runtime.timers.waiting == 1 })
        #expect(runtime.engine.resume(.dependency("model")))
        #expect(!runtime.engine.resume(.dependency("model")))
        #expect(try await run.value[node].get() == 2)
        await runtime.finishAsync()
    }

    /// Many times: the next one may come to wait for a job in the moment in which it is given up.
    @Test func aRunThatIsCancelledLeavesItsJobToTheNext() async throws {
        let runtime = try makeRuntime()
        let (started, calls) = (Tally(), Tally())
        let slow = TaskHandler<Order, Int>("slow") { order, _ in
            calls.add()
            if calls.count % 2 == 1 {
                started.add()
                try await runtime.sleep(until: .distantFuture)
            }
            return order.count
        }
        var graph = TaskGraph<Order>("cancelled")
        let node = graph.node("node", calling: slow)
        let plan = try graph.build()
        let order = Order(item: "tea", count: 2)
        for round in 1...500 {
            let recording = RunRecording(RunKey("order-\(round)"))
            let first = Task { try await runtime.run(plan, order, recording: recording) }
            #expect(await eventuallyAsync { started.count == round })
            let second = Task { try await runtime.run(plan, order, recording: recording) }
            first.cancel()
            guard case .cancelled(.user) = try await first.value[node] else { throw Failure(number: -1) }
            #expect(try await second.value[node].get() == 2)
        }
        #expect(runtime.engine.live == 0 && runtime.engine.deadLetters.isEmpty)
        await runtime.finishAsync()
    }

    /// Found out before it waits: a job that was given up between a look at its state and the wait for its outcome.
    @Test func nobodyWaitsForAJobThatIsGone() async {
        let outcome: JobOutcome? = await withUnsafeContinuation { continuation in
            var book = EngineBook(jobsMax: 1, lettersMax: 1, retention: .seconds(1))
            let known = book.wait(for: JobKey("gone"), 1, continuation)
            #expect(known == .some(nil), "a waiter that is kept would wait for ever")
            continuation.resume(returning: known ?? nil)
        }
        #expect(outcome == nil)
    }

    // MARK: - Elsewhere

    @Test func aNodeRunsWhereItsEngineIsServed() async throws {
        let (here, there) = (try makeRuntime(), try makeRuntime())
        let calls = Tally()
        let count = handler("count", calls)
        var handlers = TaskHandlers()
        try handlers.add(count)
        #expect(throws: HandlerError(handler: "count", reason: "its name is taken; give one of the two another")) {
            try handlers.add(count)
        }
        let engine = MemoryEngine(on: there)
        let worker = EngineWorker("mill", on: there, engine: engine, handlers: handlers, window: 4, seed: 1)
        let serving = Task { try await worker.run() }
        var graph = TaskGraph<Order>("elsewhere")
        let node = graph.node("node", calling: count)
        let plan = try graph.build()
        for number in 0..<50 {
            let recording = RunRecording(RunKey("order-\(number)"), engine: engine)
            let result = try await here.run(plan, Order(item: "tea", count: number), recording: recording)
            #expect(try result[node].get() == number)
        }
        #expect(calls.count == 50 && here.engine.live == 0)
        serving.cancel()
        try await serving.value
        await here.finishAsync()
        await there.finishAsync()
    }
}
