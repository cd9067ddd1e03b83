import GyreCore

extension Runtime {
    /// Queues a run of a graph and returns at once.
    ///
    /// - Parameters:
    ///   - plan: What to run. Any number of its runs may be in flight.
    ///   - input: The input of every node of this run.
    ///   - deadline: When the run is given up: nodes that have not started by then end as `timedOut`, as do async
    ///     bodies, which are cancelled. A synchronous body that runs is waited for.
    ///   - whenFull: What happens when no record is free, or an ordered node's line is full. A table of keys that is
    ///     full is not waited for: keys are kept as long as the plan.
    ///   - completion: Called once, on a worker, when every node has ended. It should be short.
    /// - Returns: A handle to cancel the run by. It need not be kept.
    /// - Throws: ``SubmitError/full``, ``SubmitError/closed`` after ``drain(soft:hard:)`` began, ``SubmitError/late``
    ///   if `deadline` has passed. A call that throws leaves nothing behind, and `completion` is not called.
    /// - Complexity: O(nodes). One allocation, the run; one record. An ordered node takes a short lock to look its
    ///   key up.
    @inlinable
    @discardableResult
    public func post<Input: Sendable>(
        _ plan: GraphPlan<Input>, _ input: Input, deadline: MonotonicInstant? = nil, whenFull: WhenFull = .fail,
        completion: @escaping @Sendable (GraphResult) -> Void
    ) throws(SubmitError) -> GraphHandle {
        GraphHandle(
            run: try start(plan.core, deadline, whenFull, completion) {
                $0.initializeMemory(as: Input.self, to: input)
            })
    }

    /// Runs a graph and waits for its result.
    ///
    /// Cancelling the caller cancels the run: nodes that have not started yet will not, and async bodies are
    /// cancelled.
    ///
    /// - Parameter deadline: When the run is given up, as for `post`.
    /// - Throws: ``SubmitError/closed`` after ``drain(soft:hard:)`` began, ``SubmitError/full`` when no record is
    ///   free or an ordered node's line is full, ``SubmitError/late`` if `deadline` has passed. What becomes of nodes
    ///   is in the result.
    @inlinable
    public func run<Input: Sendable>(
        _ plan: GraphPlan<Input>, _ input: Input, deadline: MonotonicInstant? = nil
    ) async throws(SubmitError) -> GraphResult {
        try await result(of: plan.core, deadline) { $0.initializeMemory(as: Input.self, to: input) }
    }

    @usableFromInline
    func result(
        of plan: GraphPlanCore, _ deadline: MonotonicInstant?, recording: RecordedRun? = nil,
        input: (UnsafeMutableRawPointer) -> Void
    ) async throws(SubmitError) -> GraphResult {
        let ending = GraphEnding()
        // Around the start too: a cancel that comes before the first node starts reaches all of them.
        let outcome: Result<GraphResult, SubmitError> = await withTaskCancellationHandler {
            do throws(SubmitError) {
                try start(
                    plan, deadline, .fail, recording: recording, { ending.settle($0) }, willStart: ending.adopt,
                    input: input)
            } catch {
                ending.disown()
                return .failure(error)
            }
            return .success(await untilWoken { ending.whenSettled($0) })
        } onCancel: {
            ending.cancel()
        }
        return try outcome.get()
    }

    /// - Parameter willStart: Called with the run before any of its nodes can start.
    @usableFromInline
    @discardableResult
    func start(
        _ plan: GraphPlanCore, _ deadline: MonotonicInstant?, _ whenFull: WhenFull, recording: RecordedRun? = nil,
        _ completion: @escaping @Sendable (GraphResult) -> Void, willStart: (GraphRun) -> Void = { _ in },
        input: (UnsafeMutableRawPointer) -> Void
    ) throws(SubmitError) -> GraphRun {
        while true {
            let attempt = try tryStart(
                plan, deadline, recording, completion, countsRefusal: whenFull == .fail, willStart, input)
            if case .started(let run) = attempt { return run }
            guard whenFull == .wait else { throw .full }
            switch attempt {
            case .started(let run): return run
            case .noRoom: pool.waitForRoomHelping()
            case .lineFull(let line): pool.waitHelping { line.hasPlace }
            case .outOfKeys: throw .full
            }
            try checkIntake()
        }
    }

    private enum Start {
        case started(GraphRun)
        /// No record is free: later there may be.
        case noRoom
        /// The same of a place in this line.
        case lineFull(KeyedLineBase)
        /// A key is one too many, for as long as the plan lives.
        case outOfKeys
    }

    private func tryStart(
        _ plan: GraphPlanCore, _ deadline: MonotonicInstant?, _ recording: RecordedRun?,
        _ completion: @escaping @Sendable (GraphResult) -> Void, countsRefusal: Bool,
        _ willStart: (GraphRun) -> Void, _ input: (UnsafeMutableRawPointer) -> Void
    ) throws(SubmitError) -> Start {
        if let deadline, clock.now > deadline { throw .late }
        guard let stripe = intake.enter() else { throw .closed }
        var leavesIntake = true
        defer { if leavesIntake { intake.leave(stripe) } }
        let reserved: ReservedRecord
        do {
            reserved = try pool.reserve(countsRefusal: countsRefusal)
        } catch .full {
            return .noRoom
        }
        let run = GraphRun.make(
            plan, runtime: self, stripe: stripe, submitted: pool.stampForSubmit(),
            deadline: deadline.map { max(1, $0.nanoseconds) } ?? 0, recording: recording, completion: completion,
            input: input)
        do {
            try run.reserveLines()
        } catch {
            pool.cancel(reserved)
            switch error {
            case .lineFull(let line): return .lineFull(line)
            case .outOfKeys: return .outOfKeys
            }
        }
        leavesIntake = false  // the run does, when it completes
        run.enterLines()
        willStart(run)
        let word = UInt64(UInt(bitPattern: Unmanaged.passRetained(run).toOpaque()))
        guard pool.submit(reserved, runGraphStep, word, GraphStep.start.word) else {
            run.abandon()
            throw .closed
        }
        return .started(run)
    }
}

/// A run of a graph, to cancel it by. Copies name the same run; it goes on when all are gone.
public struct GraphHandle: Sendable {
    /// Safe to share: see ``GraphRun``.
    nonisolated(unsafe) let run: GraphRun

    @usableFromInline
    init(run: GraphRun) { self.run = run }

    /// Asks the run to stop. Nodes that have not started yet will not, but for those of the rule
    /// ``NodeRule/always``; async bodies are cancelled, synchronous ones see ``AgentTask/isCancelled``. The
    /// completion is called as ever, when the last node has ended.
    ///
    /// - Concurrency: Any thread. Lock-free, but for a short lock when the graph has async nodes.
    public func cancel() { run.cancel(.user) }
}

/// Where a caller meets the result of its run, whoever comes first.
///
/// `@unchecked Sendable`: `run` is written before the object is shared with the cancellation handler.
private final class GraphEnding: @unchecked Sendable {
    private enum State {
        case open
        case awaited(UnsafeContinuation<GraphResult, Never>)
        case settled(GraphResult)
    }

    /// The run that is to be cancelled with its caller.
    private enum Target {
        case none
        case run(GraphHandle)
        /// Cancelled before there was one.
        case cancelled
    }

    private let state = Lock<State>(.open)
    private let target = Lock<Target>(.none)

    func adopt(_ run: GraphRun) {
        let handle = GraphHandle(run: run)
        let isCancelled = target.withLock { target in
            if case .cancelled = target { return true }
            target = .run(handle)
            return false
        }
        if isCancelled { run.cancel(.user) }
    }

    /// The run was not started after all.
    func disown() { target.withLock { $0 = .none } }

    func cancel() {
        let handle: GraphHandle? = target.withLock { target in
            if case .run(let handle) = target { return handle }
            target = .cancelled
            return nil
        }
        handle?.run.cancel(.user)
    }

    func settle(_ result: GraphResult) {
        let waiter: UnsafeContinuation<GraphResult, Never>? = state.withLock { state in
            if case .awaited(let continuation) = state { return continuation }
            state = .settled(result)
            return nil
        }
        waiter?.wake(returning: result)
    }

    func whenSettled(_ continuation: UnsafeContinuation<GraphResult, Never>) {
        let result: GraphResult? = state.withLock { state in
            if case .settled(let result) = state { return result }
            state = .awaited(continuation)
            return nil
        }
        if let result { continuation.wake(returning: result) }
    }
}
