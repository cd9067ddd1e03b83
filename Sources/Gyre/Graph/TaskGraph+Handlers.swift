import GyreCore

extension TaskGraph {
    /// Adds a node that calls a handler by name, so that its outcome can be kept and its work can be done elsewhere.
    ///
    /// In a run with a ``RunRecording`` the outcome is kept by the node's name and the fingerprint of the handler's
    /// name, version and input. When the run is taken up again, a node that finds itself there is replayed; one whose
    /// handler or input has changed runs again.
    ///
    /// - Parameters:
    ///   - name: Unique in the graph. Part of the key of its job: the same in all versions of a program.
    ///   - handler: Called with the graph's input. Its limits hold, and its errors are the node's.
    ///   - names: Nodes that must have succeeded before; no value is passed.
    public mutating func node<Output: Sendable>(
        _ name: String, calling handler: TaskHandler<Input, Output>, after names: [String] = []
    ) -> Node<Output> {
        let own = nodes.count
        return add(
            describe(name, inputs: [], after: names, kind: .async, Output.self) { base, offsets, run in
                let input = Self.input(base, offsets)
                try Self.call(handler, run, own) { input }
            }, Output.self)
    }

    /// Adds a node that calls a handler with what is made of the outputs of others.
    ///
    /// - Parameters:
    ///   - name, handler, names: As for a node that calls its handler with the graph's input.
    ///   - first, rest: Nodes whose outputs the handler's input is made of.
    ///   - input: Makes the handler's input of the graph's input and these outputs. It should be short, and must make
    ///     the same of the same.
    public mutating func node<First: Sendable, each Parent: Sendable, Value: Sendable, Output: Sendable>(
        _ name: String, calling handler: TaskHandler<Value, Output>, _ first: Node<First>,
        _ rest: repeat Node<each Parent>, after names: [String] = [],
        input: @escaping @Sendable (Input, First, repeat each Parent) throws -> Value
    ) -> Node<Output> {
        let own = nodes.count
        var inputs = [first.reference]
        for reference in repeat (each rest).reference { inputs.append(reference) }
        let others = (repeat each rest)
        return add(
            describe(name, inputs: inputs, after: names, kind: .async, Output.self) { base, offsets, run in
                let value = try input(
                    Self.input(base, offsets), Self.output(of: first, base, offsets),
                    repeat Self.output(of: each others, base, offsets))
                try Self.call(handler, run, own) { value }
            }, Output.self)
    }

    private static func call<Value: Sendable, Output: Sendable>(
        _ handler: TaskHandler<Value, Output>, _ run: AnyObject?, _ own: Int,
        _ value: @escaping @Sendable () -> Value
    ) throws {
        let call = unsafeDowncast(run.unsafelyUnwrapped, to: GraphRun.self).handlerCall(of: own)
        try begin(run, own) { try await call.output(of: handler, value()) }
    }
}

extension GraphRun {
    /// What the body of a handler node needs of its run: it may outlive it.
    func handlerCall(of node: Int) -> HandlerCall {
        let runtime = withRuntime { $0 }
        let recording = content.pointee.recording ?? RecordedRun(unnamed: runtime.engine.nextNumber())
        return HandlerCall(runtime: runtime, recording: recording, graph: plan.name, node: plan.nodes[node].name)
    }
}

/// One call of a handler from a node.
struct HandlerCall: Sendable {
    let runtime: Runtime
    let recording: RecordedRun
    let graph: String
    let node: String

    /// The output: replayed from the journal, or made and kept.
    func output<Value: Sendable, Output: Sendable>(
        of handler: TaskHandler<Value, Output>, _ value: Value
    ) async throws -> Output {
        let input = try handler.input.encode(value)
        let run = recording.options.key
        var job = EngineJob(
            key: JobKey("\(run)/\(node)"), handler: handler.name, version: handler.version, input: input)
        if let known = recording.output(of: node, job.fingerprint) { return try handler.output.decode(known) }
        job.lane = recording.options.lane
        job.tenant = recording.options.tenant
        job.attemptsMax = handler.limits.retry.attemptsMax.value
        job.onExhausted = handler.limits.onExhausted
        job.position = GraphPosition(graph: graph, run: run, node: node)
        var bytes = try await bytes(of: job, handler.erased)
        if let journal = recording.journal {
            let entry = JournalEntry(
                run: run, node: node, fingerprint: job.fingerprint, ending: .succeeded(bytes))
            // A success that came first stands: all who run this node go on with the same value.
            bytes = try await journal.append(entry).output ?? bytes
        }
        return try handler.output.decode(bytes)
    }

    private func bytes(of job: EngineJob, _ handler: AnyTaskHandler) async throws -> [UInt8] {
        do {
            guard let engine = recording.options.engine else { return try await runHere(job, handler) }
            if case .done(let output) = try await engine.submit(job) { return output }
            switch try await engine.outcome(of: job.key) {
            case .succeeded(let output): return output
            case .failed(let failure): throw failure
            }
        } catch let error as EngineError where error.code == .cancelled {
            throw CancellationError()
        } catch {
            if !(error is CancellationError) { await keep(error, of: job) }
            throw error
        }
    }

    /// Keeps a failure for whoever looks at the run.
    private func keep(_ error: any Error, of job: EngineJob) async {
        let entry = JournalEntry(
            run: recording.options.key, node: node, fingerprint: job.fingerprint,
            ending: .failed(String(describing: error)))
        do throws(JournalError) {
            try await recording.journal?.append(entry)
        } catch {
            // The node fails as it is, and runs again with or without this entry: its own error says more.
        }
    }

    /// Runs a job on the runtime's own engine, as the only one who is offered it.
    private func runHere(_ job: EngineJob, _ handler: AnyTaskHandler) async throws -> [UInt8] {
        let engine = runtime.engine
        while true {
            switch try engine.submitClaimed(job) {
            case .done(let output): return output
            case .accepted: return try await attempts(at: job, handler, engine)
            case .attached:
                // Another run of the same key is at it. When that one gives up, this one takes over.
                do throws(EngineError) {
                    switch try await engine.outcome(of: job.key) {
                    case .succeeded(let output): return output
                    case .failed(let failure): throw EngineError(code: .failed, reason: failure.description)
                    }
                } catch {
                    if error.code != .unknown { throw error }
                }
            }
        }
    }

    private func attempts(
        at job: EngineJob, _ handler: AnyTaskHandler, _ engine: MemoryEngine
    ) async throws -> [UInt8] {
        defer { engine.leaveClaimed(job.key, forget: recording.isUnnamed) }
        var last: (any Error)?
        while let turn = engine.claim(job.key, by: "graph \(graph)", lease: Self.ownLease) {
            switch turn {
            case .nothing(let until): await engine.waitForTurn(of: job.key, until: until)
            case .job(let leased):
                let beat = Beat(runtime.clock) { engine.note($0, leased.lease) }
                let attempt = JobAttempt(
                    runtime: runtime, engine: engine, handler: handler, leased: leased, seed: job.fingerprint.low,
                    beat: beat, sendsHeartbeats: false)
                let end = await attempt.run { body in try await body() }
                last = end?.error ?? last
                try await engine.complete(leased.lease, end?.ending ?? .released)
            }
            try Task.checkCancellation()
        }
        if case .ended(.succeeded(let output))? = try await engine.state(of: job.key)?.phase { return output }
        throw last ?? EngineError(code: .unknown, reason: "\(job.key) has been forgotten")
    }

    /// Whoever claims a job lives as long as the engine: nobody else could take it up.
    private static let ownLease = Duration.seconds(Int64.max / 4)
}
