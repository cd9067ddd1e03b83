import Gyre
import GyreCore
import Testing

@Suite struct OrderedNodeTests {
    private struct Step: Sendable {
        let key: Int
        let number: Int
    }

    /// Each submitter has keys of its own and numbers their runs; the node's state says which number must come next.
    @Test(arguments: [(1, 1), (2, 3), (4, 4)])
    func runsOfAKeyTakeTheirTurnInTheOrderOfSubmission(workers: Int, submitters: Int) throws {
        let runtime = try makeRuntime(workers: workers, inFlight: 256)
        let wrong = Tally()
        let inside = Marks(64)
        var graph = TaskGraph<Step>("ordered")
        _ = graph.node("before") { $0.number }
        let ordered = graph.node("ordered", orderedBy: \.key, state: 0) { step, next in
            inside.mark(step.key)
            if next != step.number || inside[step.key] != 1 { wrong.add() }
            next += 1
            inside.unmark(step.key)
            return next
        }
        _ = graph.node("after", ordered) { step, next in
            if next != step.number + 1 { wrong.add() }
        }
        let plan = try graph.build()
        let completed = Tally()
        let rounds = 600
        try onThreads(submitters) { me in
            for number in 0..<rounds {
                for key in 0..<4 {
                    do {
                        try runtime.post(plan, Step(key: me * 4 + key, number: number), whenFull: .wait) { result in
                            if result.status == .success { completed.add() }
                        }
                    } catch {
                        Issue.record("refused: \(error)")
                    }
                }
            }
        }
        runtime.finish()
        #expect(wrong.count == 0)
        #expect(completed.count == submitters * 4 * rounds)
    }

    @Test func submittersOfOneKeyShareItsStateOneAtATime() throws {
        let runtime = try makeRuntime(workers: 3)
        var graph = TaskGraph<Int>("shared")
        _ = graph.node("sum", orderedBy: { _ in 0 }, state: [Int](), limit: 100_000) { input, seen in
            seen.append(input)
            return seen.count
        }
        let list = Lock<[Int]>([])
        let sum = graph.node("check", orderedBy: { _ in 0 }, state: 0, limit: 100_000) { _, count in
            count += 1
            return count
        }
        let plan = try graph.build()
        try onThreads(4) { me in
            for number in 0..<1_000 {
                do {
                    try runtime.post(plan, me * 1_000 + number, whenFull: .wait) { result in
                        if let value = result[sum].value { list.withLock { $0.append(value) } }
                    }
                } catch {
                    Issue.record("refused: \(error)")
                }
            }
        }
        runtime.finish()
        #expect(list.withLock { $0.sorted() } == Array(1...4_000), "no two had the state at once")
    }

    @Test func whatAThrowingBodyDidToTheStateStays() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("throwing")
        let node = graph.node("count", orderedBy: { _ in 0 }, state: 0) { input, count in
            count += 1
            if input % 2 == 0 { throw Failure(number: input) }
            return count
        }
        let plan = try graph.build()
        for input in 0..<10 {
            let result = try await runtime.run(plan, input)
            #expect(result[node].value == (input % 2 == 0 ? nil : input + 1))
        }
        await runtime.finishAsync()
    }

    /// The first run holds the line while the second one's parent fails: the turn comes last, and the node must not
    /// run.
    @Test func aNodeWhoseParentFailedIsSkippedThoughItsTurnComesLater() throws {
        let runtime = try makeRuntime(workers: 2)
        let release = Latch()
        let secondFailed = Latch()
        let ran = Order()
        var graph = TaskGraph<Int>("late turn")
        _ = graph.node("parent") { input in
            if input == 1 {
                secondFailed.open()
                throw Failure(number: 1)
            }
        }
        let ordered = graph.node("ordered", after: ["parent"], orderedBy: { _ in 0 }, state: 0) { input, _ in
            ran.append(input)
            if input == 0 { release.wait() }
            return input
        }
        let child = graph.node("child", ordered) { _, value in value }
        let plan = try graph.build()
        let results = (0..<3).map { _ in Shelf<GraphResult>(1) }
        for input in 0..<3 { try runtime.post(plan, input) { results[input].put($0, at: 0) } }
        #expect(secondFailed.wait())
        release.open()
        #expect(eventually { results.allSatisfy { $0[0] != nil } })
        #expect(ran.numbers == [0, 2])
        let second = try #require(results[1][0])
        #expect(because(second[ordered]) == "parent")
        #expect(because(second[child]) == "parent")
        #expect(results[2][0]?[child].value == 2, "the line goes on")
        runtime.finish()
    }

    @Test func aFullLineRefusesAndLeavesNothingBehind() throws {
        let runtime = try makeRuntime(workers: 1)
        let release = Latch()
        let started = Latch()
        let lives = Tally()
        let completed = Tally()
        var graph = TaskGraph<Life>("line")
        _ = graph.node("one", orderedBy: { _ in 0 }, state: 0) { _, _ in 0 }
        _ = graph.node("two", orderedBy: { _ in 0 }, state: 0, limit: 5) { _, count in
            started.open()
            release.wait()
            count += 1
            return count
        }
        let plan = try graph.build()
        for _ in 0..<5 { try runtime.post(plan, Life(lives)) { _ in completed.add() } }
        #expect(started.wait())
        for _ in 0..<50 {
            #expect(throws: SubmitError.full) { try runtime.post(plan, Life(lives)) { _ in completed.add() } }
        }
        #expect(lives.count == 5, "what was refused is gone")
        #expect(runtime.snapshot().runsLive == 5)
        release.open()
        #expect(eventually { completed.count == 5 })
        let last = Shelf<GraphResult>(1)
        try runtime.post(plan, Life(lives)) { last.put($0, at: 0) }
        #expect(eventually { last[0]?.status == .success }, "the first line kept no place of the refused runs either")
        runtime.finish()
    }

    @Test func whoWaitsForAPlaceInALineSleepsUntilOneIsFree() throws {
        let runtime = try makeRuntime(workers: 1)
        let started = Latch()
        let release = Latch()
        var graph = TaskGraph<Int>("one at a time")
        _ = graph.node("only", orderedBy: { _ in 0 }, state: 0, limit: 1) { _, count in
            started.open()
            release.wait()
            count += 1
            return count
        }
        let plan = try graph.build()
        let completed = Tally()
        try runtime.post(plan, 0) { _ in completed.add() }
        #expect(started.wait())
        let waiter = Shelf<Int32>(1)
        let thread = try PosixThread(name: "waiter") {
            waiter.put(CurrentThread.id, at: 0)
            do {
                try runtime.post(plan, 1, whenFull: .wait) { _ in completed.add() }
            } catch {
                Issue.record("refused: \(error)")
            }
        }
        #expect(eventually { waiter[0].map(isAsleep) == true })
        #expect(completed.count == 0)
        release.open()
        thread.join()
        #expect(eventually { completed.count == 2 })
        runtime.finish()
    }

    @Test(arguments: [1, 2, 16, 40]) func exactlyAsManyKeysAreTakenAsTheNodeAllows(keys: Int) async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("keys")
        let node = graph.node("by key", orderedBy: { $0 }, state: 0, keys: keys) { _, count in
            count += 1
            return count
        }
        let plan = try graph.build()
        for key in 0..<keys { #expect(try await runtime.run(plan, key)[node].value == 1) }
        for key in keys..<keys + 20 {
            await #expect(throws: SubmitError.full) { _ = try await runtime.run(plan, key) }
        }
        for key in 0..<keys { #expect(try await runtime.run(plan, key)[node].value == 2) }
        await runtime.finishAsync()
    }

    /// Who waits for room waits for records and for lines, whether all keys are there already or not; a key too many is
    /// refused at once.
    @Test func whoWaitsForRoomIsRefusedOnlyForAKeyTooMany() throws {
        let runtime = try makeRuntime(workers: 1, inFlight: 8)
        var graph = TaskGraph<Int>("few keys, few records")
        let node = graph.node("by key", orderedBy: { $0 % 4 }, state: 0, limit: 3, keys: 4) { _, count in
            count += 1
            return count
        }
        let plan = try graph.build()
        let values = Tally()
        for input in 0..<4_000 {
            try runtime.post(plan, input, whenFull: .wait) { result in
                if result[node].value == input / 4 + 1 { values.add() }
            }
        }
        var other = TaskGraph<Int>("no key too many")
        _ = other.node("by key", orderedBy: { $0 }, state: 0, keys: 4) { input, _ in input }
        let small = try other.build()
        for input in 0..<4 { try runtime.post(small, input, whenFull: .wait) { _ in } }
        #expect(throws: SubmitError.full) { try runtime.post(small, 4, whenFull: .wait) { _ in } }
        runtime.finish()
        #expect(values.count == 4_000)
    }

    @Test func stateLivesAsLongAsThePlanAndNoLonger() async throws {
        let runtime = try makeRuntime()
        let lives = Tally()
        var graph = TaskGraph<Int>("state")
        let node = graph.node("by key", orderedBy: { $0 }, state: [Life]()) { _, kept in
            kept.append(Life(lives))
            return kept.count
        }
        do {
            let plan = try graph.build()
            for _ in 0..<3 {
                for key in 0..<10 { _ = try await runtime.run(plan, key) }
            }
            #expect(lives.count == 30)
            #expect(try await runtime.run(plan, 0)[node].value == 4)
            let anew = try graph.build()
            #expect(try await runtime.run(anew, 0)[node].value == 1, "a plan that is built anew begins anew")
        }
        await runtime.finishAsync()
        #expect(lives.count == 0)
    }

    @Test func aCancelledRunGivesItsTurnOn() async throws {
        let runtime = try makeRuntime(workers: 2)
        let release = Latch()
        let started = Latch()
        let ran = Order()
        var graph = TaskGraph<Int>("turns")
        let node = graph.node("ordered", orderedBy: { _ in 0 }, state: 0) { input, _ in
            ran.append(input)
            started.open()
            if input == 0 { release.wait() }
            return input
        }
        let plan = try graph.build()
        let first = Shelf<GraphResult>(1)
        try runtime.post(plan, 0) { first.put($0, at: 0) }
        #expect(await eventuallyAsync { started.isOpen })
        let second = Task { try await runtime.run(plan, 1) }
        #expect(await eventuallyAsync { runtime.snapshot().runsLive >= 2 })
        let third = Shelf<GraphResult>(1)
        try runtime.post(plan, 2) { third.put($0, at: 0) }
        second.cancel()
        release.open()
        #expect(isCancelled(try await second.value[node], .user))
        await runtime.finishAsync()
        #expect(third[0]?[node].value == 2)
        #expect(ran.numbers == [0, 2])
    }
}
