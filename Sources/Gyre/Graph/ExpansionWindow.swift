import GyreCore

/// Which members of a map run, which have ended and wait to be delivered, and who looks after that: one caretaker at a
/// time, who alone takes items, delivers outcomes and ends the map.
///
/// A slot is kept from the taking of its item to the delivery of its outcome, so no more than a window of items and
/// outcomes exist at once, in whatever order members end.
final class ExpansionWindow: Sendable {
    /// What the caretaker does next.
    enum Duty: Equatable {
        /// Delivers the outcome in a slot, that of the index-th item.
        case deliver(slot: Int, index: Int)
        /// Takes the index-th item into a slot.
        case take(slot: Int, index: Int)
        /// Ends the map: nothing runs, nothing waits, nothing is to come. Once.
        case end
        /// Leaves: a member that ends brings the next caretaker.
        case leave
    }

    private struct State {
        /// The item of each slot that is in use; of others, the last one.
        var indices: [Int]
        var free: [Int]
        /// Slots whose members have ended and are not delivered, in the order in which they ended.
        var ended: [Int] = []
        var running = 0
        var taken = 0
        var delivered = 0
        var isExhausted = false
        var isStopped = false
        var hasCaretaker = false
        var hasEnded = false
    }

    private let state: Lock<State>
    private let order: MapOrder

    init(slots: Int, order: MapOrder) {
        self.order = order
        state = Lock(State(indices: Array(repeating: -1, count: slots), free: Array((0..<slots).reversed())))
    }

    /// True when the caller is the caretaker now.
    func enter() -> Bool { state.withLock { Self.enter(&$0) } }

    /// A member has ended. When this returns a duty the caller is the caretaker now; after `nil` the map may be gone.
    func memberEnded(_ slot: Int) -> Duty? {
        state.withLock { state in
            state.running -= 1
            state.ended.append(slot)
            return Self.enter(&state) ? nextDuty(&state) : nil
        }
    }

    private static func enter(_ state: inout State) -> Bool {
        if state.hasCaretaker || state.hasEnded { return false }
        state.hasCaretaker = true
        return true
    }

    // MARK: - For the caretaker

    /// What became of the duty before.
    enum Done: Equatable {
        /// There was none, or an item was taken.
        case nothing
        /// An outcome has been delivered; its slot is free.
        case delivered(slot: Int)
        /// There was no further item for a slot.
        case exhausted(slot: Int)
        /// A member could not be begun, and has its outcome.
        case ended(slot: Int)
    }

    /// - Parameter isStopped: Nothing more is to be taken or delivered, from now on.
    func nextDuty(after done: Done, isStopped: Bool) -> Duty {
        state.withLock { state in
            switch done {
            case .nothing: break
            case .delivered(let slot):
                state.delivered += 1
                Self.release(slot, &state)
            case .exhausted(let slot):
                state.isExhausted = true
                state.running -= 1
                Self.release(slot, &state)
            case .ended(let slot):
                state.running -= 1
                state.ended.append(slot)
            }
            if isStopped { state.isStopped = true }
            return nextDuty(&state)
        }
    }

    private func nextDuty(_ state: inout State) -> Duty {
        if state.isStopped {
            for slot in state.ended { Self.release(slot, &state) }
            state.ended = []
        } else if let place = deliverable(state) {
            let slot = state.ended.remove(at: place)
            return .deliver(slot: slot, index: state.indices[slot])
        }
        if !state.isStopped, !state.isExhausted, let slot = state.free.popLast() {
            let index = state.taken
            state.indices[slot] = index
            state.taken += 1
            state.running += 1
            return .take(slot: slot, index: index)
        }
        if state.running == 0, state.isStopped || state.isExhausted {
            state.hasEnded = true
            return .end
        }
        state.hasCaretaker = false
        return .leave
    }

    private func deliverable(_ state: State) -> Int? {
        switch order {
        case .completion: return state.ended.isEmpty ? nil : 0
        case .items: return state.ended.firstIndex { state.indices[$0] == state.delivered }
        }
    }

    private static func release(_ slot: Int, _ state: inout State) { state.free.append(slot) }
}
