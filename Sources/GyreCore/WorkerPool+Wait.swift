internal import CGyre

extension WorkerPool {
    /// Tells those who wait in ``waitHelping(until:_:)`` that a task was settled.
    package func taskSettled() { settlements.notifyAll() }

    /// Runs one other task if the caller is a worker and is not too deep in such calls already. False when it did not.
    package func helpOnce() -> Bool {
        guard gyre_dispatch_is_worker(dispatch), let seat = gyre_dispatch_seat(dispatch) else { return false }
        return workers[Int(gyre_seat_index(seat))].help(self)
    }

    /// Waits until `condition` holds. A worker runs other tasks meanwhile, at most 16 deep, then sleeps while a spare stands in.
    package func waitHelping(until deadline: MonotonicInstant? = nil, _ condition: () -> Bool) {
        while !condition() {
            if let deadline, clock.now >= deadline { return }
            if helpOnce() { continue }
            if gyre_dispatch_is_worker(dispatch) {
                blocking { _ = settlements.wait(until: deadline, clock: clock, condition) }
            } else {
                settlements.wait(until: deadline, clock: clock, condition)
            }
        }
    }
}
