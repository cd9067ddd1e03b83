import GyreCore
import Synchronization
import Testing

@Suite struct WorkerPoolTests {
    // MARK: - Configuration

    @Test(arguments: [-1, 0, WorkerPool.workersMax + 1, .max]) func workersOutOfRangeAreNamed(workers: Int) {
        #expect { try makePool(workers: workers) } throws: { isAbout("workers", $0) }
    }

    @Test(arguments: [-5, 0, 1, (1 << 24) + 1, .max]) func tooFewOrTooManyInFlightAreNamed(inFlight: Int) {
        #expect { try makePool { $0.inFlight = inFlight } } throws: { isAbout("inFlight", $0) }
    }

    @Test(arguments: [-1, 0, (1 << 12) + 1]) func submittersOutOfRangeAreNamed(submitters: Int) {
        #expect { try makePool { $0.submitters = submitters } } throws: { isAbout("submitters", $0) }
    }

    @Test(arguments: [0, 1]) func samplingEveryTaskIsNamed(every: UInt32) {
        #expect { try makePool { $0.timing = .sampled(every: every) } } throws: { isAbout("timing", $0) }
    }

    @Test func theSmallestAndTheLargestPoolWork() throws {
        for (workers, inFlight) in [(1, 2), (WorkerPool.workersMax, 4_096)] {
            let pool = try makePool(workers: workers) { $0.inFlight = inFlight }
            let ran = Tally()
            for _ in 0..<2 { try pool.submit(body: { ran.add() }) }
            pool.finish()
            #expect(ran.count == 2)
            #expect(pool.snapshot().workers.count == workers)
        }
    }

    @Test func withoutANumberThePoolTakesWhatTheMachineAllows() throws {
        let pool = try makePool(workers: nil)
        #expect(pool.workerCount == min(CPUTopology.current().effectiveParallelism, WorkerPool.workersMax))
        pool.finish()
    }

    private func isAbout(_ field: String, _ error: any Error) -> Bool {
        guard let error = error as? ConfigurationError else { return false }
        return error.field == field && !error.reason.isEmpty && error.description.hasPrefix("\(field): ")
    }

    // MARK: - Stamps

    /// The clock stands but for what the test moves, so every figure is known to the nanosecond.
    @Test func stampsUnderAManualClockAreExact() throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let pool = try makePool(workers: 1) { $0.clock = clock }
        let release = try pool.occupy(1)
        try pool.submit(body: { time.advance(by: .nanoseconds(7)) })
        time.advance(by: .nanoseconds(40))
        try pool.submit(body: { time.advance(by: .nanoseconds(11)) })
        time.advance(by: .nanoseconds(60))
        release.open()
        pool.finish()
        let snapshot = pool.snapshot()
        // Submitted at 1,000, 1,000 and 1,040. The first ran until 1,100, the second until 1,107, the third until
        // 1,118.
        #expect(snapshot.run.count == 3)
        #expect(snapshot.run.sumNanoseconds == 100 + 7 + 11)
        #expect(snapshot.queueWait.sumNanoseconds == 0 + 100 + 67)
        #expect(snapshot.total.sumNanoseconds == 100 + 107 + 78)
        #expect(snapshot.uptime == .nanoseconds(118))
    }

    @Test func aPoolUnderAClockThatStandsStillRunsAndEnds() throws {
        let (clock, _) = MonotonicClock.manual()
        for idle in IdlePolicy.allCases {
            let pool = try makePool {
                $0.clock = clock
                $0.idle = idle
            }
            let ran = Tally()
            for round in 1...50 {
                try pool.submit(body: { ran.add() })
                #expect(eventually { ran.count == round })
            }
            pool.finish()
        }
    }

    @Test func withoutTimingNothingIsTimed() throws {
        let pool = try makePool(workers: 1) { $0.timing = .off }
        for _ in 0..<100 { try pool.submit(body: {}) }
        pool.finish()
        let snapshot = pool.snapshot()
        #expect(snapshot.tasksDone == 100)
        #expect(snapshot.run.count == 0)
        #expect(snapshot.queueWait.count == 0)
        #expect(snapshot.total.count == 0)
    }

    @Test(arguments: [2, 10, 64]) func oneTaskInSoManyIsTimed(every: UInt32) throws {
        let pool = try makePool(workers: 1) { $0.timing = .sampled(every: every) }
        let count = every * 20
        for _ in 0..<count { try pool.submit(body: {}) }
        pool.finish()
        let snapshot = pool.snapshot()
        #expect(snapshot.tasksDone == UInt64(count))
        #expect(snapshot.run.count == 20)
        #expect(snapshot.total.count == 20)
    }

    @Test func deadlinesHoldWithoutTimingToo() throws {
        for timing in [Timing.all, .sampled(every: 100), .off] {
            let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
            let pool = try makePool(workers: 1) {
                $0.clock = clock
                $0.timing = timing
            }
            let release = try pool.occupy(1)
            let ran = Tally()
            for deadline: UInt64 in [1_999, 2_000, 5_000] {
                try pool.submit(body: { ran.add() }, SubmitOptions(lane: .normal, deadlineNanoseconds: deadline))
            }
            time.advance(by: .nanoseconds(1_000))
            #expect(throws: SubmitError.late) {
                try pool.submit(body: { ran.add() }, SubmitOptions(lane: .normal, deadlineNanoseconds: 1_999))
            }
            release.open()
            pool.finish()
            #expect(ran.count == 2, "the instant itself is in time; \(timing)")
            #expect(pool.snapshot().tasksLate == 2)
            #expect(pool.snapshot().tasksDone == 3)
        }
    }

    // MARK: - Running

    @Test(arguments: IdlePolicy.allCases, [1, 3]) func everyTaskRunsOnceUnderEachIdlePolicy(
        idle: IdlePolicy, workers: Int
    ) throws {
        let pool = try makePool(workers: workers) {
            $0.idle = idle
            $0.inFlight = 256
        }
        let ran = Tally()
        onThreads(3) { _ in
            for _ in 0..<2_000 {
                _ = eventually {
                    do {
                        try pool.submit(body: { ran.add() })
                        return true
                    } catch {
                        return false
                    }
                }
            }
        }
        #expect(pool.waitUntilQuiet(until: nil))
        #expect(ran.count == 6_000)
        #expect(pool.snapshot().recordsInFlight == 0)
        pool.finish()
    }

    /// One after the other, with all workers asleep in between: each submit must wake one.
    @Test(arguments: [IdlePolicy.balanced, .park]) func aSleepingPoolIsWokenByEachSubmit(idle: IdlePolicy) throws {
        let pool = try makePool(workers: 2) { $0.idle = idle }
        let ran = Tally()
        for round in 1...300 {
            let parks = pool.parks
            try pool.submit(body: { ran.add() })
            guard eventually({ ran.count == round }) else { break }
            #expect(eventually { pool.parks > parks })
        }
        pool.finish()
    }

    @Test func afterACloseSubmitsAreRefusedAndWhatWasQueuedRuns() throws {
        let pool = try makePool(workers: 1)
        let release = try pool.occupy(1)
        let ran = Tally()
        for _ in 0..<50 { try pool.submit(body: { ran.add() }) }
        pool.close()
        pool.close()
        #expect(throws: SubmitError.closed) { try pool.submit(body: { ran.add() }) }
        #expect(throws: SubmitError.closed) { _ = try pool.reserve() }
        release.open()
        #expect(pool.join(until: nil) == 0)
        #expect(ran.count == 50)
    }

    @Test func aReservedRecordCanBeGivenBack() throws {
        let pool = try makePool(workers: 1) { $0.inFlight = 2 }
        for _ in 0..<5_000 { pool.cancel(try pool.reserve()) }
        #expect(pool.snapshot().recordsInFlight == 0)
        pool.finish()
    }

    // MARK: - Snapshot

    @Test func theWorkersNumbersAddUpToThePools() throws {
        let pool = try makePool(workers: 3)
        onThreads(2) { _ in
            for _ in 0..<1_000 { _ = eventually { (try? pool.submit(body: {})) != nil } }
        }
        pool.finish()
        let snapshot = pool.snapshot()
        #expect(snapshot.tasksDone == 2_000)
        #expect(snapshot.workers.map(\.index) == [0, 1, 2])
        #expect(snapshot.workers.map(\.tasks).reduce(0, +) == 2_000)
        #expect(snapshot.run.count == 2_000)
        #expect(snapshot.workers.allSatisfy { $0.busyNanoseconds <= snapshot.uptime.wholeNanoseconds })
    }

    // MARK: - Pinning

    @Test func unpinnedWorkersMayRunWhereTheProcessMay() throws {
        let pool = try makePool { $0.pinning = .none }
        let mask = try maskOfWorker(in: pool, afterBusyNanoseconds: 1_000_000)
        #expect(mask == CPUMask(cpus: CPUTopology.current().allowedCPUs))
        #expect(pool.snapshot().workers.allSatisfy { $0.pinnedProcessor == nil })
        pool.finish()
    }

    @Test func hardPinnedWorkersHaveOneProcessorEachForLife() throws {
        let pool = try makePool { $0.pinning = .hard }
        let cpus = CPUTopology.current().allowedCPUs
        let masks = Lock<[Int: [Int]]>([:])
        let together = Tally()
        for _ in 0..<2 {
            try pool.submit(body: {
                together.add()
                _ = eventually { together.count == 2 }
                let mask = try? CPUMask(ofThread: 0)
                masks.withLock { $0[WorkerSeat(of: pool)?.index ?? -1] = mask?.cpus }
            })
        }
        #expect(pool.waitUntilQuiet(until: nil))
        #expect(masks.withLock { $0 } == [0: [cpus[0]], 1: [cpus[1 % cpus.count]]])
        #expect(pool.snapshot().workers.map(\.pinnedProcessor) == [cpus[0], cpus[1 % cpus.count]])
        pool.finish()
    }

    @Test func softPinnedWorkersAreTiedWhileTheyWorkAndFreeAfterwards() throws {
        let pool = try makePool(workers: 1) { $0.pinning = .soft }
        let thread = Atomic<Int32>(0)
        try pool.submit(body: { thread.store(CurrentThread.id, ordering: .releasing) })
        #expect(eventually { thread.load(ordering: .acquiring) != 0 })
        let mask = try maskOfWorker(in: pool, afterBusyNanoseconds: 1_000_000)
        #expect(mask.cpus.count == 1)
        let all = CPUMask(cpus: CPUTopology.current().allowedCPUs)
        #expect(eventually { (try? CPUMask(ofThread: thread.load(ordering: .acquiring))) == all })
        #expect(eventually { pool.snapshot().workers[0].pinnedProcessor == nil })
        pool.finish()
    }

    /// Both work for longer than a soft pin takes, wherever the system has put them, and then look at the same time.
    @Test(.enabled(if: CPUTopology.current().allowedCPUs.count > 1, "one processor has one core"))
    func twoWorkersAreNotTiedToOneCore() throws {
        let pool = try makePool(workers: 2) { $0.pinning = .soft }
        for _ in 0..<5 {
            let masks = Lock<[CPUMask]>([])
            let release = try pool.occupy(2)
            for _ in 0..<8 {
                try pool.submit(body: {
                    let begin = pool.clock.now
                    while pool.clock.now.nanoseconds(since: begin) < 400_000 {}
                })
            }
            for _ in 0..<2 {
                try pool.submit(body: {
                    if let mask = try? CPUMask(ofThread: 0) { masks.withLock { $0.append(mask) } }
                    _ = eventually { masks.withLock { $0.count == 2 } }
                })
            }
            release.open()
            #expect(pool.waitUntilQuiet(until: nil))
            let found = masks.withLock { $0 }
            #expect(found.count == 2)
            #expect(found.contains { $0.cpus.count > 1 } || found[0] != found[1])
        }
        pool.finish()
    }

    /// The kernel's mask of a worker that has worked without a pause: two tasks keep it busy, the third looks.
    private func maskOfWorker(in pool: WorkerPool, afterBusyNanoseconds busy: UInt64) throws -> CPUMask {
        let found = Lock<CPUMask?>(nil)
        let release = try pool.occupy(pool.workerCount)
        for _ in 0..<2 {
            try pool.submit(body: {
                let begin = pool.clock.now
                while pool.clock.now.nanoseconds(since: begin) < busy {}
            })
        }
        try pool.submit(body: {
            let mask = try? CPUMask(ofThread: 0)
            found.withLock { $0 = mask }
        })
        release.open()
        #expect(pool.waitUntilQuiet(until: nil))
        return try #require(found.withLock { $0 })
    }
}

extension WorkerPool {
    fileprivate var parks: UInt64 { snapshot().workers.map(\.parks).reduce(0, +) }
}
