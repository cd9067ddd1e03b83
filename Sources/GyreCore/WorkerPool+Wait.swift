internal import CGyre

extension WorkerPool {
    /// Tells those who wait in ``waitHelping(until:_:)`` that a task was settled.
    package func taskSettled() { settlements.notifyAll() }

    /// Whether the calling thread is one of the pool's workers.
    package var isWorker: Bool { gyre_dispatch_is_worker(dispatch) }

    /// Runs one other task if the caller is a worker and is not too deep in such calls already. False when it did not.
    package func helpOnce() -> Bool { help(isLastResort: false) }

    private func help(isLastResort: Bool) -> Bool {
        guard gyre_dispatch_is_worker(dispatch), let seat = gyre_dispatch_seat(dispatch) else { return false }
        return workers[Int(gyre_seat_index(seat))].help(self, isLastResort: isLastResort)
    }

    /// Waits until `condition` holds. A worker runs other tasks meanwhile, at most 16 deep; then it sleeps while a
    /// spare stands in. When all spares stand in already, or the system starts no thread for one, it goes on running
    /// tasks, up to the depth that its stack bears.
    package func waitHelping(until deadline: MonotonicInstant? = nil, _ condition: () -> Bool) {
        while !condition() {
            if let deadline, clock.now >= deadline { return }
            if helpOnce() { continue }
            if !isWorker {
                settlements.wait(until: deadline, clock: clock, condition)
            } else if !canSpareStandIn, help(isLastResort: true) {
                continue
            } else if !blocking({ _ = settlements.wait(until: deadline, clock: clock, condition) }) {
                waitWithoutSpare(until: deadline, condition)
            }
        }
    }

    /// Waits until there may be room for a submit. A worker runs other tasks meanwhile, as ``waitHelping(until:_:)``
    /// does, and looks again every 10 ms: bodies that wait for room hold records themselves, so that there may never be
    /// a quarter of them free.
    package func waitForRoomHelping() {
        if helpOnce() { return }
        guard isWorker else { return waitForRoom() }
        if !canSpareStandIn, help(isLastResort: true) { return }
        let look = clock.now + .milliseconds(10)
        if blocking({ waitForRoom(until: look) }) { return }
        if help(isLastResort: true) { return }
        waitForRoom(until: look)
    }

    /// The calling worker may be the last one that runs: it looks for tasks now and then, because what it waits for may
    /// be queued only now, and the system may start threads again.
    private func waitWithoutSpare(until deadline: MonotonicInstant?, _ condition: () -> Bool) {
        if help(isLastResort: true) { return }
        let look = clock.now + .milliseconds(10)
        settlements.wait(until: deadline.map { min($0, look) } ?? look, clock: clock, condition)
    }
}
