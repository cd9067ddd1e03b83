internal import CGyre

/// Async functions on the pool's workers: `withTaskExecutorPreference(pool) { … }` and `Task(executorPreference:
/// pool)`.
///
/// A job takes a record as any task does and is run by a worker. Enqueueing never runs a job, waits or fails, because
/// the concurrency runtime calls it under its own locks: when every record is out the job goes to a queue of its own,
/// and those that follow go behind it. When the pool has closed it goes to the global concurrent executor, else a
/// suspended task would never end.
extension WorkerPool: TaskExecutor {
    public func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let word = UInt64(UInt(bitPattern: unsafeBitCast(unowned, to: UnsafeRawPointer.self)))
        let pool = UInt64(UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()))
        if gyre_dispatch_is_closed(dispatch) { return globalConcurrentExecutor.enqueue(unowned) }
        let seat = gyre_dispatch_seat(dispatch)
        // The job's task keeps the pool for us, and may run to its end before we have.
        gyre_dispatch_enter(dispatch, seat)
        defer { gyre_dispatch_exit(dispatch, seat) }
        // A record that is free again is for the oldest job. Children of a group above all end in about the order in
        // which they were made: the runtime looks for each one that ends in a list, from the oldest on.
        guard !gyre_overflow_has_item(gyre_dispatch_overflow(dispatch)), let record = gyre_dispatch_take(dispatch, seat)
        else { return overflow(unowned, word, pool, seat) }
        _ = gyre_record_begin(record, false)
        gyre_record_write(record, runJob, 0, 0, 0, true)
        let words = gyre_record_words(record)!
        words[0] = word
        words[1] = pool
        if gyre_dispatch_submit(dispatch, seat, record, UInt32(GYRE_LANE_NORMAL)) != GYRE_RING_OK {
            _ = gyre_dispatch_give(dispatch, seat, record)
            globalConcurrentExecutor.enqueue(unowned)
        }
    }

    /// Every record is out.
    private func overflow(_ job: UnownedJob, _ word: UInt64, _ pool: UInt64, _ seat: OpaquePointer?) {
        gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_QUEUED), 1)
        var item = gyre_overflow_item(function: runJob, words: (word, pool), submitted: 0)
        gyre_overflow_push(gyre_dispatch_overflow(dispatch), &item)
        guard !gyre_dispatch_wake(dispatch, nil) else { return }
        // Closed at this instant: nobody may be left to take it. Whoever pops an item runs it, so each runs once.
        while gyre_overflow_has_item(gyre_dispatch_overflow(dispatch)) {
            var left = gyre_overflow_item()
            guard gyre_overflow_pop(gyre_dispatch_overflow(dispatch), &left) else { continue }
            gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_QUEUED), UInt64.max)  // one less: no worker ends it
            globalConcurrentExecutor.enqueue(queuedJob(left.words.0))
        }
    }

    private func queuedJob(_ word: UInt64) -> UnownedJob {
        unsafeBitCast(UnsafeRawPointer(bitPattern: UInt(word)), to: UnownedJob.self)
    }
}

/// Runs one job. The words are the job and the pool, which lives: a worker of it calls this.
private let runJob: TaskFunction = { record, verdict in
    guard let words = gyre_record_words(record) else { return }
    let job = unsafeBitCast(UnsafeRawPointer(bitPattern: UInt(words[0])), to: UnownedJob.self)
    guard let pool = UnsafeRawPointer(bitPattern: UInt(words[1])) else { return }
    if verdict == Verdict.run.rawValue {
        let executor = Unmanaged<WorkerPool>.fromOpaque(pool).takeUnretainedValue()
        job.runSynchronously(on: executor.asUnownedTaskExecutor())
    } else {
        globalConcurrentExecutor.enqueue(job)
    }
}
