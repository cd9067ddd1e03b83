public import GyreCore

/// Under which name a run of a graph is kept, and where: for runs that are taken up again.
public struct RunRecording: Sendable {
    public let key: RunKey
    /// `nil` for the runtime's own, in memory.
    public var journal: (any Journal)?
    /// Where the handlers run; `nil` for the runtime's own, on which each node runs its handler itself.
    public var engine: (any Engine)?
    /// How urgent its jobs are, and for whom they are.
    public var lane: Lane = .normal
    public var tenant: String = ""

    public init(_ key: RunKey, journal: (any Journal)? = nil, engine: (any Engine)? = nil) {
        self.key = key
        self.journal = journal
        self.engine = engine
    }
}

/// A recording with what was kept of the run before.
@usableFromInline
final class RecordedRun: Sendable {
    private struct Call: Hashable {
        let node: String
        let fingerprint: Fingerprint
    }

    let options: RunRecording
    /// Whether nobody can name the run: what the engine remembers of its jobs is of no use afterwards.
    let isUnnamed: Bool
    /// `nil` for a run that nobody can take up: nothing is kept of it beyond its result.
    let journal: (any Journal)?
    private let known: [Call: [UInt8]]
    private let replayed = Lock<Set<String>>([])

    init(_ options: RunRecording, journal: (any Journal)?, entries: [JournalEntry]) {
        self.options = options
        self.journal = journal
        isUnnamed = false
        var known: [Call: [UInt8]] = [:]
        for entry in entries {
            guard let output = entry.output else { continue }
            known[Call(node: entry.node, fingerprint: entry.fingerprint)] = output
        }
        self.known = known
    }

    /// For a run that was given no name.
    init(unnamed number: UInt64) {
        options = RunRecording(RunKey("unnamed-\(number)"))
        isUnnamed = true
        journal = nil
        known = [:]
    }

    func output(of node: String, _ fingerprint: Fingerprint) -> [UInt8]? {
        guard let output = known[Call(node: node, fingerprint: fingerprint)] else { return nil }
        replayed.withLock { _ = $0.insert(node) }
        return output
    }

    var replayedNodes: Set<String> { replayed.withLock { $0 } }
}

extension Runtime {
    /// Runs a graph under a name, keeps the outcomes of its handler nodes, and replays what is kept of the name
    /// already.
    ///
    /// The outcomes of closures are not kept: they run again. ``GraphResult/replayed`` tells which nodes did not. A run
    /// that will not be taken up is to be forgotten: ``Journal/forget(_:)``.
    ///
    /// - Throws: ``JournalError`` when the journal cannot be read, else as a run without a name.
    public func run<Input: Sendable>(
        _ plan: GraphPlan<Input>, _ input: Input, recording: RunRecording, deadline: MonotonicInstant? = nil
    ) async throws -> GraphResult {
        let journal: any Journal = recording.journal ?? self.journal
        let entries = try await journal.load(recording.key)
        let recorded = RecordedRun(recording, journal: journal, entries: entries)
        return try await result(of: plan.core, deadline, recording: recorded) {
            $0.initializeMemory(as: Input.self, to: input)
        }
    }
}

extension GraphResult {
    /// Nodes whose outcome was kept from an earlier run of the same name, in the order in which they were added.
    public var replayed: [String] {
        guard let replayed = run.content.pointee.recording?.replayedNodes else { return [] }
        return run.plan.nodes.map(\.name).filter(replayed.contains)
    }
}
