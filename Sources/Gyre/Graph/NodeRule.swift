/// What must have become of a node's parents for it to run. Looked at once, when all of them have ended.
///
/// *Failed* are parents that failed, timed out, or did not run because of such a one; *skipped* are those that were not
/// wanted: their condition or rule did not hold, they threw a `CancellationError`, or the edge from them was not taken
/// (``Node/when(_:)``). A node none of whose edges is taken is skipped under every rule but ``always``.
///
/// The rules are those of Apache Airflow, and so are their words.
public enum NodeRule: String, Sendable, CaseIterable {
    /// All parents succeeded. The default, and the only rule of a node that takes their values.
    case allSucceeded
    /// All parents have ended, however.
    case allDone
    /// At least one parent succeeded.
    case anySucceeded
    /// At least one parent failed.
    case anyFailed
    /// No parent failed: each succeeded or was skipped.
    case noneFailed
    /// No parent failed, and at least one succeeded: the rule of a join behind branches.
    case noneFailedMinOneSuccess
    /// It runs when all parents have ended, also in a run that was cancelled, failed fast or came too late. Only the
    /// end of the runtime keeps it from running. For cleaning up.
    case always
}

/// What a node's failure means to the rest of its run.
public enum GraphFailureMode: String, Sendable, CaseIterable {
    /// Nothing that has not started yet starts, but for nodes of the rule ``NodeRule/always``; async bodies that run
    /// are cancelled. Which nodes had started depends on the schedule.
    case failFast
    /// Nodes whose rule does not hold do not run, all others go on. The default.
    case skipDependants
    /// As ``skipDependants``, and a node of the default rule runs after parents that did not succeed as well, if it
    /// takes no value of theirs.
    case continueAll
    /// As ``failFast``; then what the completed nodes did is undone, in reverse order of their completion
    /// (`TaskGraph.undo`). A run that its caller cancels or that comes too late is undone
    /// as well; one that the end of the runtime cancels is not, because it may be taken up again.
    case compensate

    /// Whether the first failure ends the run.
    var stopsAtFailure: Bool { self == .failFast || self == .compensate }
}

/// What the parents of a node have come to, edge by edge, and whether its rule holds. A plain value: the room that
/// counts is ``GraphRun``.
struct ParentTally {
    private var succeeded = 0
    /// The first parent of its kind, or the node at fault for it.
    private var failed: Int32?
    private var skipped: Int32?
    private var first: Int32?
    private var isCancelled = false
    private var isTaken = false

    /// An edge that was not taken: its parent counts as skipped.
    mutating func addUntaken(_ parent: Int32) {
        first = first ?? parent
        skipped = skipped ?? parent
    }

    /// An edge whose parent need not have succeeded: it only has to have ended.
    mutating func addOrderOnly(_ parent: Int32) {
        first = first ?? parent
        isTaken = true
    }

    /// - Parameter cause: The node at fault for a parent that did not run.
    mutating func add(_ status: NodeStatus, _ parent: Int32, cause: Int32) {
        first = first ?? parent
        isTaken = true
        switch status {
        case .succeeded: succeeded += 1
        case .failed, .timedOut: failed = failed ?? parent
        case .upstreamFailed: failed = failed ?? cause
        case .skipped: skipped = skipped ?? cause
        case .cancelled: isCancelled = true
        case .waiting: preconditionFailure("a rule is looked at when all parents have ended")
        }
    }

    func verdict(_ rule: NodeRule) -> NodeVerdict {
        guard let first, rule != .always else { return .run }
        if isCancelled { return .cancelled }
        guard isTaken else { return .skipped(first) }
        switch rule {
        case .always, .allDone: return .run
        case .allSucceeded: return failed == nil && skipped == nil ? .run : notRun(first)
        case .anySucceeded: return succeeded > 0 ? .run : notRun(first)
        case .anyFailed: return failed != nil ? .run : .skipped(skipped ?? first)
        case .noneFailed: return failed == nil ? .run : notRun(first)
        case .noneFailedMinOneSuccess: return failed == nil && succeeded > 0 ? .run : notRun(first)
        }
    }

    private func notRun(_ first: Int32) -> NodeVerdict {
        if let failed { return .upstreamFailed(failed) }
        return .skipped(skipped ?? first)
    }
}

/// Whether a node runs, and if not, what it ends as and because of which node.
enum NodeVerdict: Equatable {
    case run
    case skipped(Int32)
    case upstreamFailed(Int32)
    case cancelled
}
