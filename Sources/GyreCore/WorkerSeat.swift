internal import CGyre

/// The calling worker, for tasks that keep their own stamps: graph nodes and async bodies.
package struct WorkerSeat {
    private let dispatch: OpaquePointer
    private let seat: OpaquePointer
    private let clock: OpaquePointer
    private let times: OpaquePointer

    /// The seat of the calling thread if it is a worker of `pool`.
    @inline(__always)
    package init?(of pool: WorkerPool) {
        guard gyre_dispatch_is_worker(pool.dispatch), let seat = gyre_dispatch_seat(pool.dispatch) else { return nil }
        self.dispatch = pool.dispatch
        self.seat = seat
        self.clock = pool.clock.pointer
        self.times = gyre_seat_times(seat)
    }

    /// Which worker it is; from 0, spares last.
    package var index: Int { Int(gyre_seat_index(seat)) }

    /// The last task boundary.
    package var now: UInt64 { gyre_seat_now(seat) }

    /// Reads the clock: a new task boundary.
    package func stamp() -> UInt64 {
        let now = max(gyre_clock_now(clock), gyre_seat_now(seat))
        gyre_seat_set_now(seat, now)
        return now
    }

    /// Counts a task that ran to its end, and its times.
    package func recordDone(failed: Bool, submitted: UInt64, ready: UInt64, started: UInt64, ended: UInt64) {
        recordDone(failed: failed)
        gyre_task_times_add(
            times, started - min(ready, started), ended - min(started, ended), ended - min(submitted, ended))
    }

    /// Counts a task that ran to its end and is not timed.
    package func recordDone(failed: Bool) {
        gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_DONE), 1)
        if failed { gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_FAILED), 1) }
    }

    package func recordSkipped() { gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_SKIPPED), 1) }
    package func recordCancelled() { gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_CANCELLED), 1) }
    package func recordLate() { gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_LATE), 1) }
}

extension WorkerPool {
    /// Counts an async task that has ended, on whatever thread it ended: its last step may have left the workers.
    package func recordAsyncDone(failed: Bool, submitted: UInt64, started: UInt64) {
        if let seat = WorkerSeat(of: self) {
            guard submitted != 0 else { return seat.recordDone(failed: failed) }
            let ended = seat.stamp()
            return seat.recordDone(
                failed: failed, submitted: submitted, ready: submitted, started: started, ended: ended)
        }
        let here = gyre_dispatch_seat(dispatch)
        gyre_dispatch_count(dispatch, here, UInt32(GYRE_COUNT_DONE), 1)
        if failed { gyre_dispatch_count(dispatch, here, UInt32(GYRE_COUNT_FAILED), 1) }
        guard submitted != 0 else { return }
        outsideTimes.addShared(submitted: submitted, started: started, ended: clock.now.nanoseconds)
    }

    /// Seats of workers, spares included.
    package var seatCount: Int { workers.count }

    /// Counts a task that will not run, on whatever thread that was decided.
    package func recordUnrun(isLate: Bool) {
        let which = isLate ? GYRE_COUNT_LATE : GYRE_COUNT_CANCELLED
        gyre_dispatch_count(dispatch, gyre_dispatch_seat(dispatch), UInt32(which), 1)
    }

    /// Counts a task whose body threw, beside being done.
    package func recordFailure() {
        gyre_dispatch_count(dispatch, gyre_dispatch_seat(dispatch), UInt32(GYRE_COUNT_FAILED), 1)
    }
}
