internal import CGyre

/// Where a task with a handle stands, and who waits for it: two words of somebody else's memory.
///
/// Who may settle follows gyre_state.h, who is told gyre_waiters.h: an outcome that is written between ``claim()`` and
/// ``publish(_:)`` is seen by whoever saw ``isSettled`` or was called.
package struct TaskWords {
    package static let bytes = 16

    private let memory: UnsafeMutableRawPointer

    @inline(__always)
    package init(at memory: UnsafeMutableRawPointer) { self.memory = memory }

    @inline(__always)
    private var state: UnsafeMutablePointer<gyre_state> { memory.assumingMemoryBound(to: gyre_state.self) }

    @inline(__always)
    private var waiters: UnsafeMutablePointer<gyre_waiters> { (memory + 8).assumingMemoryBound(to: gyre_waiters.self) }

    /// A task that is ready and that nobody waits for. Before anybody else knows it.
    package func open() {
        gyre_state_open(state, 0, UInt32(GYRE_STATE_READY.rawValue))
        gyre_waiters_init(waiters)
    }

    // MARK: - Moves

    /// Ready to running. False when the task was cancelled first.
    package func start() -> Bool {
        gyre_state_move(state, 0, UInt32(GYRE_STATE_READY.rawValue), UInt32(GYRE_STATE_RUNNING.rawValue))
            == GYRE_MOVE_DONE
    }

    /// Claims the right to write the outcome. Exactly one caller gets it.
    package func claim() -> Bool { gyre_state_claim(state, 0) == GYRE_MOVE_DONE }

    /// Ends a claim: the outcome is written. Calls everybody who waits.
    package func publish(_ terminal: TerminalState) {
        _ = gyre_state_publish(state, 0, terminal.rawValue)  // the claimer's own word: cannot fail
        gyre_waiters_settle(waiters)
    }

    /// What became of a cancel.
    package enum Cancelled { case claimed, requested, lost }

    /// A task that has not started is claimed for the caller, who settles it; a running one is asked to stop.
    package func requestCancel() -> Cancelled {
        switch gyre_state_cancel(state, 0) {
        case GYRE_CANCEL_CLAIMED: return .claimed
        case GYRE_CANCEL_REQUESTED: return .requested
        default: return .lost
        }
    }

    /// Whether a running task has been asked to stop.
    package var isCancelling: Bool {
        gyre_state_name_of(gyre_state_load(state)) == UInt32(GYRE_STATE_CANCELLING.rawValue)
    }

    package var isSettled: Bool { gyre_waiters_is_settled(waiters) }

    // MARK: - Waiting

    /// Calls `resume` once the task is settled, on whichever thread settles it; at once when it is settled already.
    package func whenSettled(_ resume: @escaping @Sendable () -> Void) {
        let waiter = SettledWaiter.make(resume)
        if !gyre_waiters_add(waiters, waiter) { SettledWaiter.call(waiter) }
    }
}

/// The terminal states that this version settles tasks in.
package enum TerminalState: UInt32 {
    case succeeded = 8
    case failed = 9
    case timedOut = 10
    case cancelled = 11
}

/// A waiter that runs a closure: its node's word is the retained box.
private enum SettledWaiter {
    final class Box {
        let resume: @Sendable () -> Void
        init(_ resume: @escaping @Sendable () -> Void) { self.resume = resume }
    }

    static func make(_ resume: @escaping @Sendable () -> Void) -> UnsafeMutablePointer<gyre_waiter> {
        let waiter = UnsafeMutablePointer<gyre_waiter>.allocate(capacity: 1)
        let box = Unmanaged.passRetained(Box(resume))
        waiter.initialize(
            to: gyre_waiter(
                next: nil, settled: { SettledWaiter.call($0!) }, word: UInt64(UInt(bitPattern: box.toOpaque()))))
        return waiter
    }

    static func call(_ waiter: UnsafeMutablePointer<gyre_waiter>) {
        let word = waiter.pointee.word
        waiter.deallocate()
        guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
        Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().resume()
    }
}
