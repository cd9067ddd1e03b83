/// Where the outcomes of graph runs are kept, so that a run can be taken up again: a port. ``MemoryJournal`` is the one
/// of this module.
///
/// What is kept is the outcome of a node by its name and the fingerprint of what its handler was given, and not the
/// order in which code ran. So code may change between a run and its resumption: a node whose handler has another
/// version, or is given another input, runs again; all others are replayed from here.
///
/// Execution is at-least-once: a body may have had its effect when the process ended before its outcome was kept. An
/// effect is exactly-once only if it is written together with the outcome, or is idempotent by the node's key.
///
/// ## What an implementation must keep
///
/// 1. ``append(_:)`` returns when the entry is as safe as this journal makes it, and throws when it is not kept.
/// 2. The first success of a run's node with one fingerprint stands: a later entry for the same is not kept, and its
///    append returns the one that stands. So everybody who runs the same node goes on with the same value.
/// 3. ``load(_:)`` returns the entries of a run in the order in which their appends were kept, each once, those of no
///    other run, and an empty list for a run that is not known.
/// 4. ``forget(_:)`` removes a run and no other. To forget what is not known is no error.
/// 5. All of this from any number of tasks at once.
///
/// `JournalConformance` of GyreTesting asks an implementation about each of these.
public protocol Journal: Sendable {
    /// Keeps an outcome.
    ///
    /// - Returns: The entry that stands for this node and fingerprint: `entry`, or a success that came first.
    @discardableResult
    func append(_ entry: JournalEntry) async throws(JournalError) -> JournalEntry

    /// All that is kept of a run.
    func load(_ run: RunKey) async throws(JournalError) -> [JournalEntry]

    /// Removes a run that nobody will take up again.
    func forget(_ run: RunKey) async throws(JournalError)
}

/// Names one run of a graph for good, across processes: an order number, a conversation and its turn.
public struct RunKey: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let text: String

    public init(_ text: String) { self.text = text }
    public init(stringLiteral text: String) { self.text = text }

    public var description: String { text }
}

/// The outcome of one node of one run.
public struct JournalEntry: Sendable, Hashable {
    public let run: RunKey
    public let node: String
    public let fingerprint: Fingerprint
    public let ending: Ending

    public enum Ending: Sendable, Hashable {
        /// The output, as its handler's codec writes it.
        case succeeded([UInt8])
        /// The error, for people. The node runs again when its run is taken up.
        case failed(String)
    }

    public init(run: RunKey, node: String, fingerprint: Fingerprint, ending: Ending) {
        self.run = run
        self.node = node
        self.fingerprint = fingerprint
        self.ending = ending
    }

    /// The output of a success.
    public var output: [UInt8]? {
        if case .succeeded(let output) = ending { return output }
        return nil
    }
}

/// What a journal could not do. The node whose outcome was not kept fails with it.
public struct JournalError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What happened. Open: later versions may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        public init(description: String) { self.description = description }

        /// As many entries are kept as may be. Forget runs that have ended.
        public static let full = Code(description: "journal full")
        /// The store does not answer, or refuses.
        public static let unavailable = Code(description: "journal unavailable")
    }

    public let code: Code
    public let reason: String

    public init(code: Code, reason: String) {
        self.code = code
        self.reason = reason
    }

    public var description: String { "\(code): \(reason)" }
}
