import Gyre
import GyreCore
import Testing

/// Async bodies, deadlines and loops of graphs.
@Suite struct GraphAsyncTests {
    @Test(arguments: [1, 2]) func asyncNodesPassOutputsAsOthersDo(workers: Int) async throws {
        let runtime = try makeRuntime(workers: workers)
        let other: @Sendable (Int) async -> Int = { $0 + 1 }
        var graph = TaskGraph<Int>("async")
        let first = graph.node("first") { input in await other(input) }
        let second = graph.node("second") { $0 * 10 }
        let both = graph.node("both", first, second) { _, first, second in await other(first + second) }
        let join = graph.join("join", both, first, after: ["second"]) { _, both, first in
            await other((both.value ?? 0) + (first.value ?? 0))
        }
        let plan = try graph.build()
        for input in 0..<500 {
            let result = try await runtime.run(plan, input)
            #expect(result.status == .success)
            #expect(result[join].value == (input + 1 + input * 10 + 1) + (input + 1) + 1)
        }
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksDone == 2_000)
    }

    @Test func errorsAndThrownCancelsOfAsyncBodiesAreTheirNodes() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("async")
        let bad = graph.node("bad") { _ async throws -> Int in throw Failure(number: 3) }
        let gone = graph.node("gone") { _ async throws -> Int in throw CancellationError() }
        let needsBad = graph.node("needs bad", bad) { _, value async in value }
        let needsGone = graph.node("needs gone", gone) { _, value async in value }
        let result = try await runtime.run(try graph.build(), 0)
        #expect(throws: Failure(number: 3)) { try result[bad].get() }
        #expect(because(result[needsBad]) == "bad")
        #expect(skippedBecause(result[gone]) == "gone")
        #expect(skippedBecause(result[needsGone]) == "gone")
        await runtime.finishAsync()
    }

    /// Many more bodies are suspended than there are records.
    @Test func suspendedNodesHoldNoRecords() async throws {
        let runtime = try makeRuntime(inFlight: 64)
        let sleepers = (0..<500).map { _ in Sleeper() }
        var graph = TaskGraph<Int>("suspended")
        for (number, sleeper) in sleepers.enumerated() {
            _ = graph.node("\(number)") { _ in try await sleeper.sleep() }
        }
        let end = graph.node("end", after: sleepers.indices.map(String.init)) { $0 + 1 }
        let plan = try graph.build()
        let caller = Task { try await runtime.run(plan, 1) }
        #expect(await eventuallyAsync { sleepers.allSatisfy(\.isAsleep) })
        for sleeper in sleepers { sleeper.wake() }
        #expect(try await caller.value[end].value == 2)
        await runtime.finishAsync()
    }

    // MARK: - Cancelling

    @Test func cancellingARunCancelsItsAsyncBodies() async throws {
        let runtime = try makeRuntime()
        let sleeper = Sleeper()
        var graph = TaskGraph<Int>("cancel")
        let asleep = graph.node("asleep") { _ in try await sleeper.sleep() }
        let later = graph.node("later", asleep) { input, _ in input }
        let clean = graph.join("clean", later, rule: .always) { _, later async in isCancelled(later, .user) }
        let plan = try graph.build()
        let ended = Latch()
        let shelf = Shelf<GraphResult>(1)
        let handle = try runtime.post(plan, 1) { result in
            shelf.put(result, at: 0)
            ended.open()
        }
        #expect(await eventuallyAsync { sleeper.isAsleep })
        handle.cancel()
        #expect(eventually { ended.isOpen })
        let result = try #require(shelf[0])
        #expect(isCancelled(result[asleep], .user))
        #expect(isCancelled(result[later], .user))
        #expect(result[clean].value == true)
        await runtime.finishAsync()
    }

    @Test func failFastCancelsAsyncBodiesThatRun() async throws {
        let runtime = try makeRuntime()
        let sleeper = Sleeper()
        var graph = TaskGraph<Int>("fast", onFailure: .failFast)
        let asleep = graph.node("asleep") { _ in try await sleeper.sleep() }
        let bad = graph.node("bad") { _ in
            _ = eventually { sleeper.isAsleep }
            throw Failure(number: 1)
        }
        let result = try await runtime.run(try graph.build(), 1)
        #expect(isCancelled(result[asleep], .failure))
        #expect(throws: Failure(number: 1)) { try result[bad].get() }
        await runtime.finishAsync()
    }

    @Test func aDrainCancelsAsyncBodiesAtItsSoftLimit() async throws {
        let runtime = try makeRuntime()
        let sleeper = Sleeper()
        var graph = TaskGraph<Int>("drain")
        let asleep = graph.node("asleep") { _ in try await sleeper.sleep() }
        let plan = try graph.build()
        let caller = Task { try await runtime.run(plan, 1) }
        #expect(await eventuallyAsync { sleeper.isAsleep })
        let report = await runtime.drain(soft: .zero, hard: .seconds(patienceSeconds))
        #expect(isCancelled(try await caller.value[asleep], .shutdown))
        #expect(report.unfinishedRuns == 0)
    }

    // MARK: - Time

    @Test func aBodyThatTakesTooLongIsGivenUp() async throws {
        let runtime = try makeRuntime()
        let sleeper = Sleeper()
        var graph = TaskGraph<Int>("timeout")
        let slow = graph.node("slow", timeout: .milliseconds(2)) { _ in try await sleeper.sleep() }
        let needs = graph.node("needs", slow) { input, _ in input }
        let result = try await runtime.run(try graph.build(), 1)
        guard case .timedOut = result[slow] else { return #expect(Bool(false), "\(result[slow])") }
        #expect(because(result[needs]) == "slow")
        #expect(result.nodes.map(\.ending) == [.timedOut, .upstreamFailed])
        await runtime.finishAsync()
    }

    @Test func theRunsDeadlineHoldsForEveryNodeThatDoesNotCleanUp() async throws {
        let runtime = try makeRuntime()
        let sleeper = Sleeper()
        var graph = TaskGraph<Int>("deadline")
        let slow = graph.node("slow", timeout: .seconds(1_000)) { _ in try await sleeper.sleep() }
        let after = graph.join("after", slow) { _, _ in 1 }
        let clean = graph.join("clean", after, rule: .always) { _, after in "\(after)" }
        let plan = try graph.build()
        let result = try await runtime.run(plan, 1, deadline: runtime.clock.now + .milliseconds(2))
        #expect(result.nodes.map(\.ending) == [.timedOut, .timedOut, .succeeded])
        #expect(result[clean].value == "timedOut")
        let late = await #expect(throws: SubmitError.self) {
            try await runtime.run(plan, 1, deadline: .distantPast)
        }
        #expect(late == .late)
        await runtime.finishAsync()
    }

    /// The timer's thread ends the node, and finds no record for what follows.
    @Test func aNodeThatEndsWhileEveryRecordIsOutIsFollowedAllTheSame() async throws {
        let runtime = try makeRuntime(workers: 1, inFlight: 8)
        let sleeper = Sleeper()
        var graph = TaskGraph<Int>("full")
        let slow = graph.node("slow", timeout: .milliseconds(50)) { _ in try await sleeper.sleep() }
        let after = graph.join("after", slow) { _, slow in "\(slow)" }
        let plan = try graph.build()
        let caller = Task { try await runtime.run(plan, 1) }
        #expect(await eventuallyAsync { sleeper.isAsleep })
        let release = try runtime.occupy(1)
        while true {
            do { try runtime.post {} } catch { break }
        }
        #expect(eventually { runtime.snapshot().timersWaiting == 0 })
        release.open()
        #expect(try await caller.value[after].value == "timedOut")
        await runtime.finishAsync()
    }

    // MARK: - Loops

    @Test func aLoopGoesOnUntilItIsDone() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("loop")
        let start = graph.node("start") { $0 }
        let sync = graph.loop("sync", from: start, max: 10) { _, state in state >= 7 ? .done(state) : .again(state + 1)
        }
        let async = graph.loop("async", from: start, max: 10) { _, state async in
            state >= 7 ? .done(state) : .again(state + 1)
        }
        let short = graph.loop("short", from: start, max: 3) { _, state in .again(state + 1) }
        let result = try await runtime.run(try graph.build(), 0)
        #expect(result[sync].value == 7)
        #expect(result[async].value == 7)
        #expect(throws: NodeError.tooManyRounds(max: 3, node: "short")) { try result[short].get() }
        await runtime.finishAsync()
    }

    @Test func aLoopOfNoRoundsIsRefused() {
        var graph = TaskGraph<Int>("loop")
        let start = graph.node("start") { $0 }
        _ = graph.loop("never", from: start, max: 0) { _, state in .done(state) }
        #expect(throws: GraphError.bound("max", value: 0, node: "never")) { try graph.build() }
    }
}
