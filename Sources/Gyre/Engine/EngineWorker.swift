import GyreCore

/// Takes jobs from an engine and runs them on the workers of a runtime, a few at a time.
///
/// ```swift
/// let worker = EngineWorker("mill-1", on: gyre, engine: engine, handlers: handlers)
/// let serving = Task { try await worker.run() }
/// ```
public struct EngineWorker: Sendable {
    public let name: String
    public let runtime: Runtime
    public let engine: any Engine
    public let handlers: TaskHandlers
    /// Jobs that it runs at once, at least 1.
    public let window: Int
    /// How long a job is this worker's without a sign of life. A heartbeat is sent three times in that.
    public let lease: Duration
    let seed: UInt64

    /// - Parameter seed: What the jitter of retries follows from; by chance when `nil`.
    public init(
        _ name: String, on runtime: Runtime, engine: any Engine, handlers: TaskHandlers, window: Int = 16,
        lease: Duration = .seconds(30), seed: UInt64? = nil
    ) {
        self.name = name
        self.runtime = runtime
        self.engine = engine
        self.handlers = handlers
        self.window = max(1, window)
        self.lease = max(.milliseconds(1), lease)
        self.seed = seed ?? UInt64.random(in: 0 ... .max)
    }

    /// Serves until the calling task is cancelled or the runtime drains. What runs then is cancelled, and given back to
    /// the engine when it ends.
    ///
    /// - Throws: ``EngineError`` when the engine refuses or cannot be reached.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<window { group.addTask { try await serve() } }
            try await group.waitForAll()
        }
    }

    private func serve() async throws {
        let names = handlers.names
        while !Task.isCancelled, !runtime.intake.isClosed {
            switch try await engine.take(names, by: name, lease: lease) {
            case .nothing(let until): await engine.waitForWork(until: until)
            case .job(let leased): try await perform(leased)
            }
        }
    }

    private func perform(_ leased: LeasedJob) async throws {
        guard let handler = handlers[leased.job.handler] else {
            preconditionFailure("an engine gave \(name) a job of \(leased.job.handler), which it did not ask for")
        }
        let attempt = JobAttempt(
            runtime: runtime, engine: engine, handler: handler, leased: leased, seed: seed, beat: Beat(runtime.clock))
        guard let end = await attempt.run({ body in try await runtime.run(body) }) else { return }
        do throws(EngineError) {
            try await engine.complete(leased.lease, end.ending)
        } catch {
            // Somebody else has the job: what was done here is not heard.
            if error.code != .leaseLost { throw error }
        }
    }
}
