internal import CGyre

// A pool without threads: whoever has it lends it his own, one turn at a time.

extension WorkerPool {
    /// One turn of worker `index` on the calling thread, which is that worker meanwhile: runs one queued record, taken
    /// as a worker takes it. False when nothing is queued, in this worker's queue or in any other.
    ///
    /// What the record resumes is queued when this returns, and no other thread works: so when this is false and nobody
    /// outside submits, nothing can run before a timer fires.
    ///
    /// - Precondition: The pool is driven, and no other thread makes a turn.
    package func turn(worker index: Int) -> Bool {
        precondition(configuration.isDriven && index < workerCount, "only a driven pool is turned by hand")
        let worker = workers[index]
        worker.sit()
        defer { worker.leave() }
        return worker.turn(self)
    }
}
