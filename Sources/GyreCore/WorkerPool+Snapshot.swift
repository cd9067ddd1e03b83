internal import CGyre

extension WorkerPool {
    /// What the pool did since it started and is doing now.
    ///
    /// - Complexity: O(workers + threads that submit), some ten microseconds a worker for its histograms.
    /// - Concurrency: Any thread. Disturbs no worker.
    public func snapshot() -> RuntimeSnapshot {
        let now = clock.now
        var snapshot = RuntimeSnapshot(uptime: started.duration(to: now), clock: clock.description)
        // Finished before queued, so that their difference is never below what is in flight.
        let finished = sum(GYRE_COUNT_FINISHED)
        let queued = sum(GYRE_COUNT_QUEUED)
        let failed = sum(GYRE_COUNT_FAILED)
        let done = sum(GYRE_COUNT_DONE)
        snapshot.tasksFailed = failed
        snapshot.tasksDone = done >= failed ? done - failed : 0
        snapshot.tasksLate = sum(GYRE_COUNT_LATE)
        snapshot.tasksCancelled = sum(GYRE_COUNT_CANCELLED)
        snapshot.tasksSkipped = sum(GYRE_COUNT_SKIPPED)
        snapshot.tasksRefused = sum(GYRE_COUNT_REFUSED)
        snapshot.recordsInFlight = queued >= finished ? queued - finished : 0
        snapshot.executorJobs = sum(GYRE_COUNT_STEPS)
        snapshot.overflowJobsMax = gyre_overflow_count_max(gyre_dispatch_overflow(dispatch))
        outsideTimes.read(queueWait: &snapshot.queueWait, run: &snapshot.run, total: &snapshot.total)
        for worker in workers {
            worker.times.read(queueWait: &snapshot.queueWait, run: &snapshot.run, total: &snapshot.total)
            let own = worker.snapshot(at: now.nanoseconds)
            if worker.index < workerCount || own.tasks > 0 { snapshot.workers.append(own) }
        }
        return snapshot
    }

    private func sum(_ count: some BinaryInteger) -> UInt64 { gyre_dispatch_sum(dispatch, UInt32(count)) }
}

extension Worker {
    func snapshot(at now: UInt64) -> WorkerSnapshot {
        var snapshot = WorkerSnapshot(index: index)
        // Before the counts: a worker that wakes in between has made the progress that a reader looks for.
        snapshot.state = state
        snapshot.tasks = count(GYRE_COUNT_DONE)
        snapshot.records = count(GYRE_COUNT_FINISHED)
        snapshot.endedBusyNanoseconds = count(GYRE_COUNT_BUSY)
        snapshot.busyNanoseconds = snapshot.endedBusyNanoseconds
        let since = workingSince.load(ordering: .relaxed)
        if since != 0 { snapshot.busyNanoseconds += now > since ? now - since : 0 }
        snapshot.steals = count(GYRE_COUNT_STOLEN)
        snapshot.parks = count(GYRE_COUNT_PARKS)
        snapshot.wakes = count(GYRE_COUNT_PASSED_ON)
        let pinned = pinnedCPU.load(ordering: .relaxed)
        snapshot.pinnedProcessor = pinned < 0 ? nil : pinned
        return snapshot
    }

    private var state: WorkerSnapshot.State {
        guard gyre_dispatch_worker_sits(dispatch, UInt32(index)) else { return .absent }
        return gyre_dispatch_worker_sleeps(dispatch, UInt32(index)) ? .parked : .awake
    }

    private func count(_ which: some BinaryInteger) -> UInt64 {
        gyre_dispatch_seat_count(dispatch, UInt32(index), UInt32(which))
    }
}
