import Gyre
import GyreCore
import Testing

@Suite struct SnapshotTests {
    @Test func allNumbersOfADrainedRuntimeAddUp() async throws {
        let runtime = try makeRuntime(workers: 2)
        for number in 0..<100 {
            try runtime.post {}
            _ = try runtime.post { () throws in if number < 30 { throw Failure(number: number) } }
            _ = try runtime.post { () async throws in if number < 20 { throw Failure(number: number) } }
        }
        for number in 0..<50 {
            do { try await runtime.run { if number < 10 { throw Failure(number: number) } } } catch {}
        }
        let plan = try diamond()
        for number in 0..<25 { #expect(try await runtime.run(plan, number).status == .success) }
        await runtime.finishAsync()
        let snapshot = runtime.snapshot()
        #expect(snapshot.tasksFailed == 30 + 20 + 10)
        #expect(snapshot.tasksDone == 300 + 50 + 100 - 60)
        #expect(snapshot.tasksLate == 0)
        #expect(snapshot.tasksCancelled == 0)
        #expect(snapshot.tasksSkipped == 0)
        #expect(snapshot.tasksRefused == 0)
        #expect(snapshot.recordsInFlight == 0)
        #expect(snapshot.runsLive == 0)
        #expect(snapshot.timersWaiting == 0)
        #expect(snapshot.queueWait.count == 450)
        #expect(snapshot.run.count == 450)
        #expect(snapshot.total.count == 450)
    }

    /// What stands on a runtime and measures itself, as long as it is in use.
    @Test func partsAreInTheSnapshotOfTheirRuntime() async throws {
        let runtime = try Runtime(.init(workers: 1), blocking: BlockingLimits(threadsMax: 1, queueMax: 1))
        #expect(runtime.snapshot().caches.isEmpty)
        #expect(runtime.snapshot().blocking == runtime.blockingSnapshot())
        let latch = Latch()
        let first = try runtime.postBlocking { latch.wait() }
        #expect(await eventuallyAsync { runtime.snapshot().blocking.running == 1 })
        let second = try runtime.postBlocking {}
        #expect(throws: SubmitError.full) { try runtime.postBlocking {} }
        let blocking = runtime.snapshot().blocking
        #expect(blocking.threads == 1 && blocking.running == 1 && blocking.waiting == 1 && blocking.refused == 1)
        latch.open()
        _ = try await (first.value, second.value)

        func useCache() async throws {
            let cache = try ResultCache<Int, String>(on: runtime, CachePolicy(weightMax: 3)) { _, value in value.count }
            for key in [1, 1, 2, 3] { _ = try await cache.value(for: key) { "ab" } }
            let snapshot = try #require(runtime.snapshot().caches.first)
            #expect(snapshot == cache.snapshot() && snapshot.title == "cache of String by Int")
            #expect(snapshot.hits == 1 && snapshot.misses == 3 && snapshot.evicted == 2)
            #expect(snapshot.weight == 2 && snapshot.entries == 1)
        }
        try await useCache()
        #expect(await eventuallyAsync { runtime.snapshot().caches.isEmpty }, "nobody has it any more")
        await runtime.finishAsync()
    }

    /// Cancelled and late tasks have records like all others, and tasks that are run by who waits for them have two
    /// who might count them.
    @Test func everyTaskIsInOneCountWhateverBecameOfIt() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime(workers: 1) { $0.clock = clock }
        let release = try runtime.occupy(1)
        let soon = MonotonicInstant(nanoseconds: 2_000)
        for number in 0..<10 {
            let plain = try runtime.post { 1 }
            let later = try runtime.post { () async throws in 1 }
            let late = try runtime.post(deadline: soon) { 1 }
            let lateAsync = try runtime.post(deadline: soon) { () async throws in 1 }
            if number < 3 {
                for handle in [plain, later, late, lateAsync] { #expect(handle.cancel()) }
            }
        }
        let awaited = try runtime.post { 2 }
        _ = try runtime.post { try awaited.wait() }
        _ = try runtime.post(lane: .high) { try awaited.wait() }
        time.advance(by: .nanoseconds(5_000))
        release.open()
        await runtime.finishAsync()
        let snapshot = runtime.snapshot()
        #expect(snapshot.tasksCancelled == 3 * 4)
        #expect(snapshot.tasksLate == 7 * 2)
        #expect(snapshot.tasksDone == 1 + 7 * 2 + 3)
        #expect(snapshot.tasksFailed == 0)
        #expect(snapshot.total.count == 1 + 7 * 2 + 3)
    }

    @Test func aWorkerIsBusyWhileItsBodyRuns() throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime(workers: 1) { $0.clock = clock }
        let release = try runtime.occupy(1)
        let before = runtime.snapshot().workers[0].busyNanoseconds
        time.advance(by: .seconds(3))
        #expect(runtime.snapshot().workers[0].busyNanoseconds == before + 3_000_000_000)
        release.open()
        runtime.finish()
    }

    @Test func whatIsQueuedAndRunningIsInFlight() throws {
        let runtime = try makeRuntime(workers: 1)
        let release = try runtime.occupy(1)
        for _ in 0..<9 { try runtime.post {} }
        #expect(runtime.snapshot().recordsInFlight == 10)
        release.open()
        runtime.finish()
        #expect(runtime.snapshot().recordsInFlight == 0)
    }

    @Test func suspendedTasksAreLiveAndNotInFlight() throws {
        let runtime = try makeRuntime(workers: 1)
        let sleepers = (0..<5).map { _ in Sleeper() }
        let handles = try sleepers.map { sleeper in
            try runtime.post { () async throws in try await sleeper.sleep() }
        }
        #expect(eventually { sleepers.allSatisfy(\.isAsleep) && runtime.snapshot().recordsInFlight == 0 })
        #expect(runtime.snapshot().runsLive == 5)
        for sleeper in sleepers { sleeper.wake() }
        for handle in handles { #expect(outcome(of: handle) != nil) }
        runtime.finish()
        #expect(runtime.snapshot().runsLive == 0)
    }

    @Test func theClockIsPartOfIt() throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 50))
        let runtime = try makeRuntime { $0.clock = clock }
        time.advance(by: .nanoseconds(450))
        let snapshot = runtime.snapshot()
        #expect(snapshot.clock.source == "manual")
        #expect(snapshot.uptime == .nanoseconds(450))
        runtime.finish()
    }

    /// Numbers only grow, though workers write them while they are read.
    @Test func countsNeverGoBackWhileTasksRun() throws {
        let runtime = try makeRuntime(workers: 2)
        let isDone = Latch()
        let reader = try PosixThread(name: "reader") {
            var last = runtime.snapshot()
            while !isDone.isOpen {
                let next = runtime.snapshot()
                #expect(next.tasksDone >= last.tasksDone)
                #expect(next.run.count >= last.run.count)
                #expect(next.recordsInFlight < 1 << 20)
                last = next
            }
        }
        for _ in 0..<20_000 { try runtime.post(whenFull: .wait) {} }
        runtime.finish()
        isDone.open()
        reader.join()
        #expect(runtime.snapshot().tasksDone == 20_000)
    }
}
