import Gyre
import GyreCore
import Testing

@Suite struct TaskGraphTests {
    // MARK: - Validation

    @Test func anEmptyGraphCannotBeBuilt() {
        #expect(throws: GraphError.empty) { try TaskGraph<Int>("empty").build() }
    }

    @Test func aNameUsedTwiceIsNamed() {
        var graph = TaskGraph<Int>("twice")
        _ = graph.node("a") { $0 }
        _ = graph.node("b") { $0 }
        _ = graph.node("a") { $0 }
        #expect(throws: GraphError.duplicateName("a")) { try graph.build() }
    }

    @Test func anUnknownNameIsNamedWithItsNode() {
        var graph = TaskGraph<Int>("unknown")
        _ = graph.node("a", after: ["nobody"]) { $0 }
        #expect(throws: GraphError.unknownName("nobody", node: "a")) { try graph.build() }
    }

    @Test func aCycleIsReportedWithItsPath() throws {
        var graph = TaskGraph<Int>("cycle")
        _ = graph.node("start") { $0 }
        _ = graph.node("a", after: ["start", "c"]) { $0 }
        _ = graph.node("b", after: ["a"]) { $0 }
        _ = graph.node("c", after: ["b"]) { $0 }
        _ = graph.node("end", after: ["c"]) { $0 }
        let path = try #require(cycle(of: graph))
        #expect(path.count == 4)
        #expect(path.first == path.last)
        #expect(Set(path) == ["a", "b", "c"])
        let edges = [["a", "b"], ["b", "c"], ["c", "a"]]
        for (parent, child) in zip(path, path.dropFirst()) { #expect(edges.contains([parent, child])) }
    }

    @Test func aNodeThatNeedsItselfIsACycle() throws {
        var graph = TaskGraph<Int>("self")
        _ = graph.node("a", after: ["a"]) { $0 }
        #expect(try #require(cycle(of: graph)) == ["a", "a"])
    }

    @Test func aNodeOfAnotherGraphIsNamed() {
        var other = TaskGraph<Int>("other")
        let foreign = other.node("foreign") { $0 }
        var graph = TaskGraph<Int>("graph")
        _ = graph.node("own", foreign) { _, value in value }
        #expect(throws: GraphError.foreignNode("foreign", node: "own")) { try graph.build() }
    }

    /// A copy shares the nodes up to the copy and no further.
    @Test func aNodeAddedToACopyIsForeignToTheOriginal() {
        var graph = TaskGraph<Int>("graph")
        let shared = graph.node("shared") { $0 }
        var copy = graph
        let late = copy.node("late") { $0 }
        _ = graph.node("first", shared) { _, value in value }
        _ = graph.node("second", late) { _, value in value }
        #expect(throws: GraphError.foreignNode("late", node: "second")) { try graph.build() }
    }

    @Test func moreThanTenThousandNodesAreRefused() {
        var graph = TaskGraph<Int>("large")
        for number in 0...10_000 { _ = graph.node("\(number)") { $0 } }
        #expect(throws: GraphError.tooManyNodes(10_001, limit: 10_000)) { try graph.build() }
    }

    private func cycle(of graph: TaskGraph<Int>) -> [String]? {
        do {
            _ = try graph.build()
        } catch .cycle(let path) {
            return path
        } catch {
            Issue.record("\(error)")
        }
        return nil
    }

    // MARK: - Running

    @Test(arguments: [1, 2]) func aDiamondPassesOutputsAlongItsEdges(workers: Int) async throws {
        let runtime = try makeRuntime(workers: workers)
        var graph = TaskGraph<Int>("diamond")
        let top = graph.node("top") { $0 + 1 }
        let left = graph.node("left", top) { input, top in input * 100 + top }
        let right = graph.node("right", top) { _, top in "\(top)" }
        let bottom = graph.node("bottom", left, right) { input, left, right in "\(input) \(left) \(right)" }
        let plan = try graph.build()
        #expect(plan.nodeNames == ["top", "left", "right", "bottom"])
        for input in 0..<200 {
            let result = try await runtime.run(plan, input)
            #expect(result.status == .success)
            #expect(result.firstError == nil)
            #expect(result[top].value == input + 1)
            #expect(result[bottom].value == "\(input) \(input * 100 + input + 1) \(input + 1)")
        }
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksDone == 800)
    }

    @Test(arguments: [1, 2]) func aWideGraphRunsEachNodeOnce(workers: Int) async throws {
        let runtime = try makeRuntime(workers: workers, inFlight: 128)
        let width = 3_000
        let marks = Marks(width)
        let sinks = Tally()
        var graph = TaskGraph<Int>("wide")
        let top = graph.node("top") { $0 }
        for number in 0..<width {
            _ = graph.node("\(number)", top) { _, _ in marks.mark(number) }
        }
        let sink = graph.node("sink", after: (0..<width).map(String.init)) { _ in
            sinks.add()
            return marks.wrong.isEmpty
        }
        let result = try await runtime.run(try graph.build(), 0)
        #expect(result[sink].value == true, "it ran after all others")
        #expect(sinks.count == 1)
        #expect(result.status == .success)
        await runtime.finishAsync()
    }

    @Test(arguments: [1, 2]) func aChainOfTenThousandRunsInItsOrder(workers: Int) async throws {
        let runtime = try makeRuntime(workers: workers)
        var graph = TaskGraph<Int>("chain")
        var last = graph.node("0") { $0 }
        for number in 1..<10_000 { last = graph.node("\(number)", last) { _, before in before + 1 } }
        let result = try await runtime.run(try graph.build(), 5)
        #expect(result[last].value == 5 + 9_999)
        await runtime.finishAsync()
    }

    @Test func aDeepChainBehindAFailureIsSkippedWithoutDeepStacks() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("chain")
        var last = graph.node("0") { _ -> Int in throw Failure(number: 1) }
        for number in 1..<10_000 { last = graph.node("\(number)", last) { _, before in before + 1 } }
        let result = try await runtime.run(try graph.build(), 5)
        #expect(because(result[last]) == "0")
        #expect(result.status == .failure)
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksSkipped == 9_999)
    }

    @Test func aFailureSkipsItsDependantsAndOnlyThem() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("failure")
        let good = graph.node("good") { $0 }
        let bad = graph.node("bad") { _ -> Int in throw Failure(number: 4) }
        let needsBad = graph.node("needs bad", bad) { _, value in value }
        let needsBoth = graph.node("needs both", good, needsBad) { _, one, two in one + two }
        let afterBad = graph.node("after bad", after: ["bad"]) { $0 }
        let needsGood = graph.node("needs good", good) { _, value in value + 1 }
        let result = try await runtime.run(try graph.build(), 7)
        #expect(result[good].value == 7)
        #expect(result[needsGood].value == 8)
        #expect(throws: Failure(number: 4)) { try result[bad].get() }
        for node in [needsBad, needsBoth, afterBad] { #expect(because(result[node]) == "bad") }
        #expect(result.status == .partial(failures: ["bad"]))
        #expect(result.firstError as? Failure == Failure(number: 4))
        await runtime.finishAsync()
        let snapshot = runtime.snapshot()
        #expect(snapshot.tasksDone == 2)
        #expect(snapshot.tasksFailed == 1)
        #expect(snapshot.tasksSkipped == 3)
    }

    @Test func afterPassesOrderAndNoValue() async throws {
        let runtime = try makeRuntime()
        let order = Order()
        var graph = TaskGraph<Int>("after")
        _ = graph.node("third", after: ["second", "first"]) { _ in order.append(3) }
        _ = graph.node("first") { _ in order.append(1) }
        _ = graph.node("second", after: ["first", "first"]) { _ in order.append(2) }
        let plan = try graph.build()
        for _ in 0..<100 { #expect(try await runtime.run(plan, 0).status == .success) }
        #expect(order.numbers == (0..<100).flatMap { _ in [1, 2, 3] })
        await runtime.finishAsync()
    }

    @Test func aCompletionIsCalledOnceForEachRun() throws {
        let runtime = try makeRuntime(inFlight: 64)
        let plan = try diamond()
        let marks = Marks(5_000)
        try onThreads(3) { me in
            for run in stride(from: me, to: marks.count, by: 3) {
                do {
                    try runtime.post(plan, run, whenFull: .wait) { result in
                        #expect(result.status == .success)
                        marks.mark(run)
                    }
                } catch {
                    Issue.record("refused: \(error)")
                }
            }
        }
        runtime.finish()
        #expect(marks.wrong.isEmpty)
    }

    @Test func aFullPoolRefusesRunsAndLeavesNothingBehind() throws {
        let runtime = try makeRuntime(workers: 1, inFlight: 8)
        let release = try runtime.occupy(1)
        let lives = Tally()
        let completed = Tally()
        var graph = TaskGraph<Life>("lives")
        _ = graph.node("a") { $0 }
        let plan = try graph.build()
        var taken = 0
        do {
            while true {
                try runtime.post(plan, Life(lives)) { _ in completed.add() }
                taken += 1
            }
        } catch {
            #expect(error == .full)
        }
        #expect(lives.count == taken)
        #expect(runtime.snapshot().runsLive == UInt64(taken))
        release.open()
        runtime.finish()
        #expect(completed.count == taken)
        #expect(lives.count == 0)
    }

    // MARK: - Cancelling

    @Test func cancellingTheCallerCancelsWhatHasNotStarted() async throws {
        let runtime = try makeRuntime()
        let started = Latch()
        let release = Latch()
        let later = Tally()
        var graph = TaskGraph<Int>("cancel")
        let first = graph.node("first") { input in
            started.open()
            release.wait()
            return input
        }
        let second = graph.node("second", first) { _, value in
            later.add()
            return value
        }
        let plan = try graph.build()
        let caller = Task { try await runtime.run(plan, 1) }
        #expect(await eventuallyAsync { started.isOpen })
        caller.cancel()
        release.open()
        let result = try await caller.value
        #expect(result[first].value == 1, "what had started ends as it does")
        #expect(isCancelled(result[second], .user))
        #expect(result.status == .partial(failures: ["second"]))
        #expect(later.count == 0)
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksCancelled == 1)
    }

    @Test func aCallerThatIsCancelledAlreadyStartsNoNode() async throws {
        let runtime = try makeRuntime()
        let ran = Tally()
        var graph = TaskGraph<Int>("cancelled")
        let only = graph.node("only") { input in
            ran.add()
            return input
        }
        let plan = try graph.build()
        for _ in 0..<100 {
            let result = try await Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await runtime.run(plan, 1)
            }.value
            #expect(isCancelled(result[only], .user))
        }
        await runtime.finishAsync()
        #expect(ran.count == 0)
        #expect(runtime.snapshot().tasksCancelled == 100)
    }

    // MARK: - Memory

    /// Outputs and inputs are objects that count themselves.
    @Test func inputsAndOutputsAreReleasedExactlyOnce() async throws {
        let runtime = try makeRuntime()
        let lives = Tally()
        var graph = TaskGraph<Life>("memory")
        let a = graph.node("a") { _ in Life(lives) }
        let b = graph.node("b", a) { _, _ in Life(lives) }
        let bad = graph.node("bad", b) { _, _ -> Life in throw Failure(number: 1) }
        let never = graph.node("never", bad) { _, _ in Life(lives) }
        let plan = try graph.build()
        for _ in 0..<200 {
            var kept: Life?
            do {
                let result = try await runtime.run(plan, Life(lives))
                kept = result[b].value
                #expect(result[never].value == nil)
            }
            #expect(kept != nil)
        }
        await runtime.finishAsync()
        #expect(lives.count == 0)
    }
}

/// Four nodes: one, two that need it, one that needs both.
func diamond() throws -> GraphPlan<Int> {
    var graph = TaskGraph<Int>("diamond")
    let top = graph.node("top") { $0 }
    let left = graph.node("left", top) { _, top in top }
    let right = graph.node("right", top) { _, top in top }
    _ = graph.node("bottom", left, right) { _, left, right in left + right }
    return try graph.build()
}

/// The node that failed, for one that needs it.
func because<Value>(_ outcome: Outcome<Value>) -> String? {
    if case .upstreamFailed(let node) = outcome { return node }
    return nil
}
