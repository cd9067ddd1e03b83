import GyreCore

extension GraphRun {
    /// Takes a map that begins. Its first members are taken when this has returned.
    @usableFromInline
    func begin(_ expansion: Expansion, of node: Int) {
        expansion.deadline = deadline(of: plan.nodes[node])
        ledger.add(expansion, of: node)
    }

    /// Does what there is to do for a map, unless somebody is at it. True when the run has ended.
    func lookAfterMap(_ node: Int, _ driver: inout Driver) -> Bool {
        let expansion = ledger.expansion(of: node)
        guard expansion.window.enter() else { return false }
        let isStopped = mustStop(expansion, node, driver)
        return lookAfter(expansion, node, expansion.window.nextDuty(after: .nothing, isStopped: isStopped), &driver)
    }

    /// As the caretaker, from its first duty on.
    private func lookAfter(
        _ expansion: Expansion, _ node: Int, _ first: ExpansionWindow.Duty, _ driver: inout Driver
    ) -> Bool {
        var duty = first
        while true {
            let done: ExpansionWindow.Done
            switch duty {
            case .deliver(let slot, let index):
                do {
                    try expansion.members.deliver(slot, index)
                } catch {
                    expansion.stop(.failed(error))
                }
                done = .delivered(slot: slot)
            case .take(let slot, let index):
                done = take(slot, index, expansion, node, &driver)
            case .end: return endMap(expansion, node, &driver)
            case .leave: return false
            }
            let isStopped = mustStop(expansion, node, driver)
            duty = expansion.window.nextDuty(after: done, isStopped: isStopped)
        }
    }

    private func mustStop(_ expansion: Expansion, _ node: Int, _ driver: Driver) -> Bool {
        if expansion.stopReason == nil {
            if mapIsCancelled(node, driver) {
                expansion.stop(.cancelled)
            } else if let deadline = expansion.deadline, withRuntime({ $0.clock.now }) > deadline {
                expansion.stop(.timedOut)
            }
        }
        return expansion.stopReason != nil
    }

    private func mapIsCancelled(_ node: Int, _ driver: Driver) -> Bool {
        if driver.isClosed || withRuntime({ $0.pool.isStopping }) { return true }
        return cancelFlag.reason != 0 && plan.nodes[node].rule != .always
    }

    private func take(
        _ slot: Int, _ index: Int, _ expansion: Expansion, _ node: Int, _ driver: inout Driver
    ) -> ExpansionWindow.Done {
        guard expansion.members.take(slot) else { return .exhausted(slot: slot) }
        guard index < expansion.limit else {
            expansion.stop(.failed(NodeError.tooManyItems(limit: expansion.limit, node: plan.nodes[node].name)))
            return .exhausted(slot: slot)
        }
        guard let call = expansion.members.call(slot) else {
            offer(.member(node, slot: slot), &driver)
            return .nothing
        }
        do {
            let timed = content.pointee.submitted != 0
            try begin(
                call, endingIn: .memberEnded(node, slot: slot), deadline: expansion.deadline,
                ready: timed ? driver.seat?.now ?? 0 : 0, isProtected: plan.nodes[node].rule == .always)
        } catch {
            expansion.members.note(.failed(error), slot)
            return .ended(slot: slot)
        }
        return .nothing
    }

    /// Runs a member of a map. True when the run has ended.
    func runMember(_ slot: Int, of node: Int, _ driver: inout Driver) -> Bool {
        let expansion = ledger.expansion(of: node)
        if let seat = driver.seat, !mapIsCancelled(node, driver) {
            let submitted = content.pointee.submitted
            let started = seat.now
            let failed = expansion.members.run(slot)
            if submitted == 0 {
                seat.recordDone(failed: failed)
            } else {
                seat.recordDone(
                    failed: failed, submitted: submitted, ready: started, started: started, ended: seat.stamp())
            }
        } else {
            driver.seat?.recordCancelled()
            expansion.members.note(.cancelled(cancelReason), slot)
        }
        guard let duty = expansion.window.memberEnded(slot) else { return false }
        return lookAfter(expansion, node, duty, &driver)
    }

    /// Settles a member whose async body has ended. True when the run has ended.
    func endMember(_ slot: Int, of node: Int, _ driver: inout Driver) -> Bool {
        let expansion = ledger.expansion(of: node)
        let running = ledger.take(endedIn: .memberEnded(node, slot: slot))
        switch running.task.ending {
        case .succeeded: running.store(base, plan.offsets)
        case .failed(let error) where error is CancellationError:
            expansion.members.note(.skipped(because: plan.nodes[node].name), slot)
        case .failed(let error): expansion.members.note(.failed(error), slot)
        case .timedOut: expansion.members.note(.timedOut, slot)
        case .cancelled(let reason):
            cancel(reason)
            expansion.members.note(.cancelled(cancelReason), slot)
        }
        guard let duty = expansion.window.memberEnded(slot) else { return false }
        return lookAfter(expansion, node, duty, &driver)
    }

    private func endMap(_ expansion: Expansion, _ node: Int, _ driver: inout Driver) -> Bool {
        ledger.removeExpansion(of: node)
        switch expansion.stopReason {
        case nil:
            expansion.members.finish(base, plan.offsets)
            succeed(node)
        case .failed(let error): takeError(error, node)
        case .timedOut: expire(node)
        case .cancelled:
            if driver.isClosed || withRuntime({ $0.pool.isStopping }) { cancel(.shutdown) }
            cells[node].status = .cancelled
        }
        return settle(node, at: stampEnd(of: node, driver.seat), &driver)
    }
}
