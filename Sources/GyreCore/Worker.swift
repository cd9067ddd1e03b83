internal import CGyre
internal import Synchronization

/// One worker: what it does in a turn, and how it idles.
///
/// `@unchecked Sendable`: everything but the counters, which are single-writer cells, is touched by the worker's
/// thread alone once that runs. A turn is a function of one step, so that a test can drive workers without threads
/// under manual time.
final class Worker: @unchecked Sendable {
    let index: Int
    let dispatch: OpaquePointer
    private let clock: OpaquePointer
    /// Histograms of the tasks that this worker ended.
    let times: TaskTimes
    /// The CPU that the thread is tied to, or about to be tied to; -1 for none.
    let pinnedCPU = Atomic<Int>(-1)
    /// Set when the thread sits down.
    private var seat: OpaquePointer?
    /// Whether this worker holds the pool's search token.
    private var holdsToken = false
    private var busySince: UInt64 = 0
    /// When the present streak of work began, 0 between streaks: for snapshots, because a streak is counted at its end.
    let workingSince = Atomic<UInt64>(0)
    private var lastGap: UInt64 = 0
    /// Whether this worker has run anything since it slept last.
    private var hasRun = false
    /// When the worker ran out of work, and when there was some again or it was woken for some.
    private var gapBegan: UInt64 = 0
    private var gapEnded: UInt64 = 0
    /// When the worker went to sleep; 0 once it has run what it was woken for, or was idle again.
    private var sleptAt: UInt64 = 0
    /// Sleeps before which no long search is tried, because the last one found nothing.
    private var shortSearches = 0
    private var pin = Pin.free
    /// When a soft pin is considered next.
    private var pinAt: UInt64 = 0

    /// `refused`: the kernel said no, and is not asked again.
    private enum Pin { case free, soft, hard, refused }

    /// Work without a pause before a soft pin.
    private static let softPinAfterNanoseconds: UInt64 = 200_000
    /// Pausing before sleep: as long as the pool's search time when the last pause for work was short.
    private static let searchNanosecondsMin: UInt64 = 1_500
    /// A manual clock may stand still; on a running one the time is up long before.
    private static let searchRoundsMax = 4_096
    private static let shortGapNanoseconds: UInt64 = 50_000
    private static let shortSearchesAfterFailure = 32

    init(index: Int, dispatch: OpaquePointer, clock: MonotonicClock) {
        self.index = index
        self.dispatch = dispatch
        self.clock = clock.pointer
        self.times = TaskTimes()
    }

    /// Takes the seat of this worker for the calling thread.
    func sit() {
        seat = gyre_dispatch_sit(dispatch, UInt32(index))
        precondition(seat != nil, "worker \(index) has a thread already")
        gyre_seat_instruments(seat, times.native)
        busySince = gyre_clock_now(clock)
        workingSince.store(max(1, busySince), ordering: .relaxed)
        gyre_seat_set_now(seat, busySince)
    }

    func leave() {
        endStreak()
        gyre_dispatch_leave(dispatch)
        seat = nil
    }

    // MARK: - A turn

    /// Runs one queued record if there is any. False when there was none.
    func turn(_ pool: WorkerPool) -> Bool {
        let handle = gyre_dispatch_next(dispatch, seat)
        if handle == UInt32.max { return false }
        let record = gyre_dispatch_record(dispatch, handle)
        if holdsToken {
            holdsToken = false
            passWakeOn()
            if sleptAt != 0 { measureWake(record, pool) }
        }
        run(record, pool)
        return true
    }

    /// How deep this worker's stack is in tasks that wait for others.
    private var helpDepth = 0
    private static let helpDepthMax = 16
    /// When no spare is left: a thousand frames of a waiting body and its turn fit a stack of 8 MB.
    private static let helpDepthLast = 1_000

    /// Runs one other task for a body that waits. False when there is none or the stack is deep enough.
    func help(_ pool: WorkerPool, isLastResort: Bool) -> Bool {
        guard helpDepth < (isLastResort ? Self.helpDepthLast : Self.helpDepthMax) else { return false }
        helpDepth += 1
        // What is run meanwhile is not the task that waits, and is not cancelled with it.
        let waiting = CurrentTask.word
        CurrentTask.word = nil
        defer {
            CurrentTask.word = waiting
            helpDepth -= 1
        }
        // The last boundary is the start of the body that waits, or older: what starts now starts later than that.
        gyre_seat_set_now(seat, gyre_clock_now(clock))
        guard turn(pool) else { return false }
        gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_HELPED), 1)
        return true
    }

    /// The searching worker has found something: it gives the token back, and if there is more it wakes the next.
    private func passWakeOn() {
        if gyre_dispatch_pass_wake_on(dispatch) {
            gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_PASSED_ON), 1)
        }
    }

    /// The worker runs something for the first time since it slept. What was queued before then did not wake it.
    private func measureWake(_ record: OpaquePointer?, _ pool: WorkerPool) {
        let ready = gyre_record_ready(record)
        if ready > sleptAt, gapEnded > ready {
            pool.searchTime.recordWake(nanoseconds: gapEnded - ready)
            // The gap was over when there was work. With the wake-up in it, a worker that sleeps in gaps of 9 us would
            // find them to be of 13, and never learn that looking for 10 would have met the task.
            gapEnded = ready
        }
        sleptAt = 0
    }

    @inline(__always)
    private func run(_ record: OpaquePointer?, _ pool: WorkerPool) {
        let function = gyre_record_function(record)!
        if gyre_record_is_step(record) {
            function(record, discards(pool) ? Verdict.closed.rawValue : Verdict.run.rawValue)
            gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_STEPS), 1)
            if pool.timingStride == 1 { gyre_seat_set_now(seat, gyre_clock_now(clock)) }
        } else {
            let submitted = gyre_record_submitted(record)
            let ready = gyre_record_ready(record)
            let started = submitted == 0 ? 0 : start(pool, ready: ready)
            let verdict = verdict(record, started: started, pool)
            function(record, verdict.rawValue)
            if gyre_record_is_counted(record) {
                // Somebody else ran or cancelled the task, and has counted it.
            } else if verdict == .run {
                gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_DONE), 1)
                if submitted != 0 { end(submitted: submitted, ready: ready, started: started) }
            } else {
                countUnstarted(verdict)
            }
        }
        if gyre_dispatch_give(dispatch, seat, record) {
            pool.roomGrew()
            pool.checkClock(at: gyre_seat_now(seat))
        }
        gyre_dispatch_count_finished(seat)
    }

    /// The start stamp: the end of the task before, where every task is timed. A submitter on another core may have
    /// stamped later than that.
    @inline(__always)
    private func start(_ pool: WorkerPool, ready: UInt64) -> UInt64 {
        let boundary = pool.timingStride == 1 ? gyre_seat_now(seat) : gyre_clock_now(clock)
        return max(boundary, ready)
    }

    @inline(__always)
    private func end(submitted: UInt64, ready: UInt64, started: UInt64) {
        let ended = max(gyre_clock_now(clock), started)
        gyre_seat_set_now(seat, ended)
        gyre_task_times_add(times.native, started - ready, ended - started, ended - submitted)
    }

    @inline(__always)
    private func verdict(_ record: OpaquePointer?, started: UInt64, _ pool: WorkerPool) -> Verdict {
        if !gyre_record_start(record) { return .cancelled }
        let deadline = gyre_record_deadline(record)
        if deadline != 0, started > deadline { return .late }
        return discards(pool) ? .closed : .run
    }

    @inline(__always)
    private func discards(_ pool: WorkerPool) -> Bool { pool.control.discards }

    private func countUnstarted(_ verdict: Verdict) {
        let which = verdict == .late ? GYRE_COUNT_LATE : GYRE_COUNT_CANCELLED
        gyre_dispatch_count(dispatch, seat, UInt32(which), 1)
    }

    // MARK: - Thread

    /// The worker's thread: turns until the pool is closed and nothing is left. `mayStay` is asked when there is
    /// nothing to do: a spare that is not needed any more goes back to wait for its next call.
    func work(_ pool: WorkerPool, while mayStay: () -> Bool) {
        applyHardPin(pool)
        while true {
            if turn(pool) {
                hasRun = true
                if pool.configuration.pinning == .soft { considerSoftPin(pool) }
                continue
            }
            if !idle(pool) || !mayStay() { break }
        }
        // Whoever woke this worker handed over the token: nobody is woken again before it is given back, and what it
        // was woken for is another's now.
        if holdsToken {
            holdsToken = false
            passWakeOn()
        }
        release(pool)
    }

    /// One idle spell: search, announce, look again, sleep. False when the pool is closed and nothing was left.
    private func idle(_ pool: WorkerPool) -> Bool {
        pool.wentIdle()
        pool.checkClock(at: gyre_seat_now(seat))
        if pool.configuration.idle == .spin {
            if gyre_dispatch_may_leave(dispatch) { return false }
            endStreak()
            gyre_pause()
            beginStreak()
            return true
        }
        sleptAt = 0
        noteGap(pool)
        let park = gyre_dispatch_park(dispatch)
        // Who was woken and came too late sleeps again at once: it may be in the way of the one that submits, and who
        // is held up submits several at a time, for which workers are woken that come too late.
        if hasRun, search(pool) { return true }
        hasRun = false
        endStreak()
        release(pool)
        // Handed in as a copy: a property that is passed inout anywhere has each of its accesses checked at run time,
        // which was a tenth of what a task cost.
        var holds = holdsToken
        let next = gyre_dispatch_prepare_sleep(dispatch, UInt32(index), &holds)
        holdsToken = holds
        switch next {
        case GYRE_IDLE_LEAVE: return false
        case GYRE_IDLE_FOUND: break
        default:
            gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_PARKS), 1)
            pool.searchTime.decide(at: busySince)
            sleptAt = busySince
            holdsToken = gyre_park_sleep(park, UInt32(index), UInt64.max)
        }
        beginStreak()
        return true
    }

    /// Pauses and looks until something is there or the time is up, with the token as soon as that is free: a colleague
    /// that was woken in vain gives it up in a moment, and this worker should still be there then.
    private func search(_ pool: WorkerPool) -> Bool {
        if pool.configuration.idle == .park { return false }
        let park = gyre_dispatch_park(dispatch)
        // Where the submitter has the same core, none but a short search makes sense: it keeps it from submitting.
        let isLong = lastGap < Self.shortGapNanoseconds && shortSearches == 0
        let limit = isLong ? pool.searchTime.nanoseconds : Self.searchNanosecondsMin
        let began = gyre_clock_now(clock)
        var rounds = 0
        repeat {
            if !holdsToken { holdsToken = gyre_park_start_search(park) }
            for _ in 0..<8 { gyre_pause() }
            if gyre_dispatch_has_item(dispatch) {
                gapEnded = gyre_clock_now(clock)
                gyre_seat_set_now(seat, gapEnded)
                return true
            }
            rounds += 1
        } while rounds < Self.searchRoundsMax && gyre_clock_now(clock) - began < limit
        if isLong { shortSearches = Self.shortSearchesAfterFailure } else if shortSearches > 0 { shortSearches -= 1 }
        return false
    }

    /// The worker has nothing to do. If it did something since the last time, the gap that lay between is over;
    /// otherwise it was woken too late and the gap goes on.
    private func noteGap(_ pool: WorkerPool) {
        guard hasRun else { return }
        if gapEnded > gapBegan { pool.searchTime.recordGap(nanoseconds: gapEnded - gapBegan) }
        gapBegan = gyre_clock_now(clock)
    }

    private func endStreak() {
        let now = gyre_clock_now(clock)
        workingSince.store(0, ordering: .relaxed)  // first: rather short for a moment than counted twice
        gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_BUSY), now - min(busySince, now))
        busySince = now
    }

    private func beginStreak() {
        let now = gyre_clock_now(clock)
        lastGap = now - min(busySince, now)
        busySince = now
        gapEnded = now
        workingSince.store(max(1, now), ordering: .relaxed)
        gyre_seat_set_now(seat, now)
    }

    // MARK: - Pinning

    // A refusal of the kernel leaves the worker unpinned, which the snapshot shows; a CPU may have been taken away
    // meanwhile.

    private func applyHardPin(_ pool: WorkerPool) {
        guard pool.configuration.pinning == .hard, !pool.cpus.cpus.isEmpty else { return }
        let cpus = pool.cpus.cpus
        pinTo(cpus[index % cpus.count], .hard)
    }

    private func considerSoftPin(_ pool: WorkerPool) {
        guard pin == .free else { return }
        let now = gyre_seat_now(seat)
        guard now > pinAt, now - min(busySince, now) > Self.softPinAfterNanoseconds, let cpu = CurrentThread.cpu else {
            return
        }
        // Where two workers were woken on one core, both would be tied to it, beside a core with nothing to do. The
        // later one stays free for the system to move. Told before looked, in one order: of two at once, one sees the
        // other.
        pinnedCPU.store(cpu, ordering: .sequentiallyConsistent)
        guard !pool.workers.contains(where: { $0 !== self && $0.isTied(to: cpu) }) else {
            pinnedCPU.store(-1, ordering: .relaxed)
            pinAt = now + Self.softPinAfterNanoseconds
            return
        }
        pinTo(cpu, .soft)
    }

    private func isTied(to cpu: Int) -> Bool { pinnedCPU.load(ordering: .sequentiallyConsistent) == cpu }

    private func pinTo(_ cpu: Int, _ kind: Pin) {
        do {
            try CurrentThread.pin(toCPU: cpu)
            pin = kind
            pinnedCPU.store(cpu, ordering: .relaxed)
        } catch {
            pin = .refused
            pinnedCPU.store(-1, ordering: .relaxed)
        }
    }

    private func release(_ pool: WorkerPool) {
        guard pin == .soft else { return }
        pinnedCPU.store(-1, ordering: .relaxed)
        do {
            try pool.cpus.apply()
            pin = .free
        } catch {
            pin = .refused
        }
    }
}
