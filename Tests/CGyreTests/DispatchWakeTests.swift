import CGyre
import Synchronization
import Testing

/// Who is woken beside a worker that searches. Worker 0 holds the token and does nothing, worker 1 has announced sleep,
/// the submitter is the test, and time is told by hand.
@Suite struct DispatchWakeTests {
    private let pause = UInt64(GYRE_DISPATCH_BESIDE_NANOSECONDS)

    @Test func theSecondItemWakesAnotherWorker() throws {
        let scene = try Scene()
        scene.submit(1)
        #expect(scene.colleagueSleeps, "the search will find it")
        scene.submit(2)
        #expect(!scene.colleagueSleeps)
        #expect(gyre_park_sleep(scene.park, 1, UInt64.max), "it was woken, and shares the token")
        gyre_park_stop_search(scene.park)
        #expect(gyre_park_wants_wake(scene.park) == false, "nobody sleeps any more")
    }

    @Test func anItemThatLiesAloneHasJustCome() throws {
        let scene = try Scene()
        scene.submit(1)
        scene.advance(10 * pause)
        #expect(scene.takeOne() == 1)
        scene.submit(2)
        #expect(scene.colleagueSleeps)
    }

    /// A pool of many does not wake them all while the first two are on their way.
    @Test func nobodyElseIsWokenAtOnce() throws {
        let scene = try Scene()
        scene.submit(1)
        scene.submit(2)
        for item in 0..<10 as Range<UInt64> {
            #expect(!scene.colleagueSleeps)
            scene.colleagueSleepsAgain()
            scene.advance(pause - 1)
            scene.submit(2 * item + 3)
            #expect(scene.colleagueSleeps, "who was woken may still come")
            scene.advance(1)
            scene.submit(2 * item + 4)
        }
    }

    /// Nor for each item of a queue that moves.
    @Test func aQueueThatMovesWakesNoMore() throws {
        let scene = try Scene()
        scene.submit(1)
        scene.submit(2)
        scene.colleagueSleepsAgain()
        for item in 3..<20 as Range<UInt64> {
            #expect(scene.takeOne() == item - 2)
            scene.submit(item)
            #expect(scene.colleagueSleeps)
        }
    }

    @Test func withoutAClockNobodyIsWokenBeside() throws {
        let scene = try Scene(isTimed: false)
        for item in 1...3 as ClosedRange<UInt64> { scene.submit(item) }
        #expect(scene.colleagueSleeps)
    }
}

private final class Scene {
    private let clock: OpaquePointer
    private let pool: Pool
    let park: OpaquePointer

    init(isTimed: Bool = true) throws {
        clock = try #require(gyre_clock_create(GYRE_CLOCK_MANUAL, 1))
        pool = try Pool(workers: 2, submitters: 1, clock: isTimed ? clock : nil)
        park = try #require(gyre_dispatch_park(pool.dispatch))
        #expect(gyre_park_start_search(park))
        gyre_park_prepare(park, 1, false)
    }

    deinit { gyre_clock_destroy(clock) }

    var colleagueSleeps: Bool { gyre_dispatch_worker_sleeps(pool.dispatch, 1) }

    func colleagueSleepsAgain() { gyre_park_prepare(park, 1, false) }

    func advance(_ nanoseconds: UInt64) { gyre_clock_advance(clock, nanoseconds) }

    func submit(_ item: UInt64) { #expect(pool.submit(item, pool.seat())) }

    /// The worker that was stopped goes on for one item.
    func takeOne() -> UInt64 {
        let taken = Atomic<UInt64>(0)
        onThreads(1) { [pool] _ in
            taken.store(pool.take(pool.sit()) ?? 0, ordering: .relaxed)
            pool.leave()
        }
        return taken.load(ordering: .relaxed)
    }
}
