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
    /// spare stands in. When all spares stand in already it goes on running tasks, up to the depth that its stack
    /// bears.
    package func waitHelping(until deadline: MonotonicInstant? = nil, _ condition: () -> Bool) {
        while !condition() {
            if let deadline, clock.now >= deadline { return }
            if helpOnce() { continue }
            if !isWorker {
                settlements.wait(until: deadline, clock: clock, condition)
            } else if !canSpareStandIn, help(isLastResort: true) {
                continue
            } else {
                blocking { _ = settlements.wait(until: deadline, clock: clock, condition) }
            }
        }
    }
}
