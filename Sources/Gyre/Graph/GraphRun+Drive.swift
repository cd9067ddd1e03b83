import GyreCore

/// What a record of a run does, as the record's second word.
struct GraphStep: Equatable {
    let word: UInt64

    enum Kind: UInt64 { case node, start }

    /// Counts the arrival of the start down at the roots.
    static let start = GraphStep(.start, 0)

    /// Runs one node.
    static func node(_ node: Int) -> GraphStep { GraphStep(.node, node) }

    private init(_ kind: Kind, _ node: Int) {
        word = kind.rawValue << 56 | UInt64(UInt32(truncatingIfNeeded: node))
    }

    init(word: UInt64) { self.word = word }

    var node: Int { Int(UInt32(truncatingIfNeeded: word)) }

    var kind: Kind {
        guard let kind = Kind(rawValue: word >> 56) else { preconditionFailure("no step of a graph run") }
        return kind
    }
}

extension GraphRun {
    /// Nodes that one record runs in a row before it goes back to the queue, so that others get their turn.
    private static let chainMax = 64

    /// A step that can be done, of this run or of one that waited behind it. Its run holds itself until all its nodes
    /// have ended.
    typealias Ready = (run: Unmanaged<GraphRun>, step: GraphStep)

    /// The worker on which steps are done, and what they found to do next.
    struct Driver {
        /// `nil` only for a run that is abandoned.
        let seat: WorkerSeat?
        /// Cancels instead of running: the runtime has ended.
        let isClosed: Bool
        /// Goes on in the same record.
        var next: Ready?
        /// What no record was free for; this worker does it all.
        var queue: [Ready] = []

        init(seat: WorkerSeat?, isClosed: Bool) {
            self.seat = seat
            self.isClosed = isClosed
        }
    }

    /// What one record does: a step, and what became ready by that.
    static func drive(_ run: Unmanaged<GraphRun>, _ step: GraphStep, _ seat: WorkerSeat?, closed: Bool) {
        var driver = Driver(seat: seat, isClosed: closed)
        let outer = CurrentTask.word
        defer { CurrentTask.word = outer }
        driver.next = (run, step)
        var length = 0
        while let (run, step) = driver.next ?? driver.queue.popLast() {
            driver.next = nil
            let isComplete = run._withUnsafeGuaranteedRef { run in
                if closed { run.cancel(.shutdown) }
                AgentTask.isOf(run)
                return run.perform(step, &driver)
            }
            if isComplete { run.release() }  // its hold on itself; nothing of it is touched after this
            length += 1
            if length >= chainMax, let next = driver.next,
                next.run._withUnsafeGuaranteedRef({ $0.queueStep(next.step) })
            {
                driver.next = nil
            }
        }
    }

    /// Keeps the first ready step for this worker and queues the others, so that other workers can have them. When
    /// every record is out this worker does them all.
    func offer(_ step: GraphStep, _ driver: inout Driver) {
        if driver.next == nil {
            driver.next = (.passUnretained(self), step)
        } else if !queueStep(step) {
            driver.queue.append((.passUnretained(self), step))
        }
    }

    func queueStep(_ step: GraphStep) -> Bool {
        let word = UInt64(UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()))
        return withRuntime { $0.pool.submitStep(runGraphStep, word, step.word) }
    }

    /// Does one step. True when the run has ended.
    private func perform(_ step: GraphStep, _ driver: inout Driver) -> Bool {
        switch step.kind {
        case .node: return runNode(step.node, &driver)
        case .start:
            start(&driver)
            return false
        }
    }

    private func start(_ driver: inout Driver) {
        withPlan { plan in
            for root in plan.roots where CountDown(at: cells + root).arrive() {
                cells[root].ready = content.pointee.submitted
                offer(.node(root), &driver)
            }
        }
    }

    // MARK: - One node

    /// Runs one node and settles it. True when the run has ended.
    private func runNode(_ node: Int, _ driver: inout Driver) -> Bool {
        let cell = cells + node
        let submitted = content.pointee.submitted
        let timed = submitted != 0
        let started = timed ? max(driver.seat?.now ?? 0, cell.pointee.ready) : 0
        if let verdict = lateVerdict(on: node), verdict != .run {
            end(node, verdict, driver.seat)
            return settle(node, at: cell.pointee.ready, &driver)
        }
        guard let seat = driver.seat, mayStart(node, closed: driver.isClosed) else {
            end(node, .cancelled, driver.seat)
            return settle(node, at: started, &driver)
        }
        let failed = !runBody(node, cell)
        guard timed else {
            seat.recordDone(failed: failed)
            return settle(node, at: 0, &driver)
        }
        let ended = seat.stamp()
        cell.pointee.started = started
        cell.pointee.ended = ended
        seat.recordDone(
            failed: failed, submitted: submitted, ready: cell.pointee.ready, started: started, ended: ended)
        return settle(node, at: ended, &driver)
    }

    private func mayStart(_ node: Int, closed: Bool) -> Bool {
        let isStopping = withRuntime { $0.pool.isStopping }
        if isStopping { cancel(.shutdown) }
        if cancelFlag.reason == 0 { return true }
        let isAlways = withPlan { plan in plan.withNode(node) { $0.rule == .always } }
        return isAlways && !closed && !isStopping
    }

    /// False when the body threw.
    private func runBody(_ node: Int, _ cell: UnsafeMutablePointer<NodeCell>) -> Bool {
        withPlan { plan in
            plan.withNode(node) { description in
                do {
                    switch description.kind {
                    case .plain: try description.body(base, plan.offsets, nil)
                    case .ordered:
                        try description.body(
                            base, plan.offsets, orderedCells[description.ordered].line?.takeUnretainedValue())
                    case .join: try description.body(base, plan.offsets, self)
                    }
                    cell.pointee.status = .succeeded
                    return true
                } catch {
                    return !takeError(error, node, cell)
                }
            }
        }
    }

    /// Settles what a body threw. True when it is a failure: a thrown cancel is not.
    private func takeError(_ error: any Error, _ node: Int, _ cell: UnsafeMutablePointer<NodeCell>) -> Bool {
        if error is CancellationError {
            let isAsked = cancelFlag.reason != 0 || withRuntime { $0.pool.isStopping }
            if isAsked && cancelFlag.reason == 0 { cancel(.shutdown) }
            cell.pointee.status = isAsked ? .cancelled : .skipped
            cell.pointee.cause = Int32(node)
            return false
        }
        cell.pointee.error = error
        cell.pointee.status = .failed
        if withPlan({ $0.failureMode.stopsAtFailure }) { cancel(.failure) }
        return true
    }
}

/// Words: the run, and a step of it. The run holds itself while records of it are queued.
let runGraphStep: TaskFunction = { record, verdict in
    guard let words = RecordWords.of(record), let pointer = UnsafeRawPointer(bitPattern: UInt(words[0])) else { return }
    let step = GraphStep(word: words[1])
    let run = Unmanaged<GraphRun>.fromOpaque(pointer)
    guard let seat = run._withUnsafeGuaranteedRef({ $0.withRuntime { WorkerSeat(of: $0.pool) } }) else {
        preconditionFailure("a graph node left the workers of its pool")
    }
    GraphRun.drive(run, step, seat, closed: verdict == Verdict.closed.rawValue)
}
