import Glibc
import GyreCore
import GyreObserve
import Synchronization
import Testing

@Suite struct StallWatchdogTests {
    /// Two workers: 0 as given, 1 always with something new.
    private func snapshot(
        at seconds: Int, records: UInt64 = 7, busy: UInt64 = 3, parks: UInt64 = 1, state: WorkerSnapshot.State = .awake
    ) -> RuntimeSnapshot {
        var snapshot = RuntimeSnapshot(uptime: .seconds(seconds), clock: MonotonicClock.manual().clock.description)
        var first = WorkerSnapshot(index: 0)
        first.records = records
        first.endedBusyNanoseconds = busy
        first.busyNanoseconds = UInt64(seconds) * 1_000_000_000  // the present streak is in it
        first.parks = parks
        first.state = state
        var second = WorkerSnapshot(index: 1)
        second.records = UInt64(seconds)
        snapshot.workers = [first, second]
        return snapshot
    }

    @Test func aWorkerThatStandsStillIsNamedWithItsTime() {
        var watchdog = StallWatchdog(limit: .seconds(2))
        for second in 0...2 { #expect(watchdog.observe(snapshot(at: second)) == [], "not longer than the limit") }
        #expect(watchdog.observe(snapshot(at: 3)) == [.init(worker: 0, duration: .seconds(3))])
        #expect(watchdog.observe(snapshot(at: 9)) == [.init(worker: 0, duration: .seconds(9))])
    }

    /// Its busy time moves on while its body stands still.
    @Test func aBodyThatDoesNotReturnIsFound() throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        var configuration = WorkerPool.Configuration(workers: 1, pinning: .none)
        configuration.clock = clock
        let pool = try WorkerPool(configuration)
        let begun = Atomic(false)
        let release = Atomic(false)
        try pool.submit(body: {
            begun.store(true, ordering: .releasing)
            while !release.load(ordering: .acquiring) { sched_yield() }
        })
        while !begun.load(ordering: .acquiring) { sched_yield() }
        var watchdog = StallWatchdog(limit: .seconds(2))
        var stalls: [StallWatchdog.Stall] = []
        for _ in 0...3 {
            stalls = watchdog.observe(pool.snapshot())
            time.advance(by: .seconds(1))
        }
        #expect(stalls == [.init(worker: 0, duration: .seconds(3))])
        release.store(true, ordering: .releasing)
        pool.close()
        #expect(pool.join(until: nil) == 0)
    }

    @Test func anyProgressStartsTheTimeAnew() {
        var watchdog = StallWatchdog(limit: .seconds(2))
        for second in 0..<20 {
            #expect(watchdog.observe(snapshot(at: second, records: UInt64(second / 2))) == [])
        }
        watchdog = StallWatchdog(limit: .seconds(2))
        for second in 0..<20 { #expect(watchdog.observe(snapshot(at: second, parks: UInt64(second))) == []) }
    }

    /// With `IdlePolicy.spin` a worker never parks, and looks for work without end.
    @Test func aWorkerThatSearchesWithoutEndIsNone() {
        var watchdog = StallWatchdog(limit: .seconds(2))
        for second in 0..<20 { #expect(watchdog.observe(snapshot(at: second, busy: UInt64(second))) == []) }
    }

    @Test(arguments: [WorkerSnapshot.State.parked, .absent]) func aWorkerWithNothingToDoIsNone(
        state: WorkerSnapshot.State
    ) {
        var watchdog = StallWatchdog(limit: .seconds(2))
        for second in 0..<20 { #expect(watchdog.observe(snapshot(at: second, state: state)) == []) }
        #expect(watchdog.observe(snapshot(at: 20)) == [], "time asleep is no stall")
        #expect(watchdog.observe(snapshot(at: 23)) == [.init(worker: 0, duration: .seconds(3))])
    }

    @Test func aStallThatEndsIsReportedNoMore() {
        var watchdog = StallWatchdog(limit: .seconds(2))
        for second in 0..<5 { _ = watchdog.observe(snapshot(at: second)) }
        #expect(watchdog.observe(snapshot(at: 5, records: 8)) == [])
        #expect(watchdog.observe(snapshot(at: 7, records: 8)) == [])
        #expect(watchdog.observe(snapshot(at: 8, records: 8)) == [.init(worker: 0, duration: .seconds(3))])
    }
}
