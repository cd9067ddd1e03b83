import Gyre
import GyreCore
import Testing

/// How async bodies end that somebody or something else ends: cancels at their very start, deadlines while they run,
/// drains.
@Suite struct AsyncEndTests {
    /// A body may run, and be cancelled, before its runner knows the Swift task that it runs on. Fresh runners: no body
    /// ends before the next is posted.
    @Test func aCancelAtTheStartReachesTheBody() async throws {
        let runtime = try makeRuntime()
        for _ in 0..<40 {
            let handles = try (0..<100).map { _ in
                try runtime.post(whenFull: .wait) { () async throws -> Int in
                    let sleeper = Sleeper()
                    try await sleeper.sleep()
                    return 1
                }
            }
            for handle in handles { handle.cancel() }
            for handle in handles {
                guard case .cancelled(.user) = await handle.settled else {
                    Issue.record("a body ended otherwise")
                    return
                }
            }
        }
        await runtime.finishAsync()
    }

    @Test func aRunningBodyIsGivenUpAndCancelledAtItsDeadline() async throws {
        let runtime = try makeRuntime()
        let cancelled = Tally()
        let handle = try runtime.post(deadline: runtime.clock.now + .milliseconds(5)) { () async throws -> Int in
            do {
                try await Sleeper().sleep()
            } catch {
                cancelled.add()
                throw error
            }
            return 1
        }
        guard case .timedOut = await handle.settled else {
            Issue.record("\(String(describing: handle.outcome))")
            return
        }
        await runtime.finishAsync()
        #expect(cancelled.count == 1)
    }

    @Test func runThrowsAtItsDeadlineAndReturnsBeforeIt() async throws {
        let runtime = try makeRuntime()
        #expect(try await runtime.run(deadline: runtime.clock.now + .seconds(60)) { 7 } == 7)
        await #expect {
            try await runtime.run(deadline: runtime.clock.now + .milliseconds(5)) { try await Sleeper().sleep() }
        } throws: { ($0 as? GyreError)?.code == .deadlineExceeded }
        await #expect(throws: Failure(number: 3)) {
            try await runtime.run(deadline: runtime.clock.now + .seconds(60)) { throw Failure(number: 3) }
        }
        await runtime.finishAsync()
    }

    /// Deadlines that come while bodies start: whoever settles the task leaves the body to who runs it.
    @Test func deadlinesMeetBodiesThatStart() async throws {
        let runtime = try makeRuntime()
        var handles: [TaskHandle<Int>] = []
        for number in 0..<4_000 {
            do {
                let due = runtime.clock.now + .microseconds(number % 60)
                let kept = [number]
                handles.append(try runtime.post(deadline: due, whenFull: .wait) { () async throws in kept[0] })
            } catch SubmitError.late {
                continue
            }
        }
        for handle in handles {
            switch await handle.settled {
            case .succeeded, .timedOut: break
            default: Issue.record("neither in time nor late")
            }
        }
        await runtime.finishAsync()
        let snapshot = runtime.snapshot()
        #expect(snapshot.timersWaiting == 0)
    }

    /// A body that comes up after the soft limit of a drain is cancelled like those that ran then.
    @Test func aBodyThatStartsAfterTheSoftLimitIsCancelled() async throws {
        let runtime = try makeRuntime(workers: 1)
        let release = try runtime.occupy(1)
        let handle = try runtime.post { () async throws -> Int in
            try await Sleeper().sleep()
            return 1
        }
        async let report = runtime.drain(soft: .zero, hard: .seconds(patienceSeconds))
        #expect(await eventuallyAsync { runtime.pool.isStopping })
        release.open()
        guard case .cancelled(.shutdown) = await handle.settled else {
            Issue.record("\(String(describing: handle.outcome))")
            return
        }
        #expect(await !report.isComplete)
    }

    @Test func aTicketOfAnotherRuntimeIsRefused() throws {
        let (large, small) = (try makeRuntime(workers: 1), try makeRuntime(workers: 1, inFlight: 8))
        let releases = [try large.occupy(1), try small.occupy(1)]
        let own = try small.fireCancellable({ _ in }, 0)
        for _ in 0..<2_000 {
            let ticket = try large.fireCancellable({ _ in }, 0)
            #expect(!small.cancel(ticket))
        }
        #expect(small.cancel(own))
        for release in releases { release.open() }
        large.finish()
        small.finish()
    }

    @Test func aClockThatBeginsAtZeroHasDeadlinesToo() throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 0))
        let runtime = try makeRuntime(workers: 1) { $0.clock = clock }
        let release = try runtime.occupy(1)
        let handle = try runtime.post(deadline: MonotonicInstant(nanoseconds: 5)) { 1 }
        time.advance(by: .seconds(1))
        release.open()
        #expect { try handle.wait() } throws: { ($0 as? GyreError)?.code == .deadlineExceeded }
        runtime.finish()
    }

    @Test func whoGetsRoomInTheEndWasNotRefused() throws {
        let runtime = try makeRuntime(workers: 1, inFlight: 8)
        for _ in 0..<5_000 { try runtime.post(whenFull: .wait) {} }
        runtime.finish()
        #expect(runtime.snapshot().tasksDone == 5_000)
        #expect(runtime.snapshot().tasksRefused == 0)
    }

    @Test(arguments: [(0, 1), (-1, 1), (1, 0)]) func anOrderedNodeNeedsRoomForOne(limit: Int, keys: Int) {
        var graph = TaskGraph<Int>("bounds")
        _ = graph.node("by key", orderedBy: { $0 }, state: 0, limit: limit, keys: keys) { input, _ in input }
        let bound = limit < 1 ? ("limit", limit) : ("keys", keys)
        #expect(throws: GraphError.bound(bound.0, value: bound.1, node: "by key")) { try graph.build() }
    }
}
