import CGyre
import Synchronization
import Testing

@Suite struct StateTests {
    @Test func theWordHoldsStateAttemptAndGeneration() {
        let state = State(generation: 0xff_ffff_ffff, first: GYRE_STATE_READY)
        let word = gyre_state_load(state.pointer)
        #expect(gyre_state_generation_of(word) == 0xff_ffff_ffff)
        #expect(gyre_state_attempt_of(word) == 0)
        #expect(gyre_state_name_of(word) == GYRE_STATE_READY.rawValue)
    }

    /// The table once more, written independently: each state with the states it may move to.
    @Test func exactlyTheMovesOfTheTableAreAllowed() {
        for from in 0..<UInt32(GYRE_STATE_COUNT) {
            for to in 0..<UInt32(GYRE_STATE_COUNT + 2) {
                let expected = allowedMoves[Int(from)].contains { $0.rawValue == to }
                #expect(gyre_state_may_move(from, to) == expected, "from \(from) to \(to)")
            }
        }
    }

    /// Every pair of states through the calls themselves: what is not allowed leaves the word as it was.
    @Test func aForbiddenMoveChangesNothing() {
        for from in 0..<UInt32(GYRE_STATE_COUNT) {
            for to in 0..<UInt32(GYRE_STATE_COUNT) {
                let state = State(generation: 9, first: GYRE_STATE_CREATED)
                let before = gyre_state_word(9, 3, from)
                state.pointer.pointee.word.value = before
                let result = gyre_state_move(state.pointer, 9, from, to)
                let settling = GYRE_STATE_SETTLING.rawValue
                if gyre_state_may_move(from, to), from != settling, to != settling {
                    #expect(result == GYRE_MOVE_DONE)
                    #expect(gyre_state_load(state.pointer) == gyre_state_word(9, 3, to))
                } else {
                    #expect(result == GYRE_MOVE_FORBIDDEN)
                    #expect(gyre_state_load(state.pointer) == before)
                }
            }
        }
    }

    @Test func aTerminalStateNeverChanges() {
        for terminal in terminals {
            let state = State(generation: 4, first: GYRE_STATE_CREATED)
            #expect(gyre_state_claim(state.pointer, 4) == GYRE_MOVE_DONE)
            #expect(gyre_state_publish(state.pointer, 4, terminal.rawValue) == GYRE_MOVE_DONE)
            let settled = gyre_state_load(state.pointer)
            for other in terminals {
                #expect(gyre_state_settle(state.pointer, 4, other.rawValue) == GYRE_MOVE_LOST)
                #expect(gyre_state_publish(state.pointer, 4, other.rawValue) == GYRE_MOVE_LOST)
            }
            #expect(gyre_state_claim(state.pointer, 4) == GYRE_MOVE_LOST)
            #expect(gyre_state_cancel(state.pointer, 4) == GYRE_CANCEL_LOST)
            #expect(gyre_state_retry(state.pointer, 4, true) == GYRE_MOVE_LOST)
            #expect(gyre_state_load(state.pointer) == settled)
        }
    }

    @Test func anotherGenerationIsStaleInEveryCall() {
        let state = State(generation: 7, first: GYRE_STATE_READY)
        let before = gyre_state_load(state.pointer)
        let ready = GYRE_STATE_READY.rawValue
        let cancelled = GYRE_STATE_CANCELLED.rawValue
        for generation: UInt64 in [0, 6, 8, 0xff_ffff_ffff] {
            #expect(
                gyre_state_move(state.pointer, generation, ready, GYRE_STATE_RUNNING.rawValue) == GYRE_MOVE_STALE)
            #expect(gyre_state_retry(state.pointer, generation, true) == GYRE_MOVE_STALE)
            #expect(gyre_state_settle(state.pointer, generation, cancelled) == GYRE_MOVE_STALE)
            #expect(gyre_state_claim(state.pointer, generation) == GYRE_MOVE_STALE)
            #expect(gyre_state_publish(state.pointer, generation, cancelled) == GYRE_MOVE_STALE)
            #expect(gyre_state_cancel(state.pointer, generation) == GYRE_CANCEL_STALE)
        }
        #expect(gyre_state_load(state.pointer) == before)
    }

    @Test func aClaimCannotBePublishedTwiceNorWithoutAClaim() {
        let state = State(generation: 1, first: GYRE_STATE_READY)
        let failed = GYRE_STATE_FAILED.rawValue
        #expect(gyre_state_publish(state.pointer, 1, failed) == GYRE_MOVE_LOST)
        #expect(gyre_state_claim(state.pointer, 1) == GYRE_MOVE_DONE)
        #expect(gyre_state_claim(state.pointer, 1) == GYRE_MOVE_LOST)
        #expect(gyre_state_publish(state.pointer, 1, GYRE_STATE_READY.rawValue) == GYRE_MOVE_FORBIDDEN)
        #expect(gyre_state_publish(state.pointer, 1, failed) == GYRE_MOVE_DONE)
        #expect(gyre_state_publish(state.pointer, 1, failed) == GYRE_MOVE_LOST)
    }

    @Test func settlingInOneStepAsksTheTable() {
        let state = State(generation: 1, first: GYRE_STATE_READY)
        #expect(gyre_state_settle(state.pointer, 1, GYRE_STATE_SUCCEEDED.rawValue) == GYRE_MOVE_FORBIDDEN)
        #expect(gyre_state_settle(state.pointer, 1, GYRE_STATE_RUNNING.rawValue) == GYRE_MOVE_FORBIDDEN)
        #expect(gyre_state_settle(state.pointer, 1, GYRE_STATE_SHED.rawValue) == GYRE_MOVE_DONE)
    }

    @Test func cancelClaimsWhatWaitsAndAsksWhatRuns() {
        let waiting: [gyre_state_name] = [
            GYRE_STATE_CREATED, GYRE_STATE_ADMITTED, GYRE_STATE_READY, GYRE_STATE_WAITING_RETRY, GYRE_STATE_SUSPENDED,
        ]
        for name in waiting {
            let state = State(generation: 2, first: GYRE_STATE_CREATED)
            state.pointer.pointee.word.value = gyre_state_word(2, 1, name.rawValue)
            #expect(gyre_state_cancel(state.pointer, 2) == GYRE_CANCEL_CLAIMED)
            #expect(gyre_state_publish(state.pointer, 2, GYRE_STATE_CANCELLED.rawValue) == GYRE_MOVE_DONE)
        }
        let running = State(generation: 2, first: GYRE_STATE_CREATED)
        running.pointer.pointee.word.value = gyre_state_word(2, 1, GYRE_STATE_RUNNING.rawValue)
        #expect(gyre_state_cancel(running.pointer, 2) == GYRE_CANCEL_REQUESTED)
        #expect(gyre_state_cancel(running.pointer, 2) == GYRE_CANCEL_LOST)
        #expect(gyre_state_settle(running.pointer, 2, GYRE_STATE_SUCCEEDED.rawValue) == GYRE_MOVE_DONE)
    }

    @Test func attemptsCountOnlyWhatIsHeldAgainstTheTaskAndStopAtTheirLimit() {
        let state = State(generation: 3, first: GYRE_STATE_READY)
        func attemptAgain(counts: Bool) -> UInt32 {
            #expect(
                gyre_state_move(state.pointer, 3, GYRE_STATE_READY.rawValue, GYRE_STATE_RUNNING.rawValue)
                    == GYRE_MOVE_DONE)
            #expect(gyre_state_retry(state.pointer, 3, counts) == GYRE_MOVE_DONE)
            #expect(
                gyre_state_move(state.pointer, 3, GYRE_STATE_WAITING_RETRY.rawValue, GYRE_STATE_READY.rawValue)
                    == GYRE_MOVE_DONE)
            return gyre_state_attempt_of(gyre_state_load(state.pointer))
        }
        #expect(attemptAgain(counts: true) == 1)
        #expect(attemptAgain(counts: false) == 1)
        state.pointer.pointee.word.value = gyre_state_word(3, 0xfffe, GYRE_STATE_READY.rawValue)
        #expect(attemptAgain(counts: true) == 0xffff)
        #expect(attemptAgain(counts: true) == 0xffff)
        #expect(gyre_state_generation_of(gyre_state_load(state.pointer)) == 3)
    }

    @Test func reopeningMovesTheGenerationOnAndWraps() {
        let state = State(generation: 0xff_ffff_ffff, first: GYRE_STATE_READY)
        #expect(gyre_state_settle(state.pointer, 0xff_ffff_ffff, GYRE_STATE_CANCELLED.rawValue) == GYRE_MOVE_DONE)
        #expect(gyre_state_reopen(state.pointer, GYRE_STATE_CREATED.rawValue) == 0)
        #expect(gyre_state_load(state.pointer) == gyre_state_word(0, 0, GYRE_STATE_CREATED.rawValue))
        #expect(gyre_state_claim(state.pointer, 0xff_ffff_ffff) == GYRE_MOVE_STALE)
    }

    /// Several threads settle each task at once. Exactly one may win, only the winner writes the outcome, in two plain
    /// words, and a reader that sees the terminal state must find both words of the same winner.
    @Test func oneSettlerWinsAndItsOutcomeIsWhole() {
        let tasks = 4_000
        let threads = 4
        let states = UnsafeMutablePointer<gyre_state>.allocate(capacity: tasks)
        defer { states.deallocate() }
        for task in 0..<tasks {
            states[task] = gyre_state()
            gyre_state_open(states + task, UInt64(task), GYRE_STATE_READY.rawValue)
            gyre_state_move(
                states + task, UInt64(task), GYRE_STATE_READY.rawValue, GYRE_STATE_RUNNING.rawValue)
        }
        let base = Address(states)
        let outcomes = Plain(count: 2 * tasks)
        let wins = Atomic(0)
        let torn = Atomic(0)
        onThreads(threads) { me in
            for step in 0..<tasks {
                let task = me % 2 == 0 ? step : tasks - 1 - step  // they meet in the middle, and in pairs all the way
                let state = base.pointer + task
                if me == 3 {
                    let word = gyre_state_load(state)
                    guard gyre_state_is_terminal(gyre_state_name_of(word)) else { continue }
                    if outcomes[2 * task] != outcomes[2 * task + 1] { torn.wrappingAdd(1, ordering: .relaxed) }
                } else if gyre_state_claim(state, UInt64(task)) == GYRE_MOVE_DONE {
                    wins.wrappingAdd(1, ordering: .relaxed)
                    outcomes[2 * task] = UInt64(me + 1)
                    outcomes[2 * task + 1] = UInt64(me + 1)
                    gyre_state_publish(state, UInt64(task), GYRE_STATE_FAILED.rawValue)
                }
            }
        }
        #expect(wins.load(ordering: .relaxed) == tasks)
        #expect(torn.load(ordering: .relaxed) == 0)
        #expect((0..<tasks).allSatisfy { outcomes[2 * $0] != 0 && outcomes[2 * $0] == outcomes[2 * $0 + 1] })
    }
}

private let terminals: [gyre_state_name] = [
    GYRE_STATE_SUCCEEDED, GYRE_STATE_FAILED, GYRE_STATE_TIMED_OUT, GYRE_STATE_CANCELLED, GYRE_STATE_SHED,
    GYRE_STATE_BUDGET_EXHAUSTED, GYRE_STATE_SKIPPED, GYRE_STATE_UPSTREAM_FAILED,
]

private let allowedMoves: [[gyre_state_name]] = [
    // created
    [GYRE_STATE_ADMITTED, GYRE_STATE_SETTLING] + terminals,
    // admitted
    [
        GYRE_STATE_READY, GYRE_STATE_SETTLING, GYRE_STATE_SUCCEEDED, GYRE_STATE_FAILED, GYRE_STATE_TIMED_OUT,
        GYRE_STATE_CANCELLED, GYRE_STATE_SHED, GYRE_STATE_BUDGET_EXHAUSTED,
    ],
    // ready
    [GYRE_STATE_RUNNING, GYRE_STATE_SETTLING, GYRE_STATE_TIMED_OUT, GYRE_STATE_CANCELLED, GYRE_STATE_SHED],
    // running
    [
        GYRE_STATE_WAITING_RETRY, GYRE_STATE_SUSPENDED, GYRE_STATE_CANCELLING, GYRE_STATE_SETTLING,
        GYRE_STATE_SUCCEEDED, GYRE_STATE_FAILED, GYRE_STATE_TIMED_OUT, GYRE_STATE_CANCELLED,
        GYRE_STATE_BUDGET_EXHAUSTED, GYRE_STATE_SKIPPED,
    ],
    // waitingRetry
    [
        GYRE_STATE_READY, GYRE_STATE_SETTLING, GYRE_STATE_FAILED, GYRE_STATE_TIMED_OUT, GYRE_STATE_CANCELLED,
        GYRE_STATE_SHED, GYRE_STATE_BUDGET_EXHAUSTED,
    ],
    // suspended
    [
        GYRE_STATE_READY, GYRE_STATE_SETTLING, GYRE_STATE_FAILED, GYRE_STATE_TIMED_OUT, GYRE_STATE_CANCELLED,
        GYRE_STATE_BUDGET_EXHAUSTED,
    ],
    // cancelling
    [
        GYRE_STATE_SETTLING, GYRE_STATE_SUCCEEDED, GYRE_STATE_FAILED, GYRE_STATE_TIMED_OUT, GYRE_STATE_CANCELLED,
        GYRE_STATE_BUDGET_EXHAUSTED, GYRE_STATE_SKIPPED,
    ],
    // settling
    terminals,
    // the terminal states
    [], [], [], [], [], [], [], [],
]

private final class State: @unchecked Sendable {  // the word is an atomic of CGyre
    let pointer = UnsafeMutablePointer<gyre_state>.allocate(capacity: 1)

    init(generation: UInt64, first: gyre_state_name) {
        pointer.initialize(to: gyre_state())
        gyre_state_open(pointer, generation, first.rawValue)
    }

    deinit { pointer.deallocate() }
}
