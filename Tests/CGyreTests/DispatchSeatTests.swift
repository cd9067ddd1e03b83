import CGyre
import Glibc
import Testing

/// Who sits where, several pools at a time, and what a pool does at its end.
@Suite struct DispatchSeatTests {
    @Test func aSeatHasOneOwner() throws {
        let pool = try Pool()
        let seat = pool.sit()
        #expect(seat != nil)
        onThreads(1) { _ in #expect(pool.sit() == nil) }
        #expect(pool.seat() == seat, "the owner keeps it")
        pool.leave()
        onThreads(1) { _ in
            #expect(pool.sit() != nil)
            pool.leave()
        }
    }

    /// One thread submits to three pools in turns: in each it has the seat that it took first.
    @Test func aThreadHasOneSeatInEachPool() throws {
        let pools = try (0..<3).map { _ in try Pool(submitters: 1) }
        onThreads(1) { _ in
            let first = pools.map { $0.seat() }
            #expect(!first.contains(nil))
            for _ in 0..<5 { #expect(pools.map { $0.seat() } == first) }
            pools[0].leave()  // the oldest of the three
            #expect(pools[1...].map { $0.seat() } == Array(first[1...]))
            #expect(pools[0].seat() == first[0], "it was vacant and is taken again")
        }
    }

    @Test func whoHasNoSeatLeavesNone() throws {
        let (pool, other) = (try Pool(submitters: 1), try Pool(submitters: 1))
        onThreads(1) { _ in
            pool.leave()
            let seat = other.seat()
            pool.leave()
            #expect(other.seat() == seat)
            #expect(pool.submit(3, pool.seat()))
            other.leave()
        }
        let seat = pool.sit()
        #expect(pool.takeAll(seat) == [3])
        pool.leave()
    }

    /// Pools end in another order than they began; threads that sat in them end later.
    @Test func poolsEndInAnyOrder() throws {
        var pools: [Pool?] = try (0..<4).map { _ in try Pool(submitters: 1) }
        for index in [1, 0, 3, 2] {
            let pool = try #require(pools[index])
            onThreads(1) { _ in #expect(pool.submit(1, pool.seat())) }
            pools[index] = nil
        }
        let last = try Pool(submitters: 1)
        onThreads(1) { _ in #expect(last.submit(1, last.seat())) }
    }

    /// A thread forgets its seats in pools that have ended: else each new pool would cost it a longer look. Another
    /// thread that ends at this moment may have it forget one of them later.
    @Test func aThreadOutlivesItsPools() throws {
        let kept = try Pool(submitters: 1)
        onThreads(1) { _ in
            let seat = kept.seat()
            do {
                for _ in 0..<100 {
                    let pool = try Pool(submitters: 1)
                    #expect(pool.submit(1, pool.seat()))
                    #expect(gyre_thread_seats() <= 4, "the one of this pool, the one that is kept, and few others")
                }
            } catch {
                Issue.record(error, "a pool could not be made")
            }
            #expect(kept.seat() == seat)
        }
    }

    // MARK: - What is where

    /// Nothing moves unless a whole chunk is there: thieves may have been faster.
    @Test func aShortQueueIsNotRelieved() throws {
        let pool = try Pool()
        let seat = pool.sit()
        for item: UInt64 in 0..<31 { #expect(pool.submit(item, seat)) }
        gyre_dispatch_relieve(pool.dispatch, seat)
        #expect(pool.takeAll(seat) == Array(0..<31))
        pool.leave()
    }

    @Test func aChunkIsSeenByWhoeverLooks() throws {
        let pool = try Pool(inFlight: 512)
        let seat = pool.sit()
        for item: UInt64 in 0..<257 { #expect(pool.submit(item, seat)) }
        // The 32 oldest went on as a chunk, so the own queue holds the others.
        for item: UInt64 in 32..<257 { #expect(pool.take(seat) == item) }
        #expect(gyre_dispatch_has_item(pool.dispatch))
        #expect(pool.takeAll(seat) == Array(0..<32))
        #expect(!gyre_dispatch_has_item(pool.dispatch))
        pool.leave()
    }

    @Test(arguments: [0, 1, 2, 3] as [UInt32]) func aGuestsItemIsSeenByWhoeverLooks(lane: UInt32) throws {
        let pool = try Pool()
        let seat = pool.sit()
        #expect(pool.submit(5, nil, lane: lane))
        #expect(gyre_dispatch_has_item(pool.dispatch))
        #expect(pool.takeAll(seat) == [5])
        #expect(!gyre_dispatch_has_item(pool.dispatch))
        pool.leave()
    }

    /// Whoever searched looks for more before it leaves the token: a submit that saw it taken woke nobody.
    @Test(arguments: [true, false]) func aSearcherPassesTheWakeOnIfThereIsMore(more: Bool) throws {
        let pool = try Pool()
        let seat = pool.sit()
        let park = gyre_dispatch_park(pool.dispatch)
        gyre_park_prepare(park, 1, false)
        #expect(gyre_park_start_search(park))
        if more { #expect(pool.submit(5, nil)) }
        #expect(gyre_dispatch_pass_wake_on(pool.dispatch) == more)
        #expect(gyre_park_start_search(park) != more, "the woken worker has the token")
        #expect(pool.takeAll(seat) == (more ? [5] : []))
        pool.leave()
    }

    /// An overflowed job waits until there is a record for it.
    @Test func anOverflowedJobNeedsARecord() throws {
        let pool = try Pool(workers: 1, submitters: 1, inFlight: 2)
        let seat = pool.sit()
        var records: [OpaquePointer] = []
        while let record = gyre_dispatch_take(pool.dispatch, seat) { records.append(record) }
        var item = gyre_overflow_item(function: { _, _ in }, words: (77, 0), submitted: 0)
        gyre_overflow_push(gyre_dispatch_overflow(pool.dispatch), &item)
        #expect(gyre_dispatch_next(pool.dispatch, seat) == .max)
        #expect(gyre_dispatch_has_item(pool.dispatch))
        let last = records.popLast()
        let record = try #require(last)
        _ = gyre_record_begin(record, false)
        _ = gyre_dispatch_give(pool.dispatch, seat, record)
        #expect(pool.take(seat) == 77)
        #expect(gyre_overflow_count(gyre_dispatch_overflow(pool.dispatch)) == 0)
        pool.leave()
    }

    @Test func aWakeThatFindsNobodyGivesTheTokenBack() throws {
        let pool = try Pool()
        gyre_dispatch_wake_slow(pool.dispatch)
        #expect(gyre_park_start_search(gyre_dispatch_park(pool.dispatch)), "it is free")
        gyre_dispatch_wake_slow(pool.dispatch)
        #expect(!gyre_park_start_search(gyre_dispatch_park(pool.dispatch)), "the holder keeps it")
    }

    // MARK: - The end

    /// A submit meets a pool that has closed and stopped: an injector is sealed, and from a queue of its own the item
    /// is taken back; it was never there.
    @Test(arguments: [0, 1, 2, 3] as [UInt32]) func whatComesAfterTheEndIsTakenBack(lane: UInt32) throws {
        let pool = try Pool(submitters: 1)
        onThreads(1) { _ in
            let seat = pool.seat()
            let record = gyre_dispatch_take(pool.dispatch, seat)
            _ = gyre_record_begin(record, false)
            gyre_record_write(record, { _, _ in }, 0, 0, 0, false)
            gyre_dispatch_close(pool.dispatch)
            gyre_dispatch_stopped(pool.dispatch)
            #expect(gyre_dispatch_submit(pool.dispatch, seat, record, lane) == GYRE_RING_CLOSED)
            _ = gyre_dispatch_give(pool.dispatch, seat, record)
        }
        #expect(!gyre_dispatch_has_item(pool.dispatch))
        #expect(gyre_dispatch_sum(pool.dispatch, UInt32(GYRE_COUNT_QUEUED)) == 0)
        #expect(gyre_dispatch_is_quiet(pool.dispatch))
    }

    /// A worker had the item when the submitter came to look; what else lies in the queue stays there.
    @Test(arguments: [0, 1, 200]) func whatAWorkerTookIsNotTakenBack(others: Int) throws {
        let pool = try Pool(submitters: 1)
        onThreads(1) { _ in
            let seat = pool.seat()
            let taken = gyre_dispatch_handle(pool.dispatch, gyre_dispatch_take(pool.dispatch, seat))
            for item in 0..<others { #expect(pool.submit(UInt64(item), seat)) }
            gyre_dispatch_close(pool.dispatch)
            gyre_dispatch_stopped(pool.dispatch)
            #expect(!gyre_dispatch_retract(pool.dispatch, seat, taken))
        }
        #expect(gyre_dispatch_sum(pool.dispatch, UInt32(GYRE_COUNT_QUEUED)) == UInt64(others))
        let worker = pool.sit()
        #expect(pool.takeAll(worker).sorted() == (0..<UInt64(others)).map { $0 })
        pool.leave()
    }

    /// A drain that gave its workers up may have left earlier items in the same queue, up to a full one: they stay as
    /// they are.
    @Test(arguments: [1, 3, 255]) func onlyTheOwnItemIsTakenBack(earlier: Int) throws {
        let pool = try Pool(submitters: 1)
        onThreads(1) { _ in
            let seat = pool.seat()
            for item in 0..<earlier { #expect(pool.submit(UInt64(item), seat)) }
            let record = gyre_dispatch_take(pool.dispatch, seat)
            _ = gyre_record_begin(record, false)
            gyre_record_write(record, { _, _ in }, 0, 0, 0, false)
            gyre_record_words(record)[0] = 1_000
            gyre_dispatch_close(pool.dispatch)
            gyre_dispatch_stopped(pool.dispatch)
            #expect(gyre_dispatch_submit(pool.dispatch, seat, record, 1) == GYRE_RING_CLOSED)
            _ = gyre_dispatch_give(pool.dispatch, seat, record)
        }
        #expect(gyre_dispatch_sum(pool.dispatch, UInt32(GYRE_COUNT_QUEUED)) == UInt64(earlier))
        let worker = pool.sit()
        #expect(pool.takeAll(worker).sorted() == (0..<UInt64(earlier)).map { $0 })
        #expect(gyre_dispatch_is_quiet(pool.dispatch))
        pool.leave()
    }

    /// An item counts as queued before a worker can see it. Else who takes it at once finishes it for another one that
    /// still runs, and the pool looks quiet meanwhile.
    @Test(arguments: [0, 2] as [UInt32]) func nothingThatRunsLooksQuiet(lane: UInt32) throws {
        let pool = try Pool(submitters: 1)
        let items = 200_000
        let quiet = Tally()
        onThreads(2) { me in
            if me == 0 {
                let seat = pool.seat()
                for item in 0..<items {
                    while pool.trySubmit(UInt64(item), seat, lane: lane) != .accepted { sched_yield() }
                }
            } else {
                let seat = pool.sit()
                for _ in 0..<items {
                    var handle = UInt32.max
                    while handle == .max { handle = gyre_dispatch_next(pool.dispatch, seat) }
                    if gyre_dispatch_is_quiet(pool.dispatch) { quiet.add() }
                    _ = gyre_dispatch_give(pool.dispatch, seat, gyre_dispatch_record(pool.dispatch, handle))
                    gyre_dispatch_count_finished(seat)
                }
                pool.leave()
            }
        }
        #expect(quiet.count == 0)
        #expect(gyre_dispatch_is_quiet(pool.dispatch))
    }

    /// The pool closes while a submit is on its way, and a worker takes the item before it leaves: the submit waits for
    /// the last worker, and then says that its item ran.
    @Test func aSubmitThatMeetsTheEndWaitsForTheLastWorker() throws {
        let pool = try Pool(submitters: 1)
        let seat = pool.sit()
        gyre_dispatch_close(pool.dispatch)
        let (kernelID, answer) = (Tally(), Tally())
        let thread = RunningThread {
            kernelID.add(Int(gyre_cpu_thread()))
            let own = pool.seat()
            let record = gyre_dispatch_take(pool.dispatch, own)
            _ = gyre_record_begin(record, false)
            gyre_record_write(record, { _, _ in }, 0, 0, 0, false)
            gyre_record_words(record)[0] = 6
            answer.add(1 + Int(gyre_dispatch_submit(pool.dispatch, own, record, 1).rawValue))
        }
        #expect(eventually { gyre_dispatch_has_item(pool.dispatch) })
        #expect(eventually { isAsleep(kernelID.count) })
        #expect(answer.count == 0, "it has not returned")
        #expect(pool.take(seat) == 6)
        pool.leave()
        gyre_dispatch_stopped(pool.dispatch)
        thread.join()
        #expect(answer.count == 1 + Int(GYRE_RING_OK.rawValue))
        #expect(gyre_dispatch_is_quiet(pool.dispatch))
    }

    /// The task that kept the pool ends before the submit of its job has: freeing the pool waits for that.
    @Test(arguments: [true, false]) func aPoolIsNotFreedWhileAThreadIsInside(seated: Bool) throws {
        var configuration = gyre_dispatch_configuration(
            workers: 1, submitters: 1, in_flight: 64, guests: 16, clock: nil)
        nonisolated(unsafe) let dispatch = try #require(gyre_dispatch_create(&configuration))
        let seat = seated ? gyre_dispatch_seat(dispatch) : nil
        gyre_dispatch_enter(dispatch, seat)
        let (kernelID, freed) = (Tally(), Tally())
        let thread = RunningThread {
            kernelID.add(Int(gyre_cpu_thread()))
            gyre_dispatch_destroy(dispatch)
            freed.add()
        }
        #expect(eventually { kernelID.count > 0 && isAsleep(kernelID.count) })
        #expect(freed.count == 0)
        #expect(!gyre_dispatch_has_item(dispatch), "it is still there")
        gyre_dispatch_exit(dispatch, seat)
        thread.join()
        #expect(freed.count == 1)
    }

    /// Whether a thread sleeps in the kernel: `S` stands behind its name, which is in parentheses.
    private func isAsleep(_ kernelID: Int) -> Bool {
        guard let file = fopen("/proc/self/task/\(kernelID)/stat", "re") else { return false }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        guard fgets(&line, 512, file) != nil else { return false }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return false }
        return text[end...].dropFirst(2).first == "S"
    }

    /// A worker that submits while the pool closes finds the item itself before it leaves.
    @Test func aWorkerTakesNothingBack() throws {
        let pool = try Pool()
        let seat = pool.sit()
        let record = gyre_dispatch_take(pool.dispatch, seat)
        _ = gyre_record_begin(record, false)
        gyre_record_write(record, { _, _ in }, 0, 0, 0, false)
        gyre_record_words(record)[0] = 9
        gyre_dispatch_close(pool.dispatch)
        #expect(gyre_dispatch_submit(pool.dispatch, seat, record, 1) == GYRE_RING_OK)
        #expect(pool.takeAll(seat) == [9])
        pool.leave()
    }
}
