import Gyre
import GyreCore
import Testing

@Suite struct WaitTests {
    @Test func aWorkerThatWaitsRunsWhatItWaitsFor() throws {
        let runtime = try makeRuntime(workers: 1)
        let outer = try runtime.post { () throws -> Int in
            let inner = try runtime.post { 20 }
            return try inner.wait() + 1
        }
        #expect(outcome(of: outer)?.value == 21)
        runtime.finish()
    }

    @Test(arguments: [1, 2], [1, 15, 16, 17, 18, 40, 100])
    func recursionGoesAsDeepAsThereAreSparesFor(workers: Int, depth: Int) throws {
        let runtime = try makeRuntime(workers: workers)
        let root = try runtime.post { try nested(depth, in: runtime) }
        #expect(outcome(of: root)?.value == depth)
        runtime.finish()
    }

    @Test(arguments: [1, 2]) func aWorkerWaitsForManyTasksAtOnce(workers: Int) throws {
        let runtime = try makeRuntime(workers: workers)
        let root = try runtime.post { () throws -> Int in
            let handles = try (0..<1_000).map { number in try runtime.post { number } }
            return try handles.reduce(0) { sum, handle in sum + (try handle.wait()) }
        }
        #expect(outcome(of: root)?.value == 499_500)
        runtime.finish()
    }

    @Test(arguments: [1, 2]) func aTreeOfTasksThatWaitForTheirChildrenEnds(workers: Int) throws {
        let runtime = try makeRuntime(workers: workers)
        let root = try runtime.post { try tree(10, in: runtime) }
        #expect(outcome(of: root)?.value == 2_047)
        runtime.finish()
    }

    @Test func workersThatWaitForEachOthersTasksEnd() throws {
        let runtime = try makeRuntime(workers: 2)
        for _ in 0..<200 {
            let pair = (0..<2).map { _ in Shelf<TaskHandle<Int>>(1) }
            let tasks = try (0..<2).map { me in
                try runtime.post { () throws -> Int in
                    pair[me].put(try runtime.post { me }, at: 0)
                    guard eventually({ pair[1 - me][0] != nil }), let other = pair[1 - me][0] else { return -1 }
                    return try other.wait()
                }
            }
            #expect(outcome(of: tasks[0])?.value == 1)
            #expect(outcome(of: tasks[1])?.value == 0)
        }
        runtime.finish()
    }

    @Test func aThreadOutsideWaits() throws {
        let runtime = try makeRuntime(workers: 1)
        let release = try runtime.occupy(1)
        let handle = try runtime.post { 3 }
        let got = Shelf<Int>(1)
        let thread = try PosixThread(name: "waiter") {
            do { got.put(try handle.wait(), at: 0) } catch { Issue.record("\(error)") }
        }
        #expect(got[0] == nil)
        release.open()
        #expect(eventually { got[0] != nil })
        thread.join()
        #expect(got[0] == 3)
        #expect(try handle.wait() == 3, "a settled task is not waited for")
        runtime.finish()
    }

    @Test func errorsAndCancellationsReachTheOneThatWaits() throws {
        let runtime = try makeRuntime(workers: 1)
        let release = try runtime.occupy(1)
        let failing = try runtime.post { () throws -> Int in throw Failure(number: 9) }
        let cancelled = try runtime.post { 1 }
        cancelled.cancel()
        release.open()
        #expect(throws: Failure(number: 9)) { try failing.wait() }
        #expect { try cancelled.wait() } throws: { ($0 as? GyreError)?.code == .cancelled }
        runtime.finish()
    }

    @Test func aSpareStandsInWhileTheOnlyWorkerWaits() throws {
        let runtime = try makeRuntime(workers: 1)
        let sleeper = Sleeper()
        let long = try runtime.post { () async throws -> Int in
            try await sleeper.sleep()
            return 1
        }
        let waiting = Latch()
        let waiter = try runtime.post { () throws -> Int in
            waiting.open()
            return try long.wait()
        }
        #expect(waiting.wait())
        #expect(eventually { sleeper.isAsleep })
        for number in 0..<100 {
            let handle = try runtime.post { number }
            #expect(outcome(of: handle)?.value == number)
        }
        #expect(waiter.outcome == nil)
        sleeper.wake()
        #expect(outcome(of: waiter)?.value == 1)
        runtime.finish()
    }

    /// A spare that is woken after it is needed no more ends. What woke it was meant for some worker, and so is what
    /// comes after it.
    @Test func aSpareThatEndsTakesNoWakeWithIt() throws {
        let runtime = try makeRuntime(workers: 1)
        let sleeper = Sleeper()
        let long = try runtime.post { () async throws -> Int in
            try await sleeper.sleep()
            return 1
        }
        let release = Latch()
        let waited = Latch()
        let waiter = try runtime.post { () throws -> Int in
            let value = try long.wait()
            waited.open()
            release.wait()
            return value
        }
        #expect(eventually { sleeper.isAsleep })
        // Until the worker is in its wait, what it helps with runs on itself.
        var seat: Int? = 0
        while seat == 0 {
            seat = try outcome(of: runtime.post { WorkerSeat(of: runtime.pool)?.index ?? -1 })?.value
        }
        try #require(seat == 1)
        var parks = runtime.parks(ofWorker: 1)
        _ = try outcome(of: runtime.post { 1 })
        #expect(eventually { runtime.parks(ofWorker: 1) > parks }, "the spare sleeps")
        parks = runtime.parks(ofWorker: 1)
        sleeper.wake()
        #expect(waited.wait())
        #expect(eventually { runtime.parks(ofWorker: 1) > parks }, "it sleeps again, needed no more")
        let queued = try runtime.post { 1 }
        release.open()
        #expect(outcome(of: waiter)?.value == 1)
        #expect(outcome(of: queued)?.value == 1)
        // Now the worker falls asleep, and must be woken by each of these.
        for number in 0..<100 {
            let parks = runtime.parks(ofWorker: 0)
            let handle = try runtime.post { number }
            #expect(outcome(of: handle)?.value == number)
            guard eventually({ runtime.parks(ofWorker: 0) > parks }) else { break }
        }
        runtime.finish()
    }

    /// Again and again a worker blocks, and its spare comes and goes at the same time.
    @Test func whoeverBlocksFindsASpareThoughOneIsJustLeaving() throws {
        let runtime = try makeRuntime(workers: 1)
        for round in 0..<300 {
            let sleeper = Sleeper()
            let long = try runtime.post { () async throws -> Int in
                try await sleeper.sleep()
                return round
            }
            let waiter = try runtime.post { try long.wait() }
            #expect(eventually { sleeper.isAsleep })
            let wakes: TaskHandle<Void> = try runtime.post { sleeper.wake() }
            #expect(outcome(of: wakes) != nil)
            #expect(outcome(of: waiter)?.value == round)
        }
        runtime.finish()
    }

    /// One worker and eight spares all wait when the job comes that they wait for.
    @Test func moreBodiesThanSparesWaitForOneAsyncTask() throws {
        let runtime = try makeRuntime(workers: 1)
        let sleeper = Sleeper()
        let long = try runtime.post { () async throws -> Int in
            try await sleeper.sleep()
            return 1
        }
        #expect(eventually { sleeper.isAsleep })
        let begun = Tally()
        var waiters: [TaskHandle<Int>] = []
        for number in 0..<12 {
            waiters.append(
                try runtime.post {
                    begun.add()
                    return try long.wait()
                })
            try #require(eventually { begun.count == number + 1 })
            // Until it sleeps in its wait, it would run the next one on its own stack.
            var seat = number
            while number < WorkerPool.sparesMax, seat == number {
                let probe = try runtime.post { WorkerSeat(of: runtime.pool)?.index ?? -1 }
                seat = try #require(outcome(of: probe)?.value)
            }
        }
        sleeper.wake()
        for waiter in waiters { #expect(outcome(of: waiter)?.value == 1) }
        runtime.finish()
    }

    /// Bodies that post with `.wait` into a full pool, nested: all workers are such bodies.
    @Test(arguments: [1, 2]) func bodiesThatWaitForRoomDoNotWaitForEachOther(workers: Int) throws {
        let runtime = try makeRuntime(workers: workers, inFlight: 64)
        let ran = Tally()
        for _ in 0..<40 {
            try runtime.post(whenFull: .wait) {
                for _ in 0..<20 {
                    do {
                        try runtime.post(whenFull: .wait) { ran.add() }
                    } catch {
                        Issue.record("\(error)")
                    }
                }
            }
        }
        #expect(eventually { ran.count == 800 })
        runtime.finish()
    }

    /// Its deadline passes while the body that waits for it computes.
    @Test func aTaskThatIsLateIsNotRunByWhoWaits() throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime(workers: 1) { $0.clock = clock }
        let outer = try runtime.post { () throws -> Bool in
            let late = try runtime.post(deadline: MonotonicInstant(nanoseconds: 2_000)) { 1 }
            time.advance(by: .nanoseconds(5_000))
            do { return try late.wait() == 0 } catch let error as GyreError { return error.code == .deadlineExceeded }
        }
        #expect(outcome(of: outer)?.value == true)
        runtime.finish()
        #expect(runtime.snapshot().tasksLate == 1)
    }
}

/// A chain of tasks, each waiting for the next.
private func nested(_ depth: Int, in runtime: Runtime) throws -> Int {
    if depth == 0 { return 0 }
    let inner = try runtime.post { try nested(depth - 1, in: runtime) }
    return try inner.wait() + 1
}

private func tree(_ depth: Int, in runtime: Runtime) throws -> Int {
    if depth == 0 { return 1 }
    let children = try (0..<2).map { _ in try runtime.post { try tree(depth - 1, in: runtime) } }
    return try children.reduce(1) { sum, child in sum + (try child.wait()) }
}

extension Runtime {
    /// How often a worker went to sleep; 0 for a spare that has run nothing yet.
    func parks(ofWorker index: Int) -> UInt64 { snapshot().workers.first { $0.index == index }?.parks ?? 0 }
}
