// gyre_state.h: where a task stands, in one word, and who may settle it: exactly one.
//
// Source      Ours; a state machine driven by compare-and-swap, with a generation as in tagged pointers.
// Progress    Every call is lock-free: an exchange fails only because somebody else has moved the task. A thread that
//             stops between claim and publish leaves its task unsettled, and no other.
// Order       Who moves a task sees what all earlier movers wrote before their moves; who loads a state, the same.
// Allocation  None; 8 bytes, written by whoever moves the task.
//
// The word is | generation 40 | attempt 16 | state 8 |.
//
//      created ─▶ admitted ─▶ ready ───────▶ running ─▶ cancelling
//                               ▲              │
//                               ├─ waitingRetry◀┤ between two attempts
//                               └─ suspended ◀──┘ within one
//
//      any of these ─ claim ─▶ settling ─ publish ─▶ succeeded failed timedOut cancelled shed
//              └────────────── settle ─────────────▶ budgetExhausted skipped upstreamFailed
//
// A settler whose outcome is the state alone, or who is the only one that ever writes the outcome (the runner), settles
// in one step. Where several may write it (a deadline, a hedge, a cancel), each claims first, and only the winner
// writes.
//
// I1  Within a generation a terminal state never changes: no move leads out of it.
// I2  At most one thread takes a generation to settling or, without it, to a terminal state: both are one exchange,
//     from a state that is neither.
// I3  From claim to publish the word is its claimer's alone, so publish is a store and not an exchange.
// I4  A caller names the generation it means. Any other is stale: an answer, not a crash.
// S1 -> S2  a move releases what its mover wrote; the next mover, and whoever loads the state, acquires it. Every
//           change but publish and open is a read-modify-write, so each release reaches all later acquires.
// S3 -> S2  publish releases the outcome, and with it all that the claimer acquired (S2), to whoever sees the terminal
//           state.
//
// The outcome may be read by whoever saw the terminal state of its generation and knows that the record is not given to
// a next generation meanwhile (it holds a reference): reopening waits for nobody.

#ifndef GYRE_STATE_H
#define GYRE_STATE_H

#include "gyre_atomic.h"

typedef enum gyre_state_name {
    GYRE_STATE_CREATED = 0,       // not admitted yet; a graph's node whose parents are not done
    GYRE_STATE_ADMITTED = 1,      // its policies said yes
    GYRE_STATE_READY = 2,         // only a worker is missing
    GYRE_STATE_RUNNING = 3,
    GYRE_STATE_WAITING_RETRY = 4, // between two attempts
    GYRE_STATE_SUSPENDED = 5,     // between two steps of one attempt
    GYRE_STATE_CANCELLING = 6,    // asked to stop, still running
    GYRE_STATE_SETTLING = 7,      // one thread is writing the outcome
    GYRE_STATE_SUCCEEDED = 8,     // from here on terminal
    GYRE_STATE_FAILED = 9,
    GYRE_STATE_TIMED_OUT = 10,
    GYRE_STATE_CANCELLED = 11,
    GYRE_STATE_SHED = 12,
    GYRE_STATE_BUDGET_EXHAUSTED = 13,
    GYRE_STATE_SKIPPED = 14,
    GYRE_STATE_UPSTREAM_FAILED = 15,
} gyre_state_name;

#define GYRE_STATE_COUNT 16u

typedef enum gyre_move_result {
    GYRE_MOVE_DONE = 0,
    GYRE_MOVE_LOST = 1,      // the task is not, or no longer, in a state that this call moves from
    GYRE_MOVE_STALE = 2,     // the word belongs to another generation
    GYRE_MOVE_FORBIDDEN = 3, // the table has no such move, wherever the task stands
} gyre_move_result;

typedef enum gyre_cancel_result {
    GYRE_CANCEL_CLAIMED = 0,   // it was not running: the caller has claimed it and publishes `cancelled`
    GYRE_CANCEL_REQUESTED = 1, // it is running and has been asked to stop
    GYRE_CANCEL_LOST = 2,      // it was asked before, is being settled, or is settled
    GYRE_CANCEL_STALE = 3,     // the word belongs to another generation
} gyre_cancel_result;

typedef struct gyre_state {
    gyre_atomic_u64 word;
} gyre_state;

#define GYRE_STATE_ATTEMPT_SHIFT 8
#define GYRE_STATE_ATTEMPT_MAX 0xffffu // the count stays there
#define GYRE_STATE_GENERATION_SHIFT 24
#define GYRE_STATE_GENERATION_MASK 0xffffffffffull

GYRE_INLINE uint64_t gyre_state_word(uint64_t generation, uint32_t attempt, uint32_t name) {
    return generation << GYRE_STATE_GENERATION_SHIFT | (uint64_t)attempt << GYRE_STATE_ATTEMPT_SHIFT | name;
}

GYRE_INLINE uint32_t gyre_state_name_of(uint64_t word) { return (uint32_t)(word & 0xff); }

GYRE_INLINE uint32_t gyre_state_attempt_of(uint64_t word) {
    return (uint32_t)(word >> GYRE_STATE_ATTEMPT_SHIFT) & GYRE_STATE_ATTEMPT_MAX;
}

GYRE_INLINE uint64_t gyre_state_generation_of(uint64_t word) { return word >> GYRE_STATE_GENERATION_SHIFT; }

GYRE_INLINE bool gyre_state_is_terminal(uint32_t name) { return name >= GYRE_STATE_SUCCEEDED; }

/// The states that `from` may move to, one bit each: the table of allowed moves.
GYRE_INLINE uint32_t gyre_state_moves(uint32_t from) {
    const uint32_t settling = 1u << GYRE_STATE_SETTLING;
    const uint32_t stopped = 1u << GYRE_STATE_FAILED | 1u << GYRE_STATE_TIMED_OUT | 1u << GYRE_STATE_CANCELLED |
                             1u << GYRE_STATE_BUDGET_EXHAUSTED;
    const uint32_t shed = 1u << GYRE_STATE_SHED;
    const uint32_t ended = stopped | 1u << GYRE_STATE_SUCCEEDED | 1u << GYRE_STATE_SKIPPED;
    switch (from) {
    case GYRE_STATE_CREATED: // a stored outcome succeeds without running
        return 1u << GYRE_STATE_ADMITTED | settling | ended | shed | 1u << GYRE_STATE_UPSTREAM_FAILED;
    case GYRE_STATE_ADMITTED: // so does the outcome of another task that this one was attached to
        return 1u << GYRE_STATE_READY | settling | stopped | shed | 1u << GYRE_STATE_SUCCEEDED;
    case GYRE_STATE_READY:
        return 1u << GYRE_STATE_RUNNING | settling | shed | 1u << GYRE_STATE_TIMED_OUT | 1u << GYRE_STATE_CANCELLED;
    case GYRE_STATE_RUNNING:
        return 1u << GYRE_STATE_WAITING_RETRY | 1u << GYRE_STATE_SUSPENDED | 1u << GYRE_STATE_CANCELLING | settling |
               ended;
    case GYRE_STATE_WAITING_RETRY:
        return 1u << GYRE_STATE_READY | settling | stopped | shed;
    case GYRE_STATE_SUSPENDED:
        return 1u << GYRE_STATE_READY | settling | stopped;
    case GYRE_STATE_CANCELLING: // a body that was asked too late still succeeds; none is retried
        return settling | ended;
    case GYRE_STATE_SETTLING:
        return ended | shed | 1u << GYRE_STATE_UPSTREAM_FAILED;
    default:
        return 0; // I1
    }
}

GYRE_INLINE bool gyre_state_may_move(uint32_t from, uint32_t to) {
    if (to >= GYRE_STATE_COUNT) return false;
    return (gyre_state_moves(from) >> to & 1) != 0;
}

/// Starts the first generation of a word that nobody else knows yet. `first` is created, admitted or ready: a task
/// without policies or parents needs no steps to where it stands anyway.
GYRE_INLINE void gyre_state_open(gyre_state *state, uint64_t generation, uint32_t first) {
    GYRE_ASSERT(first <= GYRE_STATE_READY);
    GYRE_ASSERT(generation <= GYRE_STATE_GENERATION_MASK);
    // Relaxed: the task travels to others by an edge of its own, and who comes with another generation only learns
    // that.
    gyre_store_relaxed(&state->word, gyre_state_word(generation, 0, first));
}

/// Starts the next generation after a terminal state and returns it. For the record's owner alone.
GYRE_INLINE uint64_t gyre_state_reopen(gyre_state *state, uint32_t first) {
    uint64_t seen = gyre_load_relaxed(&state->word); // nobody else moves out of a terminal state (I1)
    GYRE_ASSERT(gyre_state_is_terminal(gyre_state_name_of(seen)));
    uint64_t generation = (gyre_state_generation_of(seen) + 1) & GYRE_STATE_GENERATION_MASK;
    gyre_state_open(state, generation, first);
    return generation;
}

/// The word, and by its state all that led there (S2).
GYRE_INLINE uint64_t gyre_state_load(const gyre_state *state) { return gyre_load_acquire(&state->word); } // S2

/// Moves a task from one state to another that is not `settling`, as the table allows it.
GYRE_INLINE gyre_move_result gyre_state_move(gyre_state *state, uint64_t generation, uint32_t from, uint32_t to) {
    if (to == GYRE_STATE_SETTLING) return GYRE_MOVE_FORBIDDEN;   // by claim, which promises less
    if (from == GYRE_STATE_SETTLING) return GYRE_MOVE_FORBIDDEN; // by publish, which only the claimer may call
    if (!gyre_state_may_move(from, to)) return GYRE_MOVE_FORBIDDEN;
    uint64_t seen = gyre_load_relaxed(&state->word); // the exchange decides and acquires
    for (;;) {
        if (gyre_state_generation_of(seen) != generation) return GYRE_MOVE_STALE;
        if (gyre_state_name_of(seen) != from) return GYRE_MOVE_LOST;
        uint64_t moved = gyre_state_word(generation, gyre_state_attempt_of(seen), to);
        if (gyre_cas_acq_rel_relaxed(&state->word, &seen, moved)) return GYRE_MOVE_DONE; // S1, S2
    }
}

/// Ends an attempt that will be followed by another: running to waitingRetry. `counts` is false for one that is not
/// held against the task, because it asked to sleep or was interrupted.
GYRE_INLINE gyre_move_result gyre_state_retry(gyre_state *state, uint64_t generation, bool counts) {
    uint64_t seen = gyre_load_relaxed(&state->word); // the exchange decides and acquires
    for (;;) {
        if (gyre_state_generation_of(seen) != generation) return GYRE_MOVE_STALE;
        if (gyre_state_name_of(seen) != GYRE_STATE_RUNNING) return GYRE_MOVE_LOST;
        uint32_t attempt = gyre_state_attempt_of(seen);
        if (counts && attempt < GYRE_STATE_ATTEMPT_MAX) attempt += 1;
        uint64_t moved = gyre_state_word(generation, attempt, GYRE_STATE_WAITING_RETRY);
        if (gyre_cas_acq_rel_relaxed(&state->word, &seen, moved)) return GYRE_MOVE_DONE; // S1, S2
    }
}

/// Settles in one step, from whatever state the task is in. Of all settlers and claimers of a generation one gets
/// GYRE_MOVE_DONE; the others get GYRE_MOVE_LOST. FORBIDDEN when the present state has no move to `terminal`.
GYRE_INLINE gyre_move_result gyre_state_settle(gyre_state *state, uint64_t generation, uint32_t terminal) {
    if (!gyre_state_is_terminal(terminal)) return GYRE_MOVE_FORBIDDEN;
    uint64_t seen = gyre_load_relaxed(&state->word); // the exchange decides and acquires
    for (;;) {
        if (gyre_state_generation_of(seen) != generation) return GYRE_MOVE_STALE;
        uint32_t name = gyre_state_name_of(seen);
        if (name >= GYRE_STATE_SETTLING) return GYRE_MOVE_LOST; // I2
        if (!gyre_state_may_move(name, terminal)) return GYRE_MOVE_FORBIDDEN;
        uint64_t settled = gyre_state_word(generation, gyre_state_attempt_of(seen), terminal);
        if (gyre_cas_acq_rel_relaxed(&state->word, &seen, settled)) return GYRE_MOVE_DONE; // S1, S2
    }
}

/// Claims the right to settle. After GYRE_MOVE_DONE the outcome is the caller's alone to write, and it must publish.
GYRE_INLINE gyre_move_result gyre_state_claim(gyre_state *state, uint64_t generation) {
    uint64_t seen = gyre_load_relaxed(&state->word); // the exchange decides and acquires
    for (;;) {
        if (gyre_state_generation_of(seen) != generation) return GYRE_MOVE_STALE;
        if (gyre_state_name_of(seen) >= GYRE_STATE_SETTLING) return GYRE_MOVE_LOST; // I2
        uint64_t claimed = gyre_state_word(generation, gyre_state_attempt_of(seen), GYRE_STATE_SETTLING);
        if (gyre_cas_acquire_relaxed(&state->word, &seen, claimed)) return GYRE_MOVE_DONE; // S2; publish releases
    }
}

/// Ends a claim: the outcome is written, and whoever sees `terminal` sees it. For the claimer alone, once (I3).
GYRE_INLINE gyre_move_result gyre_state_publish(gyre_state *state, uint64_t generation, uint32_t terminal) {
    if (!gyre_state_is_terminal(terminal)) return GYRE_MOVE_FORBIDDEN;
    uint64_t seen = gyre_load_relaxed(&state->word); // I3: the caller's own store, unless it may not publish at all
    if (gyre_state_generation_of(seen) != generation) return GYRE_MOVE_STALE;
    if (gyre_state_name_of(seen) != GYRE_STATE_SETTLING) return GYRE_MOVE_LOST;
    gyre_store_release(&state->word, gyre_state_word(generation, gyre_state_attempt_of(seen), terminal)); // S3
    return GYRE_MOVE_DONE;
}

/// Cancels: a task that is not running is claimed at once, a running one is asked to stop and settles itself.
GYRE_INLINE gyre_cancel_result gyre_state_cancel(gyre_state *state, uint64_t generation) {
    uint64_t seen = gyre_load_relaxed(&state->word); // the exchange decides and acquires
    for (;;) {
        if (gyre_state_generation_of(seen) != generation) return GYRE_CANCEL_STALE;
        uint32_t name = gyre_state_name_of(seen);
        if (name >= GYRE_STATE_CANCELLING) return GYRE_CANCEL_LOST;
        bool running = name == GYRE_STATE_RUNNING;
        uint64_t moved = gyre_state_word(generation, gyre_state_attempt_of(seen),
                                         running ? GYRE_STATE_CANCELLING : GYRE_STATE_SETTLING);
        // S1 for the runner, who may read why it was cancelled; S2 for the claimer.
        if (gyre_cas_acq_rel_relaxed(&state->word, &seen, moved)) {
            return running ? GYRE_CANCEL_REQUESTED : GYRE_CANCEL_CLAIMED;
        }
    }
}

#endif
