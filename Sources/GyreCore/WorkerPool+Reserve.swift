internal import CGyre

/// A record that has been taken and is not queued yet: what follows cannot be refused for lack of room.
package struct ReservedRecord: ~Copyable {
    fileprivate let record: OpaquePointer
    fileprivate let seat: OpaquePointer?
}

extension WorkerPool {
    /// Takes a record, or throws. It must be queued or given back by the same thread.
    package func reserve(countsRefusal: Bool = true) throws(SubmitError) -> ReservedRecord {
        if gyre_dispatch_is_closed(dispatch) { throw .closed }
        let seat = gyre_dispatch_seat(dispatch)
        guard let record = gyre_dispatch_take(dispatch, seat) else {
            if countsRefusal { gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_REFUSED), 1) }
            throw .full
        }
        return ReservedRecord(record: record, seat: seat)
    }

    /// Queues `function` with two words as a step of a longer task. False when the pool closed at this instant: the
    /// function is not called then.
    package func submit(
        _ reserved: consuming ReservedRecord, _ function: TaskFunction, _ word0: UInt64, _ word1: UInt64,
        lane: Lane = .normal
    ) -> Bool {
        let (record, seat) = (reserved.record, reserved.seat)
        _ = gyre_record_begin(record, false)
        gyre_record_write(record, function, 0, 0, 0, true)
        let words = gyre_record_words(record)!
        words[0] = word0
        words[1] = word1
        if gyre_dispatch_submit(dispatch, seat, record, lane.rawValue) == GYRE_RING_OK { return true }
        _ = gyre_dispatch_give(dispatch, seat, record)
        return false
    }

    /// Queues a step of a task that was taken on before. False when there is no room, or no pool any more: the caller
    /// does the step itself.
    package func submitStep(_ function: TaskFunction, _ word0: UInt64, _ word1: UInt64) -> Bool {
        if gyre_dispatch_is_closed(dispatch) { return false }
        let seat = gyre_dispatch_seat(dispatch)
        guard let record = gyre_dispatch_take(dispatch, seat) else { return false }
        return submit(ReservedRecord(record: record, seat: seat), function, word0, word1)
    }

    /// Gives the record back unused.
    package func cancel(_ reserved: consuming ReservedRecord) {
        _ = gyre_record_begin(reserved.record, false)
        _ = gyre_dispatch_give(dispatch, reserved.seat, reserved.record)
    }

    /// The time for a submit stamp, or 0 when tasks are not timed.
    package func stampForSubmit() -> UInt64 {
        switch timingStride {
        case 0: return 0
        case 1: return max(1, gyre_clock_now(clock.pointer))
        default:
            guard let seat = gyre_dispatch_seat(dispatch) else { return 0 }
            return gyre_seat_sample(seat, timingStride) ? max(1, gyre_clock_now(clock.pointer)) : 0
        }
    }
}
