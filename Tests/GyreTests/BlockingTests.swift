import Glibc
import Gyre
import GyreCore
import Synchronization
import Testing

/// Bodies that block have threads of their own, a bounded number of them.
@Suite struct BlockingTests {
    private func makeRuntime(threads: Int, queue: Int = 8) throws -> Runtime {
        var configuration = Runtime.Configuration(workers: 1, pinning: .none)
        configuration.inFlight = 64
        return try Runtime(configuration, blocking: BlockingLimits(threadsMax: threads, queueMax: queue))
    }

    @Test(arguments: [(0, 1), (4_097, 1), (1, 0), (1, (1 << 20) + 1)])
    func limitsOutOfRangeAreRefused(threads: Int, queue: Int) {
        let error = #expect(throws: ConfigurationError.self) {
            try BlockingLimits(threadsMax: threads, queueMax: queue)
        }
        #expect(error?.field == (queue == 1 ? "threadsMax" : "queueMax"))
    }

    @Test func aBodyThatBlocksHoldsUpNoWorker() async throws {
        let runtime = try makeRuntime(threads: 2)
        let latch = Latch()
        let blocked = try runtime.postBlocking {
            #expect(!runtime.isWorker)
            latch.wait()
            return 7
        }
        #expect(try await runtime.run { 5 } == 5, "the only worker is free")
        latch.open()
        #expect(try await blocked.value == 7)
        await #expect(throws: Failure(number: 3)) { try await runtime.blocking { throw Failure(number: 3) } }
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksFailed == 1)
        #expect(runtime.blockingSnapshot().threads == 0, "drained with the runtime")
    }

    @Test func threadsAndQueueAreBounded() async throws {
        let runtime = try makeRuntime(threads: 2, queue: 3)
        let latch = Latch()
        let ran = Tally()
        var handles: [TaskHandle<Void>] = []
        for _ in 0..<2 {
            handles.append(try runtime.postBlocking { latch.wait() })
        }
        #expect(eventually { runtime.blockingSnapshot().running == 2 })
        for _ in 0..<3 {
            handles.append(try runtime.postBlocking { ran.add() })
        }
        #expect(throws: SubmitError.full) { try runtime.postBlocking {} }
        await #expect { try await runtime.blocking {} } throws: { ($0 as? GyreError)?.code == .full }
        let snapshot = runtime.blockingSnapshot()
        #expect(snapshot.threads == 2)
        #expect(snapshot.running == 2)
        #expect(snapshot.waiting == 3)
        latch.open()
        for handle in handles { try await handle.value }
        #expect(ran.count == 3)
        await runtime.finishAsync()
        #expect(throws: SubmitError.closed) { try runtime.postBlocking {} }
    }

    @Test func aQueuedBodyIsCancelledAndARunningOneIsAsked() async throws {
        let runtime = try makeRuntime(threads: 1)
        let begun = Tally()
        let running = try runtime.postBlocking {
            begun.add()
            while !AgentTask.isCancelled { sched_yield() }
            return 1
        }
        let queued = try runtime.postBlocking { 2 }
        #expect(eventually { begun.count == 1 })
        #expect(queued.cancel())
        guard case .cancelled(.user)? = queued.outcome else {
            Issue.record("a queued body settles at once")
            return
        }
        let caller = Task { try await runtime.blocking { 3 } }
        #expect(await eventuallyAsync { runtime.blockingSnapshot().waiting == 2 })
        caller.cancel()
        await #expect { try await caller.value } throws: { ($0 as? GyreError)?.code == .cancelled }
        #expect(running.cancel())
        #expect(try await running.value == 1)
        await runtime.finishAsync()
    }

    @Test func aBodyStartsBeforeItsDeadlineOrNotAtAll() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        var configuration = Runtime.Configuration(workers: 1, pinning: .none)
        configuration.clock = clock
        let runtime = try Runtime(configuration, blocking: BlockingLimits(threadsMax: 1))
        let latch = Latch()
        let first = try runtime.postBlocking { latch.wait() }
        let late = try runtime.postBlocking(deadline: clock.now + .seconds(1)) { 2 }
        time.advance(by: .seconds(2))
        #expect(throws: SubmitError.late) { try runtime.postBlocking(deadline: clock.now - .seconds(1)) { 3 } }
        latch.open()
        _ = try await first.value
        await #expect { try await late.value } throws: { ($0 as? GyreError)?.code == .deadlineExceeded }
        await runtime.finishAsync()
    }

    /// A drain whose soft limit is over asks the running body to stop, and settles the queued one as not run.
    @Test func aDrainAsksAndSettles() async throws {
        let runtime = try makeRuntime(threads: 1)
        let begun = Tally()
        let obeys = try runtime.postBlocking {
            begun.add()
            while !AgentTask.isCancelled { sched_yield() }
            return 1
        }
        #expect(eventually { begun.count == 1 })
        let report = await runtime.drain(soft: .zero, hard: .seconds(patienceSeconds))
        #expect(report.unfinishedRuns == 0)
        #expect(outcome(of: obeys)?.value == 1)

        let other = try makeRuntime(threads: 1)
        let latch = Latch()
        let ignores = try other.postBlocking { latch.wait() }
        let queued = try other.postBlocking { 2 }
        #expect(eventually { other.blockingSnapshot().running == 1 })
        let cut = await other.drain(soft: .zero, hard: .milliseconds(1))
        #expect(!cut.isComplete)
        #expect(cut.unfinishedRuns == 1, "the body that did not return")
        guard case .cancelled(.shutdown)? = queued.outcome else {
            Issue.record("what is queued at the hard limit settles as cancelled by shutdown")
            return
        }
        latch.open()
        #expect(outcome(of: ignores)?.value == true)
    }

    @Test func everyBodyRunsOnce() async throws {
        let runtime = try makeRuntime(threads: 4, queue: 1_024)
        let marks = Marks(1_000)
        let handles = try (0..<1_000).map { index in try runtime.postBlocking { marks.mark(index) } }
        for handle in handles { try await handle.value }
        #expect(marks.wrong.isEmpty)
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksDone == 1_000)
    }
}
