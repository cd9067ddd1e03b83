internal import CGyre
internal import Synchronization

/// Control plane of a pool: which threads run, and how they end.
final class PoolControl: Sendable {
    struct State {
        /// Threads that were started, by worker; joined or abandoned at the end.
        var threads: [Int: PosixThread] = [:]
        /// Threads that have not left yet.
        var running: Set<Int> = []
        /// Workers that block in a wait right now; as many spares may work.
        var blocked = 0
        var isClosed = false
        var isStopped = false
    }

    let state = Lock(State())
    /// Set at the hard limit of a drain: what is queued is told so instead of being run.
    private let discarding = Atomic<Bool>(false)
    /// Spares that may work; a copy of `blocked` for their loops.
    let sparesAllowed = Atomic<Int>(0)

    /// Set at the soft limit of a drain: running work is asked to stop.
    private let stopping = Atomic<Bool>(false)

    var isStopping: Bool { stopping.load(ordering: .relaxed) }
    var isStoppingInOrder: Bool { stopping.load(ordering: .sequentiallyConsistent) }
    func askToStop() { stopping.store(true, ordering: .sequentiallyConsistent) }

    var discards: Bool { discarding.load(ordering: .relaxed) }
    func discardQueued() { discarding.store(true, ordering: .relaxed) }
}

extension WorkerPool {
    func startWorker(_ index: Int) throws(PosixThread.StartError) {
        let isSpare = index >= workerCount
        control.state.withLock { state in _ = state.running.insert(index) }
        do {
            // The thread holds the pool: it is freed after its last thread has left.
            let thread = try PosixThread(name: "\(configuration.name)-\(index)") { [self] in
                let worker = workers[index]
                repeat {
                    worker.sit()
                    if isSpare {
                        worker.work(self) { self.needsSpare(index) }
                    } else {
                        worker.work(self) { true }
                    }
                    worker.leave()
                } while !hasLeft(index)
                progress.notifyAll()
            }
            control.state.withLock { state in state.threads[index] = thread }
        } catch {
            control.state.withLock { state in _ = state.running.remove(index) }
            throw error
        }
    }

    private func needsSpare(_ index: Int) -> Bool {
        control.discards || index - workerCount < control.sparesAllowed.load(ordering: .acquiring)
    }

    /// A worker's thread ends, unless it is a spare that somebody counted on while it was leaving: who blocks then
    /// saw it running and started no other.
    private func hasLeft(_ index: Int) -> Bool {
        control.state.withLock { state in
            if index >= workerCount, index - workerCount < state.blocked, !state.isClosed { return false }
            state.running.remove(index)
            return true
        }
    }

    // MARK: - Blocked workers

    /// Runs `block` while a spare worker stands in for the calling one. False when all spares stand in already, or the
    /// system starts no thread for one: `block` was not run then.
    package func blocking(_ block: () -> Void) -> Bool {
        let (hasSpare, spare): (Bool, Int?) = control.state.withLock { state in
            state.blocked += 1
            control.sparesAllowed.store(state.blocked, ordering: .releasing)
            let index = workerCount + state.blocked - 1
            guard index < workers.count else { return (false, nil) }
            return (true, !state.running.contains(index) && !state.isClosed ? index : nil)
        }
        defer {
            control.state.withLock { state in
                state.blocked -= 1
                control.sparesAllowed.store(state.blocked, ordering: .releasing)
            }
        }
        guard hasSpare else { return false }
        if let spare {
            joinFinished(spare)
            do {
                try startWorker(spare)
            } catch {
                control.state.withLock { state in state.threads[spare] = nil }
                return false
            }
        }
        block()
        return true
    }

    /// Whether one more blocked worker would get a spare.
    var canSpareStandIn: Bool { control.sparesAllowed.load(ordering: .relaxed) < Self.sparesMax }

    private func joinFinished(_ index: Int) {
        let finished = control.state.withLock { state in state.threads.removeValue(forKey: index) }
        finished?.join()
    }

    // MARK: - The end

    /// Whether, at a moment within the call, nothing was queued and nothing ran.
    package var isQuiet: Bool { gyre_dispatch_is_quiet(dispatch) }

    /// Whether running work has been asked to stop.
    package var isStopping: Bool { control.isStopping }

    /// Asks running work to stop: synchronous bodies see it as cancellation, graphs start no further nodes.
    package func askToStop() {
        control.askToStop()
        gyre_dispatch_ask_to_stop(dispatch)
    }

    /// From now on queued records are told ``Verdict/closed`` instead of being run.
    package func discardQueued() { control.discardQueued() }

    /// Stops the pool: what is queued still runs (or is discarded), then every worker leaves. Does not wait.
    package func close() {
        let isFirst = control.state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        if isFirst { gyre_dispatch_close(dispatch) }
    }

    /// After ``discardQueued()`` and ``close()``: a spare tells what is queued, because no worker may come back to do
    /// it.
    package func emptyQueues() {
        let spare: Int? = control.state.withLock { state in
            workers.indices.dropFirst(workerCount).first { !state.running.contains($0) }
        }
        guard let spare else { return }  // eight of them work already
        joinFinished(spare)
        // When the system starts no thread, the queue waits for the workers.
        do { try startWorker(spare) } catch { control.state.withLock { state in state.threads[spare] = nil } }
    }

    /// Waits until nothing is queued and nothing runs, at the longest until `deadline`. Returns whether that is so.
    package func waitUntilQuiet(until deadline: MonotonicInstant?) -> Bool {
        progress.wait(until: deadline, clock: clock) { self.isQuiet }
    }

    /// Waits until every worker has left, at the longest until `deadline`. Returns how many have not: their bodies
    /// still run, and their threads end with them.
    package func join(until deadline: MonotonicInstant?) -> Int {
        progress.wait(until: deadline, clock: clock) { self.control.state.withLock { $0.running.isEmpty } }
        let (left, finished): (Int, [PosixThread]) = control.state.withLock { state in
            let finished = state.threads.filter { !state.running.contains($0.key) }
            for index in finished.keys { state.threads[index] = nil }
            let abandoned = state.threads
            state.threads = [:]
            for thread in abandoned.values { thread.detach() }
            state.isStopped = true
            return (abandoned.count, Array(finished.values))
        }
        for thread in finished { thread.join() }
        gyre_dispatch_stopped(dispatch)
        return left
    }

    // MARK: - Room

    /// Called by workers when a chunk of records became free. Who waits for room is woken for a quarter of them, not
    /// for each.
    @inline(__always)
    func roomGrew() {
        if gyre_dispatch_has_room(dispatch) { progress.notifyAll() }
    }

    /// Called by workers between tasks: compares the clock with the system's once a second or so. Idle pools need none.
    @inline(__always)
    func checkClock(at now: UInt64) {
        let last = clockChecked.load(ordering: .relaxed)
        if now &- last < 1_000_000_000 || now < last { return }
        let (isMine, _) = clockChecked.compareExchange(expected: last, desired: now, ordering: .relaxed)
        if isMine { clock.check() }
    }

    /// Called by workers that find nothing to do.
    func wentIdle() { progress.notifyAll() }

    /// Waits until a quarter of the records is free, or the pool is idle; at the longest until `deadline`. Short
    /// retries for single slots would put both sides on one core.
    package func waitForRoom(until deadline: MonotonicInstant? = nil) {
        progress.wait(until: deadline, clock: clock) {
            gyre_dispatch_has_room(self.dispatch) || gyre_dispatch_is_closed(self.dispatch) || self.isQuiet
        }
    }
}
