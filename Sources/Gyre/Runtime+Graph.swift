import GyreCore

extension Runtime {
    /// Queues a run of a graph and returns at once.
    ///
    /// - Parameters:
    ///   - plan: What to run. Any number of its runs may be in flight.
    ///   - input: The input of every node of this run.
    ///   - whenFull: What happens when no record is free, or an ordered node's line is full.
    ///   - completion: Called once, on a worker, when every node has ended. It should be short.
    /// - Throws: ``SubmitError/full``, ``SubmitError/closed`` after ``drain(soft:hard:)`` began. A call that throws leaves nothing
    ///   behind, and `completion` is not called.
    /// - Complexity: O(nodes). One allocation, the run; one record. An ordered node takes a short lock to look its key up.
    public func post<Input: Sendable>(
        _ plan: GraphPlan<Input>, _ input: Input, whenFull: WhenFull = .fail,
        completion: @escaping @Sendable (GraphResult) -> Void
    ) throws(SubmitError) {
        do {
            try start(plan.core, input, completion)
        } catch .full where whenFull == .wait {
            try waitForRoom { () throws(SubmitError) in try self.start(plan.core, input, completion) }
        }
    }

    @discardableResult
    private func start<Input: Sendable>(
        _ plan: GraphPlanCore, _ input: Input, _ completion: (@Sendable (GraphResult) -> Void)?
    ) throws(SubmitError) -> GraphRun {
        guard let stripe = intake.enter() else { throw .closed }
        var leavesIntake = true
        defer { if leavesIntake { intake.leave(stripe) } }
        let reserved = try pool.reserve()
        let run = GraphRun.make(
            plan, input, pool: pool, intake: intake, stripe: stripe, submitted: pool.stampForSubmit(),
            completion: completion)
        do {
            try run.reserveLines()
        } catch {
            pool.cancel(reserved)
            throw error
        }
        leavesIntake = false // the run does, when it completes
        run.enterLines()
        let word = UInt64(UInt(bitPattern: Unmanaged.passRetained(run).toOpaque()))
        guard pool.submit(reserved, runGraphNode, word, UInt64(bitPattern: -1)) else {
            run.abandon()
            throw .closed
        }
        return run
    }
}
