import CGyre
import Glibc
import Testing

@Suite struct DispatchTests {
    // MARK: - Lanes

    @Test func lanesAreTakenInTheirOrder() throws {
        let pool = try Pool()
        let seat = pool.sit()
        for lane: UInt32 in [3, 2, 1, 0] {
            for item in 0..<3 { #expect(pool.submit(UInt64(lane) * 10 + UInt64(item), seat, lane: lane)) }
        }
        #expect(pool.takeAll(seat) == [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32])
        #expect(!gyre_dispatch_has_item(pool.dispatch))
        pool.leave()
    }

    /// A flood in the high lane, and one task in each other place. Each of these starts within 7 fair turns of 64.
    @Test(arguments: [Place.own, .work, .normalInjector, .submitter, .low, .background])
    func nothingStarvesUnderAFloodOfHighTasks(place: Place) throws {
        let pool = try Pool(submitters: 1)
        let seat = pool.sit()
        for phase in 0..<7 {
            // The rotation stands at every place once.
            for _ in 0..<(64 * phase) { _ = gyre_dispatch_next(pool.dispatch, seat) }
            put(1_000, place, pool, seat)
            var turns = 0
            var found: UInt64 = 0
            while found < 1_000, turns <= 448 {
                #expect(pool.submit(7, seat, lane: 0))
                found = pool.take(seat) ?? 0
                turns += 1
            }
            #expect(found >= 1_000, "not within \(turns) turns, from phase \(phase)")
            _ = pool.takeAll(seat)
        }
        pool.leave()
    }

    enum Place { case own, work, normalInjector, submitter, low, background }

    private func put(_ item: UInt64, _ place: Place, _ pool: Pool, _ seat: OpaquePointer?) {
        switch place {
        case .own: #expect(pool.submit(item, seat))
        case .work:
            // One more than the own queue holds: the 32 oldest move on as a chunk. The flood's items are smaller.
            for _ in 0..<32 { #expect(pool.submit(item, seat)) }
            for _ in 0..<225 { #expect(pool.submit(0, seat)) }
        case .normalInjector: #expect(pool.submit(item, nil))
        case .submitter: onThreads(1) { _ in #expect(pool.submit(item, pool.seat())) }
        case .low: #expect(pool.submit(item, seat, lane: 2))
        case .background: #expect(pool.submit(item, seat, lane: 3))
        }
    }

    // MARK: - Queues

    /// 256 fit the own queue; what comes on top moves the oldest on in chunks of 32, and all of it is found.
    @Test(arguments: [256, 257, 288, 289, 1_000, 3_000]) func whatOverflowsTheOwnQueueIsFound(count: Int) throws {
        let pool = try Pool(inFlight: 4_096)
        let seat = pool.sit()
        for item in 0..<count { #expect(pool.submit(UInt64(item), seat)) }
        #expect(pool.takeAll(seat).sorted() == (0..<count).map(UInt64.init))
        #expect(gyre_dispatch_is_quiet(pool.dispatch))
        pool.leave()
    }

    @Test func aThreadKeepsItsSeatAndTheNextOneInheritsIt() throws {
        let pool = try Pool(submitters: 1)
        let indices = Plain(count: 3)
        for round in 0..<3 {
            onThreads(1) { _ in
                let seat = pool.seat()
                #expect(seat != nil)
                #expect(seat == pool.seat())
                indices[round] = seat.map { UInt64(gyre_seat_index($0)) } ?? 99
            }
        }
        #expect((0..<3).map { indices[$0] } == [2, 2, 2])
    }

    /// A thread ends with tasks in its queue and free records in its stash. Workers find the tasks, and the next
    /// thread has the records: in the end as many tasks fit as at the beginning.
    @Test func aThreadThatEndsLosesNeitherTasksNorRecords() throws {
        let pool = try Pool(submitters: 1, inFlight: 64)
        let seat = pool.sit()
        for round in 0..<20 {
            onThreads(1) { _ in
                for item in 0..<50 { #expect(pool.submit(UInt64(item), pool.seat())) }
            }
            #expect(pool.takeAll(seat).sorted() == (0..<50).map(UInt64.init), "round \(round)")
        }
        let bound = 64 + 64 * pool.seats
        let accepted = Plain(count: 1)
        onThreads(1) { _ in
            while pool.submit(accepted[0], pool.seat()) { accepted[0] += 1 }
        }
        #expect(accepted[0] >= 64)
        #expect(accepted[0] <= UInt64(bound))
        #expect(pool.takeAll(seat).count == Int(accepted[0]))
        pool.leave()
    }

    @Test(arguments: [2, 16, 1_000]) func fullLiesWithinTheBoundsThatAreStated(inFlight: UInt32) throws {
        let pool = try Pool(submitters: 2, inFlight: inFlight)
        let seat = pool.sit()
        for _ in 0..<3 {
            var count: UInt64 = 0
            while pool.submit(count, seat) { count += 1 }
            #expect(count >= UInt64(inFlight))
            #expect(count <= UInt64(inFlight) + 64 * UInt64(pool.seats))
            #expect(!pool.submit(0, seat))
            #expect(pool.takeAll(seat).count == Int(count))
        }
        pool.leave()
    }

    /// Threads beyond the seats are guests: their tasks arrive too, and their records come back to them.
    @Test func guestsSubmitWhenAllSeatsAreTaken() throws {
        let pool = try Pool(submitters: 1, guests: 4)
        let line = StartLine(3)
        let wrong = Tally()
        onThreads(3) { me in
            if me == 0 {
                if pool.seat() == nil { wrong.add() }
                line.wait()
            } else {
                line.wait()
            }
            // Now the only seat is taken. One thread is a guest, one is the worker; they work by turns.
            let worker = me == 2 ? pool.sit() : nil
            if me == 1, pool.seat() != nil { wrong.add() }
            for round: UInt64 in 0..<10 {
                if me == 1 {
                    for item in 0..<4 where !pool.submit(round * 4 + UInt64(item), nil) { wrong.add() }
                    if pool.submit(99, nil) { wrong.add() }  // four records and no more
                }
                line.wait()
                if me == 2, pool.takeAll(worker) != (0..<4).map({ round * 4 + $0 }) { wrong.add() }
                line.wait()
            }
            if me == 2 { pool.leave() }
        }
        #expect(wrong.count == 0)
    }

    @Test func configurationsOutOfRangeGiveNoPool() {
        for (workers, submitters, inFlight, guests): (UInt32, UInt32, UInt32, UInt32) in [
            (0, 1, 8, 2), (65, 1, 8, 2), (1, 1 << 17, 8, 2), (1, 1, 1, 2), (1, 1, 1 << 25, 2), (1, 1, 8, 1),
            (1, 1, 8, 1 << 21),
        ] {
            var configuration = gyre_dispatch_configuration(
                workers: workers, submitters: submitters, in_flight: inFlight, guests: guests, clock: nil)
            #expect(gyre_dispatch_create(&configuration) == nil)
        }
        gyre_dispatch_destroy(nil)
    }

    // MARK: - Threads

    /// Submitters with and without seats in all lanes, and workers that steal from each other: each task runs once.
    @Test(arguments: [(1, 2), (3, 3), (2, 6)]) func eachTaskRunsOnceWhateverItsWay(workers: Int, submitters: Int) throws
    {
        let pool = try Pool(workers: UInt32(workers), submitters: 2, inFlight: 512)
        let each = 6_000
        let counts = Plain(count: workers * submitters * each)
        let ran = Tally()
        onThreads(workers + submitters) { me in
            if me < workers {
                let seat = gyre_dispatch_sit(pool.dispatch, UInt32(me))
                _ = eventually {
                    while let item = pool.take(seat) {
                        counts[me * submitters * each + Int(item)] += 1  // each worker has counts of its own
                        ran.add()
                    }
                    return ran.count == submitters * each
                }
                pool.leave()
            } else {
                for number in 0..<each {
                    let item = UInt64((me - workers) * each + number)
                    _ = eventually { pool.submit(item, pool.seat(), lane: number % 5 == 0 ? UInt32(number % 4) : 1) }
                }
            }
        }
        for item in 0..<(submitters * each) {
            let runs = (0..<workers).map { counts[$0 * submitters * each + item] }.reduce(0, +)
            if runs != 1 { Issue.record("item \(item) ran \(runs) times") }
        }
        #expect(gyre_dispatch_is_quiet(pool.dispatch))
        #expect(gyre_dispatch_sum(pool.dispatch, UInt32(GYRE_COUNT_QUEUED)) == UInt64(submitters * each))
    }

    /// What a submit was told while the pool closed is so: accepted, and it ran once; or closed, and it did not.
    @Test func aCloseThatRacesWithSubmitsSplitsThemCleanly() throws {
        for round in 0..<60 {
            let pool = try Pool(workers: 2, submitters: 2, inFlight: 128)
            let submitters = 3
            let counts = Plain(count: 2 * submitters * 100_000)
            let accepted = Plain(count: submitters)
            let left = Tally()
            onThreads(3 + submitters) { me in
                if me < 2 {
                    let seat = gyre_dispatch_sit(pool.dispatch, UInt32(me))
                    // As a worker does: it leaves after a look that found nothing and began after it saw the pool
                    // closed.
                    while true {
                        let isClosed = gyre_dispatch_is_closed(pool.dispatch)
                        gyre_fence_seq_cst()
                        if let item = pool.take(seat) {
                            counts[me * submitters * 100_000 + Int(item)] += 1
                        } else if isClosed, !gyre_dispatch_has_item(pool.dispatch) {
                            break
                        }
                    }
                    pool.leave()
                    left.add()
                } else if me == 2 {
                    for _ in 0..<(round * 40) { gyre_pause() }
                    gyre_dispatch_close(pool.dispatch)
                    _ = eventually { left.count == 2 }
                    gyre_dispatch_stopped(pool.dispatch)
                } else {
                    let mine = me - 3
                    while accepted[mine] < 100_000 {
                        let item = UInt64(mine * 100_000) + accepted[mine]
                        let lane: UInt32 = round % 2 == 0 ? 1 : UInt32(accepted[mine] % 4)
                        switch pool.trySubmit(item, pool.seat(), lane: lane) {
                        case .accepted: accepted[mine] += 1
                        case .full: sched_yield()
                        case .closed: return
                        }
                    }
                }
            }
            for mine in 0..<submitters {
                for number in 0..<min(100_000, Int(accepted[mine]) + 50) {
                    let item = mine * 100_000 + number
                    let runs = counts[item] + counts[submitters * 100_000 + item]
                    if runs != (number < accepted[mine] ? 1 : 0) {
                        Issue.record("round \(round): item \(item) ran \(runs) times, accepted \(accepted[mine])")
                    }
                }
            }
            #expect(gyre_dispatch_is_quiet(pool.dispatch), "what was refused is not waited for")
        }
    }
}

/// A dispatch that a test drives by hand. The first word of a record is its item.
final class Pool: @unchecked Sendable {  // lock-free by its own account, which is tested
    let dispatch: OpaquePointer
    let seats: Int

    enum Answer { case accepted, full, closed }

    /// `clock` outlives the pool.
    init(
        workers: UInt32 = 2, submitters: UInt32 = 2, inFlight: UInt32 = 256, guests: UInt32 = 16,
        clock: OpaquePointer? = nil
    ) throws {
        var configuration = gyre_dispatch_configuration(
            workers: workers, submitters: submitters, in_flight: inFlight, guests: guests, clock: clock)
        dispatch = try #require(gyre_dispatch_create(&configuration))
        seats = Int(workers + submitters)
    }

    deinit { gyre_dispatch_destroy(dispatch) }

    /// The seat of worker 0, for the calling thread.
    func sit() -> OpaquePointer? { gyre_dispatch_sit(dispatch, 0) }
    func leave() { gyre_dispatch_leave(dispatch) }
    func seat() -> OpaquePointer? { gyre_dispatch_seat(dispatch) }

    func trySubmit(_ item: UInt64, _ seat: OpaquePointer?, lane: UInt32 = 1) -> Answer {
        if gyre_dispatch_is_closed(dispatch) { return .closed }
        guard let record = gyre_dispatch_take(dispatch, seat) else { return .full }
        _ = gyre_record_begin(record, false)
        gyre_record_write(record, { _, _ in }, 0, 0, 0, false)
        gyre_record_words(record)[0] = item
        if gyre_dispatch_submit(dispatch, seat, record, lane) == GYRE_RING_OK { return .accepted }
        _ = gyre_dispatch_give(dispatch, seat, record)
        return .closed
    }

    func submit(_ item: UInt64, _ seat: OpaquePointer?, lane: UInt32 = 1) -> Bool {
        trySubmit(item, seat, lane: lane) == .accepted
    }

    /// Runs one task, for the worker of `seat`.
    func take(_ seat: OpaquePointer?) -> UInt64? {
        let handle = gyre_dispatch_next(dispatch, seat)
        if handle == .max { return nil }
        guard let record = gyre_dispatch_record(dispatch, handle) else { return nil }
        let item = gyre_record_words(record)[0]
        _ = gyre_dispatch_give(dispatch, seat, record)
        gyre_dispatch_count_finished(seat)
        return item
    }

    func takeAll(_ seat: OpaquePointer?) -> [UInt64] {
        var items: [UInt64] = []
        while let item = take(seat) { items.append(item) }
        return items
    }
}
