import GyreCore

/// What a record of a run does, as the record's second word.
struct GraphStep: Equatable {
    let word: UInt64

    enum Kind: UInt64 { case node, start, ended, member, memberEnded, undo, undoEnded }

    /// Counts the arrival of the start down at the roots.
    static let start = GraphStep(.start, 0)

    /// Runs one node.
    static func node(_ node: Int) -> GraphStep { GraphStep(.node, node) }

    /// Settles a node whose async body has ended.
    static func ended(_ node: Int) -> GraphStep { GraphStep(.ended, node) }

    /// Runs a member of a map, or settles one whose async body has ended.
    static func member(_ node: Int, slot: Int) -> GraphStep { GraphStep(.member, node, slot: slot) }
    static func memberEnded(_ node: Int, slot: Int) -> GraphStep { GraphStep(.memberEnded, node, slot: slot) }

    /// Makes an attempt to undo a node, or goes on when an async one has ended.
    static func undo(_ node: Int) -> GraphStep { GraphStep(.undo, node) }
    static func undoEnded(_ node: Int) -> GraphStep { GraphStep(.undoEnded, node) }

    /// Slots of a map fit in 24 bits.
    static let slotMax = 1 << 24 - 1

    private init(_ kind: Kind, _ node: Int, slot: Int = 0) {
        word = kind.rawValue << 56 | UInt64(slot) << 32 | UInt64(UInt32(truncatingIfNeeded: node))
    }

    init(word: UInt64) { self.word = word }

    var node: Int { Int(UInt32(truncatingIfNeeded: word)) }
    var slot: Int { Int(word >> 32) & Self.slotMax }

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
        case .ended: return endBody(of: step.node, &driver)
        case .member: return runMember(step.slot, of: step.node, &driver)
        case .memberEnded: return endMember(step.slot, of: step.node, &driver)
        case .undo: return undo(step.node, driver)
        case .undoEnded: return endUndo(step.node, driver)
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

    /// Runs one node and settles it, or begins what will. True when the run has ended.
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
        if content.pointee.deadline != 0, isLate(node) {
            seat.recordLate()
            expire(node)
            return settle(node, at: started, &driver)
        }
        cell.pointee.started = started
        switch runBody(node) {
        case .async: return false
        case .map: return lookAfterMap(node, &driver)
        case .ended where !timed:
            seat.recordDone(failed: cell.pointee.status == .failed)
            return settle(node, at: 0, &driver)
        case .ended:
            let ended = seat.stamp()
            cell.pointee.ended = ended
            seat.recordDone(
                failed: cell.pointee.status == .failed, submitted: submitted, ready: cell.pointee.ready,
                started: started, ended: ended)
            return settle(node, at: ended, &driver)
        }
    }

    private func mayStart(_ node: Int, closed: Bool) -> Bool {
        let isStopping = withRuntime { $0.pool.isStopping }
        if isStopping { cancel(.shutdown) }
        if cancelFlag.reason == 0 { return true }
        return isAlways(node) && !closed && !isStopping
    }

    private func isLate(_ node: Int) -> Bool {
        !isAlways(node) && withRuntime { $0.clock.now.nanoseconds } > content.pointee.deadline
    }

    private func isAlways(_ node: Int) -> Bool { withPlan { plan in plan.withNode(node) { $0.rule == .always } } }

    /// What became of a call of a body. An async one or a map may have ended by now: its node is not this worker's.
    private enum Called { case ended, async, map }

    private func runBody(_ node: Int) -> Called {
        withPlan { plan in
            plan.withNode(node) { description in
                do {
                    switch description.kind {
                    case .plain: try description.body(base, plan.offsets, nil)
                    case .ordered:
                        try description.body(
                            base, plan.offsets, orderedCells[description.ordered].line?.takeUnretainedValue())
                    case .join: try description.body(base, plan.offsets, self)
                    case .async:
                        try description.body(base, plan.offsets, self)
                        return .async
                    case .map:
                        try description.body(base, plan.offsets, self)
                        return .map
                    }
                    cells[node].status = .succeeded
                    if description.undo != nil { ledger.addCompleted(node) }
                    return .ended
                } catch {
                    takeError(error, node)
                    return .ended
                }
            }
        }
    }

    // MARK: - How a node ends

    func succeed(_ node: Int) {
        cells[node].status = .succeeded
        if plan.nodes[node].undo != nil { ledger.addCompleted(node) }
    }

    /// Ends a node by what its body threw. A thrown cancel is no failure.
    func takeError(_ error: any Error, _ node: Int) {
        guard error is CancellationError else {
            cells[node].error = error
            cells[node].status = .failed
            return noteFailure()
        }
        if cancelFlag.reason == 0, withRuntime({ $0.pool.isStopping }) { cancel(.shutdown) }
        let isAsked = cancelFlag.reason != 0
        cells[node].status = isAsked ? .cancelled : .skipped
        if !isAsked { cells[node].cause = Int32(node) }
    }

    /// Ends a node whose time is over.
    func expire(_ node: Int) {
        cells[node].status = .timedOut
        noteFailure()
    }

    private func noteFailure() {
        if withPlan({ $0.failureMode.stopsAtFailure }) { cancel(.failure) }
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
