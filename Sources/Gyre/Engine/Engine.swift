public import GyreCore

/// Where jobs wait for a worker, in this process or in others: a port. ``MemoryEngine`` is the one of this module.
///
/// A job is a call of a handler by name. Whoever takes it holds a *lease*: until it expires, nobody else gets the job;
/// when its holder falls silent, somebody else does, and nothing that the first one says is heard any more.
///
/// ## What an implementation must keep
///
/// 1. A job that was submitted is taken until it has ended: by one worker at a time, more often only if a lease expired
///    or a worker gave it back. Of one lane, handler and tenant the job that was submitted first is taken first, but
///    for those that came back.
/// 2. One key is one job. The same key with the same fingerprint is `attached` while the job lives and `done` when it
///    has succeeded, and is not run again; with another fingerprint it is refused as a conflict. A key whose job has
///    failed may be submitted again.
/// 3. ``heartbeat(_:_:)`` and ``complete(_:_:)`` with a lease that has expired or was given back are refused as
///    `leaseLost` and change nothing.
/// 4. An attempt is counted when it fails or its lease expires. One that was snoozed or given back is not.
/// 5. A job whose attempts are used up has failed, or is parked, as it was submitted. What has ended stays so.
/// 6. A job that must wait (for its delay, its backoff, its snooze) is not taken before, and ``take(_:by:lease:)`` says
///    when there may be something.
/// 7. All of this from any number of tasks at once.
///
/// `EngineConformance` of GyreTesting asks an implementation about each of these. Lengths of time, and no instants, go
/// in, because clocks of machines differ.
public protocol Engine: Sendable {
    /// Hands a job in.
    func submit(_ job: EngineJob) async throws(EngineError) -> EngineReceipt

    /// Takes the next job of any of these handlers, if there is one. Does not wait.
    ///
    /// - Parameters:
    ///   - worker: For people: who has it.
    ///   - lease: How long the job is this worker's, until a heartbeat or its end.
    func take(_ handlers: [String], by worker: String, lease: Duration) async throws(EngineError) -> EngineTurn

    /// Says that the work goes on: the lease counts from anew.
    func heartbeat(_ lease: JobLease, _ progress: JobProgress?) async throws(EngineError)

    /// Ends an attempt.
    func complete(_ lease: JobLease, _ ending: AttemptEnding) async throws(EngineError)

    /// Suspends until there may be something to take, at the longest until `limit` or until the calling task is
    /// cancelled.
    func waitForWork(until limit: MonotonicInstant) async

    /// Suspends until the job has ended.
    ///
    /// - Throws: `unknown` when there is no such job or it is given up, `cancelled` when the calling task was
    ///   cancelled, `closed` when the engine ends before the job does.
    func outcome(of key: JobKey) async throws(EngineError) -> JobOutcome

    /// How far the job is, or `nil` when there is none.
    func state(of key: JobKey) async throws(EngineError) -> JobState?
}

/// Names one job for good: whoever hands the same work in twice uses the same key.
public struct JobKey: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let text: String
    public init(_ text: String) { self.text = text }
    public init(stringLiteral text: String) { self.text = text }
    public var description: String { text }
}

/// One call of a handler.
public struct EngineJob: Sendable, Hashable {
    public let key: JobKey
    public let handler: String
    public let input: [UInt8]
    public let fingerprint: Fingerprint
    /// How urgent it is compared with other jobs.
    public var lane: Lane = .normal
    /// For whom it is, if that matters.
    public var tenant: String = ""
    /// How long it waits before it may be taken.
    public var delay: Duration = .zero
    /// At least 1.
    public var attemptsMax: Int = 3
    public var onExhausted: Exhaustion = .fail
    /// The graph run and node that it is of.
    public var position: GraphPosition?

    public init(key: JobKey, handler: String, version: Int = 1, input: [UInt8]) {
        self.key = key
        self.handler = handler
        self.input = input
        fingerprint = Fingerprint(handler: handler, version: version, input: input)
    }
}

/// Where in which run of a graph a job belongs.
public struct GraphPosition: Sendable, Hashable, CustomStringConvertible {
    public let graph: String
    public let run: RunKey
    public let node: String

    public init(graph: String, run: RunKey, node: String) {
        self.graph = graph
        self.run = run
        self.node = node
    }

    public var description: String { "\(graph)/\(run)/\(node)" }
}

/// What became of a submit.
public enum EngineReceipt: Sendable, Equatable {
    case accepted
    /// The job is there already and has not ended.
    case attached
    /// It is there already and has succeeded, with this output.
    case done([UInt8])
}

/// What a worker gets.
public enum EngineTurn: Sendable {
    case job(LeasedJob)
    /// Nothing can be taken now. Unless something is submitted, not before this instant either.
    case nothing(until: MonotonicInstant)

    public var job: LeasedJob? {
        if case .job(let job) = self { return job }
        return nil
    }
}

/// A job in a worker's hands.
public struct LeasedJob: Sendable {
    public let job: EngineJob
    public let lease: JobLease
    /// Counted from 1.
    public let attempt: Int

    public init(job: EngineJob, lease: JobLease, attempt: Int) {
        self.job = job
        self.lease = lease
        self.attempt = attempt
    }
}

/// The right to end an attempt.
public struct JobLease: Sendable, Hashable {
    public let key: JobKey
    /// Never the same for two leases of one engine.
    public let number: UInt64
    /// How long it lasts, counted from its last sign of life.
    public let length: Duration

    public init(key: JobKey, number: UInt64, length: Duration) {
        self.key = key
        self.number = number
        self.length = length
    }
}

/// How an attempt ended.
public enum AttemptEnding: Sendable, Equatable {
    case succeeded([UInt8])
    /// Counts as an attempt. Another may follow after `retryAfter`; none when that is `nil`.
    case failed(String, retryAfter: Duration?)
    /// As ``failed(_:retryAfter:)`` without another attempt, and nobody will want to see it again: no dead letter.
    case discarded(String)
    /// Comes back after this time. Not counted.
    case snoozed(Duration)
    /// The worker shuts down: somebody else may take it at once. Not counted.
    case released
}

/// What became of a job. Final.
public enum JobOutcome: Sendable, Equatable {
    case succeeded([UInt8])
    case failed(JobFailure)
}

/// Why a job has failed.
public struct JobFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whether its attempts were used up, or it was not to be tried again.
    public enum Reason: String, Sendable, CaseIterable {
        case exhausted
        case permanent
        case discarded
    }

    public let key: JobKey
    public let reason: Reason
    public let attempts: Int
    /// What the last attempt threw, for people.
    public let error: String

    public init(key: JobKey, reason: Reason, attempts: Int, error: String) {
        self.key = key
        self.reason = reason
        self.attempts = attempts
        self.error = error
    }

    public var description: String { "\(key) failed (\(reason.rawValue), attempts: \(attempts)): \(error)" }
}

/// How far a job is.
public struct JobState: Sendable, Equatable {
    public enum Phase: Sendable, Equatable {
        case ready
        /// It waits for its delay, its backoff or its snooze.
        case waiting
        case running(worker: String)
        /// Its attempts are used up, and it waits to be redriven.
        case parked
        case ended(JobOutcome)
    }

    public let phase: Phase
    /// Attempts that have ended and count.
    public let attempts: Int
    public let progress: JobProgress?

    public init(phase: Phase, attempts: Int, progress: JobProgress?) {
        self.phase = phase
        self.attempts = attempts
        self.progress = progress
    }
}

/// What an engine refused or could not do.
public struct EngineError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What happened. Open: later versions may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        public init(description: String) { self.description = description }

        /// As many jobs live as may.
        public static let full = Code(description: "engine full")
        /// The key names a job with another input.
        public static let conflict = Code(description: "conflicting key")
        /// The attempt is not this worker's any more.
        public static let leaseLost = Code(description: "lease lost")
        public static let unknown = Code(description: "unknown job")
        /// The job that this one shares has failed.
        public static let failed = Code(description: "failed")
        /// The calling task was cancelled while it waited.
        public static let cancelled = Code(description: "cancelled")
        /// The engine has ended: nobody will run the job here.
        public static let closed = Code(description: "engine closed")
        /// The engine does not answer.
        public static let unavailable = Code(description: "engine unavailable")
    }

    public let code: Code
    public let reason: String

    public init(code: Code, reason: String) {
        self.code = code
        self.reason = reason
    }

    public var description: String { "\(code): \(reason)" }
}
