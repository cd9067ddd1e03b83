import Gyre
import GyreCore
import Testing

/// Rules, conditions and failure modes, case by case; all of them together are in GraphPropertyTests.
@Suite struct GraphRuleTests {
    /// What a parent of a node comes to.
    enum Parent: CaseIterable { case succeeds, fails, isSkipped, failedBefore }

    /// The rules as a table: parents, and the rules under which a node behind them runs.
    static let table: [(parents: [Parent], runs: Set<NodeRule>)] = [
        (
            [.succeeds, .succeeds],
            [.allSucceeded, .allDone, .anySucceeded, .noneFailed, .noneFailedMinOneSuccess, .always]
        ),
        ([.succeeds, .fails], [.allDone, .anySucceeded, .anyFailed, .always]),
        ([.succeeds, .isSkipped], [.allDone, .anySucceeded, .noneFailed, .noneFailedMinOneSuccess, .always]),
        ([.succeeds, .failedBefore], [.allDone, .anySucceeded, .anyFailed, .always]),
        ([.fails, .fails], [.allDone, .anyFailed, .always]),
        ([.fails, .isSkipped], [.allDone, .anyFailed, .always]),
        ([.isSkipped, .isSkipped], [.allDone, .noneFailed, .always]),
        ([.failedBefore, .isSkipped], [.allDone, .anyFailed, .always]),
    ]

    @Test(arguments: NodeRule.allCases) func aRuleHoldsForTheParentsOfItsTable(rule: NodeRule) async throws {
        let runtime = try makeRuntime()
        for (parents, runs) in Self.table {
            var graph = TaskGraph<Int>("rule")
            let nodes = parents.enumerated().map { index, parent in add(parent, "p\(index)", to: &graph) }
            let child = graph.join("child", all: nodes, rule: rule) { _, outcomes in outcomes.count }
            let result = try await runtime.run(try graph.build(), 0)
            if runs.contains(rule) {
                #expect(result[child].value == 2, "\(rule) after \(parents)")
                continue
            }
            let isFailure = parents.contains { $0 == .fails || $0 == .failedBefore }
            switch result[child] {
            case .upstreamFailed: #expect(isFailure, "\(rule) after \(parents)")
            case .skipped: #expect(!isFailure || rule == .anyFailed, "\(rule) after \(parents)")
            default: Issue.record("\(rule) after \(parents): \(result[child])")
            }
        }
        await runtime.finishAsync()
    }

    private func add(_ parent: Parent, _ name: String, to graph: inout TaskGraph<Int>) -> Node<Int> {
        switch parent {
        case .succeeds: return graph.node(name) { $0 }
        case .fails: return graph.node(name) { _ -> Int in throw Failure(number: 1) }
        case .isSkipped: return graph.node(name) { _ -> Int in throw CancellationError() }
        case .failedBefore:
            let before = graph.node("\(name) before") { _ -> Int in throw Failure(number: 2) }
            return graph.node(name, before) { $1 }
        }
    }

    @Test func aRuleWithoutParentsIsRefused() {
        var graph = TaskGraph<Int>("rule")
        _ = graph.node("alone", rule: .anyFailed) { $0 }
        #expect(throws: GraphError.ruleWithoutParents(.anyFailed, node: "alone")) { try graph.build() }
    }

    // MARK: - Thrown cancels

    @Test func aThrownCancelSkipsItsNodeAndWhatNeedsIt() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("cancel")
        let gone = graph.node("gone") { _ -> Int in throw CancellationError() }
        let needs = graph.node("needs", gone) { $1 }
        let other = graph.node("other") { $0 }
        let result = try await runtime.run(try graph.build(), 7)
        #expect(skippedBecause(result[gone]) == "gone")
        #expect(skippedBecause(result[needs]) == "gone")
        #expect(result[other].value == 7)
        #expect(result.status == .success)
        #expect(result.nodes.map(\.ending) == [.skipped, .skipped, .succeeded])
        await runtime.finishAsync()
    }

    // MARK: - Conditions

    @Test(arguments: [true, false]) func oneOfTwoBranchesRunsAndTheJoinBehindThem(isRisky: Bool) async throws {
        let runtime = try makeRuntime()
        let asked = Tally()
        var graph = TaskGraph<Bool>("branches")
        let check = graph.node("check") { $0 }
        let review = graph.node(
            "review",
            check.when {
                asked.add()
                return $0.value == true
            }
        ) { _, _ in "reviewed" }
        let pass = graph.node("pass", check.when { $0.value == false }) { _, _ in "passed" }
        let end = graph.join("end", review, pass, rule: .noneFailedMinOneSuccess) { _, review, pass in
            review.value ?? pass.value ?? ""
        }
        let result = try await runtime.run(try graph.build(), isRisky)
        #expect(result[end].value == (isRisky ? "reviewed" : "passed"))
        #expect(skippedBecause(isRisky ? result[pass] : result[review]) == "check")
        #expect(result.status == .success)
        #expect(asked.count == 1)
        await runtime.finishAsync()
    }

    @Test func aJoinSeesAnUntakenEdgeAsSkipped() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("edges")
        let a = graph.node("a") { $0 }
        let b = graph.node("b") { $0 }
        let join = graph.join("join", a, b.when { _ in false }) { _, a, b in "\(a) \(b)" }
        let never = graph.join("never", b.when { _ in true }.when { _ in false }) { _, b in "\(b)" }
        let clean = graph.join("clean", b.when { _ in false }, rule: .always) { _, b in "\(b)" }
        let result = try await runtime.run(try graph.build(), 7)
        #expect(result[join].value == "succeeded(7) skipped(because: \"b\")")
        #expect(skippedBecause(result[never]) == "b", "no edge of it is taken")
        #expect(result[clean].value == "skipped(because: \"b\")")
        #expect(result[b].value == 7)
        await runtime.finishAsync()
    }

    @Test func anOrderedNodeAsksItsConditionWhenItIsItsTurn() async throws {
        let runtime = try makeRuntime()
        let asked = Tally()
        var graph = TaskGraph<Int>("ordered")
        _ = graph.node("first") { _ -> Int in throw Failure(number: 1) }
        let ordered = graph.node("ordered", after: ["first"], orderedBy: { $0 }, state: 0) { _, _ in asked.add() }
        let result = try await runtime.run(try graph.build(), 7)
        #expect(because(result[ordered]) == "first")
        #expect(asked.count == 0)
        await runtime.finishAsync()
    }

    // MARK: - Failure modes

    @Test func continueAllRunsWhatTakesNoValueOfAFailure() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("continue", onFailure: .continueAll)
        let bad = graph.node("bad") { _ -> Int in throw Failure(number: 1) }
        let needs = graph.node("needs", bad) { $1 }
        let after = graph.node("after", after: ["bad", "needs"]) { $0 }
        let result = try await runtime.run(try graph.build(), 7)
        #expect(because(result[needs]) == "bad")
        #expect(result[after].value == 7)
        #expect(result.status == .partial(failures: ["bad"]))
        await runtime.finishAsync()
    }

    @Test func failFastCancelsWhatHasNotStartedButCleansUp() async throws {
        let runtime = try makeRuntime(workers: 1)
        let ran = Tally()
        var graph = TaskGraph<Int>("fast", onFailure: .failFast)
        let bad = graph.node("bad") { _ -> Int in throw Failure(number: 1) }
        let needs = graph.node("needs", bad) { $1 }
        let others = (0..<100).map { number in
            graph.node("\(number)") { _ in ran.add() }
        }
        let clean = graph.node("clean", after: (0..<100).map(String.init), rule: .always) { _ in ran.count }
        let result = try await runtime.run(try graph.build(), 7)
        #expect(because(result[needs]) == "bad")
        #expect(result[clean].value == ran.count)
        #expect(others.allSatisfy { isCancelled(result[$0], .failure) }, "one worker, and the failure came first")
        guard case .partial(let failures) = result.status else { return #expect(Bool(false), "\(result.status)") }
        #expect(failures.count == 101)
        await runtime.finishAsync()
    }

    @Test func aCancelledRunStillCleansUp() async throws {
        let runtime = try makeRuntime()
        let started = Latch()
        var graph = TaskGraph<Int>("cancel")
        let first = graph.node("first") { _ in
            started.open()
            _ = eventually { AgentTask.isCancelled }
            return AgentTask.isCancelled
        }
        let second = graph.node("second", first) { $1 }
        let clean = graph.join("clean", second, rule: .always) { _, second in isCancelled(second, .user) }
        let plan = try graph.build()
        let caller = Task { try await runtime.run(plan, 1) }
        #expect(await eventuallyAsync { started.isOpen })
        caller.cancel()
        let result = try await caller.value
        #expect(result[first].value == true, "a body sees that its run was cancelled")
        #expect(isCancelled(result[second], .user))
        #expect(result[clean].value == true)
        await runtime.finishAsync()
    }

    @Test func everyNodeHasAReport() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("reports")
        let bad = graph.node("bad") { _ -> Int in throw Failure(number: 1) }
        _ = graph.node("needs", bad) { $1 }
        _ = graph.node("good") { $0 }
        let result = try await runtime.run(try graph.build(), 1)
        #expect(
            result.nodes.map(\.description) == [
                "bad: failed, Failure(number: 1)", "needs: upstreamFailed because of bad", "good: succeeded",
            ])
        #expect(result.nodes[2].ran != nil && result.nodes[1].ran == nil)
        await runtime.finishAsync()
    }
}

/// The node because of which another was skipped.
func skippedBecause<Value>(_ outcome: Outcome<Value>) -> String? {
    if case .skipped(let node) = outcome { return node }
    return nil
}
