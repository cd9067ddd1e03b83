import GyreCore
import GyrePolicy

/// What a run keeps beside its cells while it needs it: async bodies that run, maps, and what may have to be undone.
/// Only runs of plans that have such nodes have a ledger, and only these nodes come here.
final class RunLedger: Sendable {
    private struct State {
        /// By the step that follows when they have ended.
        var running: [UInt64: RunningBody] = [:]
        var expansions: [Int: Expansion] = [:]
        /// Nodes to undo, in the order of their completion.
        var completed: [Int] = []
        var undone: [UndoReport] = []
        /// Of the node that is being undone.
        var attempts = 0
        var retry = RetryState()
        var lastError: (any Error)?
    }

    private let state = Lock(State())

    // MARK: - Async bodies

    func add(_ body: RunningBody, endingIn step: GraphStep) {
        state.withLock { $0.running[step.word] = body }
    }

    /// The body that has ended, once.
    func take(endedIn step: GraphStep) -> RunningBody {
        guard let body = state.withLock({ $0.running.removeValue(forKey: step.word) }) else {
            preconditionFailure("a body ends once")
        }
        return body
    }

    /// Cancels what runs. Who begins adds its body first and looks whether the run was cancelled then, so that one of
    /// both sees the other.
    func cancelRunning(evenAlways: Bool) {
        let tasks = state.withLock { state in
            state.running.values.filter { !$0.isProtected || evenAlways }.map(\.task)
        }
        for task in tasks { _ = task.cancel() }
    }

    // MARK: - Maps

    func add(_ expansion: Expansion, of node: Int) { state.withLock { $0.expansions[node] = expansion } }
    func expansion(of node: Int) -> Expansion {
        guard let expansion = state.withLock({ $0.expansions[node] }) else {
            preconditionFailure("a map lives until its last member has ended")
        }
        return expansion
    }
    func removeExpansion(of node: Int) { state.withLock { $0.expansions[node] = nil } }

    // MARK: - Undoing

    func addCompleted(_ node: Int) { state.withLock { $0.completed.append(node) } }

    /// The node to undo now: the one that completed last.
    var toUndo: Int? { state.withLock { $0.completed.last } }

    /// Counts an attempt at the node that is being undone.
    func addAttempt(_ error: (any Error)?) {
        state.withLock { state in
            state.attempts += 1
            state.lastError = error
        }
    }

    /// What the backoff of this node remembers.
    var retry: RetryState {
        get { state.withLock { $0.retry } }
        set { state.withLock { $0.retry = newValue } }
    }

    /// The node is dealt with. Always true.
    func endUndo(_ name: String) -> Bool {
        state.withLock { state in
            state.completed.removeLast()
            state.undone.append(UndoReport(name: name, attempts: state.attempts, error: state.lastError))
            state.attempts = 0
            state.retry = RetryState()
            state.lastError = nil
        }
        return true
    }

    var undone: [UndoReport] { state.withLock { $0.undone } }
}

/// An async body of a run.
///
/// `@unchecked Sendable`: the task is safe to share, see ``TaskCore``.
struct RunningBody: @unchecked Sendable {
    let task: TaskCore
    /// Moves the value to where the run keeps it.
    let store: @Sendable (UnsafeMutableRawPointer, UnsafePointer<Int32>) -> Void
    /// Whether it goes on when its run is cancelled, and ends with the runtime only.
    let isProtected: Bool
}

/// An async body with what it needs taken out of the run: it may outlive it, when it ignores that it was given up.
@usableFromInline
struct AsyncCall: Sendable {
    let body: AsyncBody
    let store: @Sendable (UnsafeMutableRawPointer, UnsafePointer<Int32>) -> Void

    @usableFromInline
    init(
        body: @escaping AsyncBody, store: @escaping @Sendable (UnsafeMutableRawPointer, UnsafePointer<Int32>) -> Void
    ) {
        self.body = body
        self.store = store
    }
}
