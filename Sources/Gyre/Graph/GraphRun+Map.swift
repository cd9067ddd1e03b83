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
        return expansion.window.enter() ? lookAfter(expansion, node, &driver) : false
    }

    /// As the caretaker.
    private func lookAfter(_ expansion: Expansion, _ node: Int, _ driver: inout Driver) -> Bool {
        while true {
            if mapIsCancelled(node, driver) {
                expansion.stop(.cancelled)
            } else if let deadline = expansion.deadline, withRuntime({ $0.clock.now }) > deadline {
                expansion.stop(.timedOut)
            }
            switch expansion.window.nextDuty() {
            case .deliver(let slot, let index):
                do {
                    try expansion.deliver(slot, index: index)
                } catch {
                    expansion.stop(.failed(error))
                }
                expansion.window.delivered(slot)
            case .take(let slot, let index):
                take(slot, index, expansion, node, &driver)
            case .end:
                return endMap(expansion, node, &driver)
            case .leave:
                return false
            }
        }
    }

    private func mapIsCancelled(_ node: Int, _ driver: Driver) -> Bool {
        if driver.isClosed || withRuntime({ $0.pool.isStopping }) { return true }
        return cancelFlag.reason != 0 && plan.nodes[node].rule != .always
    }

    private func take(_ slot: Int, _ index: Int, _ expansion: Expansion, _ node: Int, _ driver: inout Driver) {
        guard expansion.take(slot) else { return expansion.window.exhausted(slot) }
        guard index < expansion.limit else {
            expansion.stop(.failed(NodeError.tooManyItems(limit: expansion.limit, node: plan.nodes[node].name)))
            return expansion.window.exhausted(slot)
        }
        guard let call = expansion.call(slot) else { return offer(.member(node, slot: slot), &driver) }
        do {
            let timed = content.pointee.submitted != 0
            try begin(
                call, endingIn: .memberEnded(node, slot: slot), deadline: expansion.deadline,
                ready: timed ? driver.seat?.now ?? 0 : 0, isProtected: plan.nodes[node].rule == .always)
        } catch {
            expansion.note(.failed(error), slot)
            _ = expansion.window.memberEnded(slot)  // the caller is the caretaker
        }
    }

    /// Runs a member of a map. True when the run has ended.
    func runMember(_ slot: Int, of node: Int, _ driver: inout Driver) -> Bool {
        let expansion = ledger.expansion(of: node)
        if let seat = driver.seat, !mapIsCancelled(node, driver) {
            let submitted = content.pointee.submitted
            let started = seat.now
            let failed = expansion.run(slot)
            if submitted == 0 {
                seat.recordDone(failed: failed)
            } else {
                seat.recordDone(
                    failed: failed, submitted: submitted, ready: started, started: started, ended: seat.stamp())
            }
        } else {
            driver.seat?.recordCancelled()
            expansion.note(.cancelled(cancelReason), slot)
        }
        return expansion.window.memberEnded(slot) ? lookAfter(expansion, node, &driver) : false
    }

    /// Settles a member whose async body has ended. True when the run has ended.
    func endMember(_ slot: Int, of node: Int, _ driver: inout Driver) -> Bool {
        let expansion = ledger.expansion(of: node)
        let running = ledger.take(endedIn: .memberEnded(node, slot: slot))
        switch running.task.ending {
        case .succeeded: running.store(base, plan.offsets)
        case .failed(let error) where error is CancellationError:
            expansion.note(.skipped(because: plan.nodes[node].name), slot)
        case .failed(let error): expansion.note(.failed(error), slot)
        case .timedOut: expansion.note(.timedOut, slot)
        case .cancelled(let reason):
            cancel(reason)
            expansion.note(.cancelled(cancelReason), slot)
        }
        return expansion.window.memberEnded(slot) ? lookAfter(expansion, node, &driver) : false
    }

    private func endMap(_ expansion: Expansion, _ node: Int, _ driver: inout Driver) -> Bool {
        ledger.removeExpansion(of: node)
        switch expansion.stopReason {
        case nil:
            expansion.finish(base, plan.offsets)
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
