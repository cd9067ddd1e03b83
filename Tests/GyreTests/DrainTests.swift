import Gyre
import GyreCore
import Synchronization
import Testing

@Suite struct DrainTests {
    @Test(arguments: [1, 2]) func everythingThatWasTakenRunsToItsEnd(workers: Int) throws {
        let runtime = try makeRuntime(workers: workers)
        let marks = Marks(3_000)
        for item in 0..<1_000 {
            try runtime.post { marks.mark(item) }
            _ = try runtime.post { () async throws in
                await Task.yield()
                marks.mark(1_000 + item)
            }
        }
        let plan = try diamond()
        for item in 2_000..<3_000 { try runtime.post(plan, item, whenFull: .wait) { _ in marks.mark(item) } }
        runtime.finish()
        #expect(marks.wrong.isEmpty)
        let snapshot = runtime.snapshot()
        #expect(snapshot.recordsInFlight == 0)
        #expect(snapshot.runsLive == 0)
        #expect(snapshot.tasksDone == 2_000 + 4 * 1_000)
    }

    @Test func nothingIsTakenAfterwards() async throws {
        let runtime = try makeRuntime()
        await runtime.finishAsync()
        let plan = try diamond()
        #expect(throws: SubmitError.closed) { try runtime.post {} }
        #expect(throws: SubmitError.closed) { try runtime.post(whenFull: .wait) {} }
        #expect(throws: SubmitError.closed) { try runtime.fire({ _ in }, 0) }
        #expect(throws: SubmitError.closed) { _ = try runtime.fireCancellable({ _ in }, 0) }
        #expect(throws: SubmitError.closed) { _ = try runtime.post { 1 } }
        #expect(throws: SubmitError.closed) { _ = try runtime.post { () async throws in 1 } }
        #expect(throws: SubmitError.closed) { try runtime.post(plan, 1) { _ in } }
        await #expect(throws: SubmitError.closed) { _ = try await runtime.run(plan, 1) }
        #expect(runtime.snapshot().runsLive == 0)
    }

    @Test func aSecondDrainFindsNothingToDo() async throws {
        let runtime = try makeRuntime()
        await runtime.finishAsync()
        await runtime.finishAsync()
    }

    @Test func drainsThatMeetAllReturn() throws {
        for _ in 0..<20 {
            let runtime = try makeRuntime()
            for _ in 0..<50 { _ = try runtime.post { () async throws in await Task.yield() } }
            try onThreads(3) { _ in runtime.finish() }
        }
    }

    @Test func pastTheSoftLimitRunningWorkIsAskedToStop() throws {
        let runtime = try makeRuntime(workers: 3)
        let sleeper = Sleeper()
        let async = try runtime.post { () async throws in try await sleeper.sleep() }
        let started = Latch()
        let sync = try runtime.post { () -> Bool in
            started.open()
            return eventually { AgentTask.isCancelled }
        }
        let begun = Latch()
        var graph = TaskGraph<Int>("two")
        let first = graph.node("first") { input in
            begun.open()
            _ = eventually { runtime.pool.isStopping }
            return input
        }
        let second = graph.node("second", first) { _, value in value }
        let result = Shelf<GraphResult>(1)
        try runtime.post(try graph.build(), 1) { result.put($0, at: 0) }
        #expect(started.wait())
        #expect(begun.wait())
        #expect(eventually { sleeper.isAsleep })
        let report = runtime.drainBlocking(soft: .milliseconds(1), hard: .seconds(patienceSeconds))
        #expect(!report.isComplete)
        #expect(report.abandonedWorkers == 0)
        #expect(isCancelled(async.outcome, .shutdown))
        #expect(sync.outcome?.value == true)
        #expect(result[0]?[first].value == 1)
        #expect(result[0].map { isCancelled($0[second], .shutdown) } == true)
    }

    @Test func closuresWithoutHandlesAndGraphNodesAreAskedToo() throws {
        let runtime = try makeRuntime(workers: 2)
        let begun = Tally()
        let asked = Tally()
        try runtime.post {
            begun.add()
            if isAskedSoon(in: runtime) { asked.add() }
        }
        var graph = TaskGraph<Int>("one")
        _ = graph.node("node") { _ in
            begun.add()
            if isAskedSoon(in: runtime) { asked.add() }
        }
        try runtime.post(try graph.build(), 1) { _ in }
        #expect(eventually { begun.count == 2 })
        runtime.drainBlocking(soft: .milliseconds(1), hard: .seconds(5))
        #expect(asked.count == 2)
    }

    /// The only worker is held by a body that looks at nothing.
    @Test(arguments: [1, 2]) func atTheHardLimitWhatIsQueuedIsSettledThoughNoWorkerComesBack(workers: Int) throws {
        let runtime = try makeRuntime(workers: workers)
        let release = try runtime.occupy(workers)
        let ran = Tally()
        let sync = try (0..<500).map { _ in
            try runtime.post { () -> Int in
                ran.add()
                return 1
            }
        }
        let async = try (0..<20).map { _ in
            try runtime.post { () async throws -> Int in
                ran.add()
                return 1
            }
        }
        let plan = try diamond()
        let results = Tally()
        for number in 0..<20 {
            try runtime.post(plan, number) { result in
                if result.status == .failure { results.add() }
            }
        }
        let report = runtime.drainBlocking(soft: .milliseconds(1), hard: .milliseconds(20))
        #expect(!report.isComplete)
        #expect(report.abandonedWorkers == workers)
        #expect(eventually { sync.allSatisfy { $0.outcome != nil } && async.allSatisfy { $0.outcome != nil } })
        #expect(sync.allSatisfy { isCancelled($0.outcome, .shutdown) })
        #expect(async.allSatisfy { isCancelled($0.outcome, .shutdown) })
        #expect(eventually { results.count == 20 })
        #expect(ran.count == 0)
        release.open()
        #expect(eventually { runtime.pool.isQuiet }, "the abandoned workers end with their bodies")
    }

    @Test func aBodyThatEndsAfterTheHardLimitStillSettlesItsHandle() throws {
        let runtime = try makeRuntime(workers: 1)
        let started = Latch()
        let release = Latch()
        let handle = try runtime.post { () -> Int in
            started.open()
            release.wait()
            return 4
        }
        #expect(started.wait())
        let report = runtime.drainBlocking(soft: .milliseconds(1), hard: .milliseconds(5))
        #expect(report.abandonedWorkers == 1)
        release.open()
        #expect(outcome(of: handle)?.value == 4)
    }

    /// Submitters go on until they are told that the runtime is closed. Whatever was accepted ran, and once.
    @Test func aSubmitThatRacesWithADrainRanOrWasRefused() throws {
        for round in 0..<30 {
            let runtime = try makeRuntime(workers: 2, inFlight: 64)
            let count = 20_000
            let marks = Marks(3 * count)
            let accepted = (0..<3).map { _ in Tally() }
            let plan = try diamond()
            let begun = Tally()
            let drainer = try PosixThread(name: "drainer") {
                _ = eventually { begun.count >= 3 * (10 + round * 10) }
                runtime.finish()
            }
            try onThreads(3) { me in
                for item in 0..<count {
                    begun.add()
                    let place = me * count + item
                    do throws(SubmitError) {
                        switch (item + me) % 3 {
                        case 0: try runtime.post(lane: .low, whenFull: .wait) { marks.mark(place) }
                        case 1: try runtime.post(plan, 1, whenFull: .wait) { _ in marks.mark(place) }
                        default: try runtime.post(whenFull: .wait) { marks.mark(place) }
                        }
                    } catch {
                        if error != .closed { Issue.record("refused: \(error)") }
                        return
                    }
                    accepted[me].add()
                }
            }
            drainer.join()
            #expect(runtime.snapshot().recordsInFlight == 0)
            for me in 0..<3 {
                let taken = accepted[me].count
                let wrong = (0..<count).filter { marks[me * count + $0] != ($0 < taken ? 1 : 0) }
                #expect(wrong.isEmpty, "round \(round), thread \(me): \(wrong.prefix(5)) of \(taken)")
            }
        }
    }

    @Test func whoWaitsForRoomIsRefusedOnceTheRuntimeCloses() throws {
        let runtime = try makeRuntime(workers: 1, inFlight: 8)
        let release = try runtime.occupy(1)
        do {
            while true { try runtime.post {} }
        } catch {
            #expect(error == .full)
        }
        let waits = Latch()
        let refused = Latch()
        let waiter = try PosixThread(name: "waiter") {
            waits.open()
            do { try runtime.post(whenFull: .wait) {} } catch { refused.open() }
        }
        #expect(waits.wait())
        let drainer = try PosixThread(name: "drainer") {
            runtime.drainBlocking(soft: .milliseconds(1), hard: .milliseconds(50))
        }
        #expect(refused.wait())
        release.open()
        waiter.join()
        drainer.join()
    }
}

/// Whether the calling task is asked to stop, soon after the soft limit was passed.
private func isAskedSoon(in runtime: Runtime) -> Bool {
    guard eventually({ runtime.pool.isStopping }) else { return false }
    for _ in 0..<1_000 where AgentTask.isCancelled { return true }
    return false
}
