import GyreCore

extension GraphRun {
    /// Begins the async body of a node. The node has ended when the step ``GraphStep/ended(_:)`` is done; when this
    /// throws, it has failed.
    @usableFromInline
    func begin(_ call: AsyncCall, of node: Int) throws {
        let description = plan.nodes[node]
        try begin(
            call, endingIn: .ended(node), deadline: deadline(of: description), ready: cells[node].ready,
            isProtected: description.rule == .always)
    }

    /// - Parameter ready: For its times; 0 when it is not timed.
    func begin(
        _ call: AsyncCall, endingIn step: GraphStep, deadline: MonotonicInstant?, ready: UInt64, isProtected: Bool
    ) throws {
        guard let seat = withRuntime({ WorkerSeat(of: $0.pool) }) else { throw CancellationError() }
        let home = TaskHome(runtime: withRuntime { .passRetained($0) }, stripe: nil)
        let task = TaskCore.make(home, .async(call.body), submitted: ready, deadline: deadline)
        if let deadline {
            do throws(SubmitError) {
                try task.startTimer(deadline)
            } catch {
                _ = task.abandon()  // true: no timer could have ended it
                throw GyreError(refusal: error)
            }
        }
        ledger.add(RunningBody(task: task, store: call.store, isProtected: isProtected), endingIn: step)
        let isCancelled = cancelFlag.reason != 0 && (!isProtected || cancelReason == .shutdown)
        // The run holds itself until the step is done, which may be as soon as the step can be queued: at a deadline
        // that has come by now. From here on only the task is this worker's.
        let run = UnownedRun(run: .passUnretained(self))
        task.whenSettled { run.run._withUnsafeGuaranteedRef { $0.queueAnyway(step) } }
        if isCancelled { _ = task.cancel() }
        task.start(on: seat)
    }

    /// Queues a step that must be done, from any thread.
    func queueAnyway(_ step: GraphStep) {
        if queueStep(step) { return }
        // No record is free. Jobs of Swift concurrency always find a place, even after the pool has closed.
        let (run, pool) = (UnownedRun(run: .passUnretained(self)), withRuntime { $0.pool })
        _ = Task.detached(executorPreference: pool) {
            let seat = WorkerSeat(of: pool)
            GraphRun.drive(run.run, step, seat, closed: seat == nil)
        }
    }

    /// The earlier of the run's deadline and the node's own.
    func deadline(of node: PlanNode) -> MonotonicInstant? {
        let limit = content.pointee.deadline
        let inherited = limit == 0 || node.rule == .always ? nil : MonotonicInstant(nanoseconds: limit)
        guard let timeout = node.timeout else { return inherited }
        let own = withRuntime { $0.clock.now } + timeout
        return inherited.map { min($0, own) } ?? own
    }

    /// Settles a node whose async body has ended. True when the run has ended.
    func endBody(of node: Int, _ driver: inout Driver) -> Bool {
        let running = ledger.take(endedIn: .ended(node))
        take(running, node)
        return settle(node, at: stampEnd(of: node, driver.seat), &driver)
    }

    private func take(_ running: RunningBody, _ node: Int) {
        let cell = cells + node
        switch running.task.ending {
        case .succeeded:
            running.store(base, plan.offsets)
            succeed(node)
        case .failed(let error): takeError(error, node)
        case .timedOut: expire(node)
        case .cancelled(let reason):
            cancel(reason)
            cell.pointee.status = .cancelled
        }
    }

    /// The end of a node that was not run in one go; 0 when it is not timed.
    func stampEnd(of node: Int, _ seat: WorkerSeat?) -> UInt64 {
        guard content.pointee.submitted != 0, let seat else { return 0 }
        let ended = seat.stamp()
        cells[node].ended = ended
        return ended
    }
}

/// A run that holds itself.
///
/// `@unchecked Sendable`: see ``GraphRun``.
struct UnownedRun: @unchecked Sendable {
    let run: Unmanaged<GraphRun>
}
