import GyreCore
import GyrePolicy

/// Undoing runs alone, when all nodes have ended: one node, one attempt, one worker at a time.
extension GraphRun {
    /// Whether the run did not succeed for good. What a shutdown has cancelled may be taken up again, and is left.
    var mustUndo: Bool {
        guard content.pointee.ledger?.toUndo != nil else { return false }
        if cancelFlag.reason != 0 { return cancelReason != .shutdown }
        return (0..<plan.nodes.count).contains { cells[$0].status == .failed || cells[$0].status == .timedOut }
    }

    /// Goes on with the node that completed last. True when nothing is left and the run has ended.
    func undoNext(_ driver: Driver) -> Bool {
        while let node = ledger.toUndo {
            guard tryUndo(node, driver) else { return false }
        }
        complete()
        return true
    }

    /// Makes an attempt to undo a node. True when the run has ended.
    func undo(_ node: Int, _ driver: Driver) -> Bool { tryUndo(node, driver) ? undoNext(driver) : false }

    /// Goes on when an async attempt has ended. True when the run has ended.
    func endUndo(_ node: Int, _ driver: Driver) -> Bool {
        let error: (any Error)?
        switch ledger.take(endedIn: .undoEnded(node)).task.ending {
        case .succeeded: error = nil
        case .failed(let thrown): error = thrown
        case .timedOut: error = GyreError(code: .deadlineExceeded)
        case .cancelled: error = GyreError(code: .closed)
        }
        return takeAttempt(node, error, driver) ? undoNext(driver) : false
    }

    /// True when this node is dealt with, false when a step to come goes on with it.
    private func tryUndo(_ node: Int, _ driver: Driver) -> Bool {
        guard let undo = plan.nodes[node].undo else { preconditionFailure("only nodes with an undo are undone") }
        guard !driver.isClosed else { return ledger.endUndo(plan.nodes[node].name) }
        do {
            try undo.body(base, plan.offsets, self)
        } catch {
            return takeAttempt(node, error, driver)
        }
        return undo.isAsync ? false : takeAttempt(node, nil, driver)
    }

    /// Hands an async attempt over; called by the body of the undo.
    @usableFromInline
    func beginUndo(_ call: AsyncCall, of node: Int) throws {
        try begin(call, endingIn: .undoEnded(node), deadline: nil, ready: 0, isProtected: true)
    }

    /// An attempt has ended: notes it, and sets the timer of the next if there is to be one.
    private func takeAttempt(_ node: Int, _ error: (any Error)?, _ driver: Driver) -> Bool {
        guard let undo = plan.nodes[node].undo else { preconditionFailure("only nodes with an undo are undone") }
        ledger.addAttempt(error)
        guard let error, !driver.isClosed, let due = nextAttempt(after: error, undo.retry, node) else {
            return ledger.endUndo(plan.nodes[node].name)
        }
        let word = UInt64(UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()))
        do {
            // The run holds itself until the step is done.
            let timers = withRuntime { $0.timers }
            _ = try timers.insert(due: due, queueUndo, word, GraphStep.undo(node).word)
        } catch {
            queueAnyway(.undo(node))  // no timer is free: better at once than never
        }
        return false
    }
}

extension GraphRun {
    /// When a node that could not be undone is tried again, if it is. Chance follows from the run's stamp.
    private func nextAttempt(after error: any Error, _ retry: RetryPolicy, _ node: Int) -> MonotonicInstant? {
        let (state, now) = (ledger.retry, withRuntime { $0.clock.now })
        let errorClass = ErrorClass(of: error)
        // Nobody cancels an undo: a body that says so is one that failed.
        let failed = FailedAttempt(errorClass == .cancelled ? .transient : errorClass, at: now)
        let seed = content.pointee.submitted &+ UInt64(node) << 32
        let draw = SeededRandom.draw(seed: seed, index: UInt64(state.attempts))
        let (next, verdict) = retry.verdict(after: failed, in: state, draw: draw)
        ledger.retry = next
        switch verdict {
        case .retry(let due), .snooze(let due): return due
        case .interrupted, .stop: return nil
        }
    }
}

/// Words: the run, and the step that is due.
private let queueUndo: TimerFunction = { word, step in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<GraphRun>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.queueAnyway(GraphStep(word: step)) }
}
