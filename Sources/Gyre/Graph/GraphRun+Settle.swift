import GyreCore

extension GraphRun {
    /// A node has ended: its children, the next in its line, and at last the run. True when the run has ended.
    func settle(_ node: Int, at ended: UInt64, _ driver: inout Driver) -> Bool {
        var notRun = [Int]()
        var current = node
        while true {
            withPlan { plan in
                plan.withNode(current) { description in
                    if description.ordered >= 0 { leaveLine(description.ordered, at: ended, &driver) }
                    for child in description.children where CountDown(at: cells + child).arrive() {
                        cells[child].ready = ended
                        let verdict = verdict(on: child, plan)
                        if verdict == .run {
                            offer(.node(child), &driver)
                        } else {
                            end(child, verdict, driver.seat)
                            notRun.append(child)
                        }
                    }
                }
            }
            if CountDown(at: base).arrive() { return finish(driver) }
            guard let further = notRun.popLast() else { return false }
            current = further
        }
    }

    /// Whether a node all of whose parents have ended runs. An ordered node is asked when it is its turn, which may
    /// come from a run that does not look at its parents: see ``lateVerdict(on:)``.
    private func verdict(on node: Int, _ plan: GraphPlanCore) -> NodeVerdict {
        plan.withNode(node) { description in
            if description.ordered >= 0 { return .run }
            return ask(description, plan)
        }
    }

    /// The verdict on an ordered node; `nil` for others, who have got theirs.
    func lateVerdict(on node: Int) -> NodeVerdict? {
        withPlan { plan in
            plan.withNode(node) { description in description.ordered < 0 ? nil : ask(description, plan) }
        }
    }

    private func ask(_ description: PlanNode, _ plan: GraphPlanCore) -> NodeVerdict {
        if let needed = description.needed, needed.allSatisfy({ cells[$0].status == .succeeded }) { return .run }
        return askByRule(description, plan)
    }

    private func askByRule(_ description: PlanNode, _ plan: GraphPlanCore) -> NodeVerdict {
        let followsAnyway = plan.failureMode == .continueAll && description.rule == .allSucceeded
        var tally = ParentTally()
        for edge in description.edges {
            let cell = cells + Int(edge.parent)
            if !isTaken(edge, plan) {
                tally.addUntaken(edge.parent)
            } else if followsAnyway && edge.carries == .nothing {
                tally.addOrderOnly(edge.parent)
            } else {
                tally.add(cell.pointee.status, edge.parent, cause: cell.pointee.cause)
            }
        }
        return tally.verdict(description.rule)
    }

    /// Asks the conditions of an edge, once in a run, and keeps the answer for the body of the child.
    private func isTaken(_ edge: PlanEdge, _ plan: GraphPlanCore) -> Bool {
        guard edge.place >= 0 else { return true }
        let isTaken = edge.conditions.allSatisfy { $0(base, plan.offsets, self) }
        takenEdges[Int(edge.place)] = isTaken
        return isTaken
    }

    /// Ends a node that does not run.
    func end(_ node: Int, _ verdict: NodeVerdict, _ seat: WorkerSeat?) {
        switch verdict {
        case .run: preconditionFailure("a node that runs ends otherwise")
        case .skipped(let cause):
            cells[node].status = .skipped
            cells[node].cause = cause
            seat?.recordSkipped()
        case .upstreamFailed(let cause):
            cells[node].status = .upstreamFailed
            cells[node].cause = cause
            seat?.recordSkipped()
        case .cancelled:
            cells[node].status = .cancelled
            seat?.recordCancelled()
        }
    }

    private func leaveLine(_ place: Int, at ended: UInt64, _ driver: inout Driver) {
        let cell = orderedCells + place
        guard let line = cell.pointee.line?.takeUnretainedValue() else { return }
        var isRemoved = false
        let successor = line.order.leave(cell, isRemoved: &isRemoved)
        if isRemoved { cell.pointee.run?.release() }
        if let successor = successor?.assumingMemoryBound(to: OrderedCell.self),
            let follower = successor.pointee.run?.takeUnretainedValue()
        {
            let node = successor.pointee.node
            if CountDown(at: follower.cells + node).arrive() {
                follower.cells[node].ready = ended
                follower.offer(.node(node), &driver)
            }
        }
        giveBack(line)
        cell.pointee.line?.release()
        cell.pointee.line = nil
    }

    /// All nodes have ended. True when the run has: there may be something to undo first.
    private func finish(_ driver: Driver) -> Bool {
        if withPlan({ $0.failureMode == .compensate }), mustUndo { return undoNext(driver) }
        complete()
        return true
    }

    func complete() {
        let completion = content.pointee.completion
        content.pointee.completion = nil
        completion?(GraphResult(run: self))
        withRuntime { $0.intake.leave(content.pointee.stripe) }
    }
}
