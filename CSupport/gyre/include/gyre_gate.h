// gyre_gate.h: a drain gate: stop intake, then wait for what is inside.
//
// Source      The closing count of rundown protection (Windows' EX_RUNDOWN_REF), striped over cache lines.
// Progress    enter and leave are wait-free: one read-modify-write each, on a line that few threads share. close is
//             wait-free. wait blocks, that is its purpose, and lasts as long as the slowest that is inside.
// Order       What a thread did between enter and leave happens before the end of the wait.
// Allocation  In gyre_gate_create only; gyre_gate_init takes memory of the caller.
//
//      a stripe:   open, n inside ──close──▶ closed, n inside ──last leave: wakes──▶ closed, 0 inside: drained
//                  enter: n + 1, leave: n - 1          enter: refused
//
// Each stripe has a line of its own and is a count with the mark of closing in its top bit. Entering and closing meet
// in the same word, so its own order of changes decides who came first, and no fence is needed.
//
// I1  A thread is inside from an enter that found its stripe open to its leave, which names the same stripe.
// I2  Once a stripe is closed nobody comes inside: a closed stripe that was seen empty stays empty. (A refused enter
//     may have counted itself for a moment; it takes that back, and wakes in its turn if it was the last.)
// G1 -> G2  leave releases, the wait acquires the empty stripe. Every change is a read-modify-write, so the release of
//           each leave reaches the load that sees the stripe empty.
// G3  The futex word is the stripe: whoever makes a closed stripe empty wakes, after the change, and a waiter sleeps
//     only on the count it has seen. Hence no wake is lost (gyre_futex.h F1).

#ifndef GYRE_GATE_H
#define GYRE_GATE_H

#include "gyre_atomic.h"
#include "gyre_futex.h"

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(GYRE_GATE_STRIPES)
#define GYRE_GATE_STRIPES 16u // a power of two
#endif

#define GYRE_GATE_CLOSED 0x80000000u

typedef struct gyre_gate_stripe {
    GYRE_CACHE_ALIGNED gyre_atomic_u32 word; // a line of its own: closed 1 | inside 31
} gyre_gate_stripe;

typedef struct gyre_gate {
    gyre_gate_stripe stripes[GYRE_GATE_STRIPES];
} gyre_gate;

GYRE_STATIC_ASSERT((GYRE_GATE_STRIPES & (GYRE_GATE_STRIPES - 1)) == 0, "a stripe is chosen by masking");
GYRE_STATIC_ASSERT(sizeof(gyre_gate_stripe) == GYRE_CACHE_LINE_BYTES, "two stripes must not share a cache line");

/// An open gate, or NULL when memory is out.
gyre_gate *gyre_gate_create(void);

/// Nobody may use the gate any more.
void gyre_gate_destroy(gyre_gate *gate);

GYRE_INLINE void gyre_gate_init(gyre_gate *gate) {
    for (uint32_t i = 0; i < GYRE_GATE_STRIPES; i++) {
        gyre_store_relaxed(&gate->stripes[i].word, 0); // nobody else knows the gate yet
    }
}

GYRE_INLINE gyre_atomic_u32 *gyre_gate_word(gyre_gate *gate, uint32_t stripe) {
    return &gate->stripes[stripe & (GYRE_GATE_STRIPES - 1)].word;
}

/// Goes inside, unless the gate is closed: then false. Any number names a stripe; threads that differ in it do not
/// disturb each other. The same number goes to leave, on whatever thread that happens.
GYRE_INLINE bool gyre_gate_enter(gyre_gate *gate, uint32_t stripe) {
    gyre_atomic_u32 *word = gyre_gate_word(gate, stripe);
    if (gyre_unlikely(gyre_load_relaxed(word) & GYRE_GATE_CLOSED)) return false; // final, whenever it is seen (I2)
    uint32_t before = gyre_fetch_add_relaxed(word, 1); // reads nothing that others wrote; carries G1 on
    GYRE_ASSERT((before & ~GYRE_GATE_CLOSED) != ~GYRE_GATE_CLOSED);
    if (gyre_likely(!(before & GYRE_GATE_CLOSED))) return true;
    before = gyre_fetch_sub_relaxed(word, 1); // it never was inside, so it has nothing to release
    if (before == (GYRE_GATE_CLOSED | 1)) gyre_futex_wake(word, GYRE_FUTEX_WAKE_ALL); // G3
    return false;
}

/// Comes out again. `stripe` as given to enter.
GYRE_INLINE void gyre_gate_leave(gyre_gate *gate, uint32_t stripe) {
    gyre_atomic_u32 *word = gyre_gate_word(gate, stripe);
    uint32_t before = gyre_fetch_sub_release(word, 1); // G1
    GYRE_ASSERT((before & ~GYRE_GATE_CLOSED) != 0);    // more leaves than enters, or another stripe
    if (gyre_unlikely(before == (GYRE_GATE_CLOSED | 1))) gyre_futex_wake(word, GYRE_FUTEX_WAKE_ALL); // G3
}

/// Refuses whoever comes from now on. True for the first closer.
GYRE_INLINE bool gyre_gate_close(gyre_gate *gate) {
    bool first = true;
    for (uint32_t i = 0; i < GYRE_GATE_STRIPES; i++) {
        uint32_t before = gyre_fetch_or_relaxed(&gate->stripes[i].word, GYRE_GATE_CLOSED); // I2; carries G1 on
        if (i == 0) first = !(before & GYRE_GATE_CLOSED);
    }
    return first;
}

/// Whether the gate was closed: every enter that begins after the close is refused. Orders nothing by itself: on a
/// processor other than the closer's an enter may come before it has seen its own stripe closed.
GYRE_INLINE bool gyre_gate_is_closed(const gyre_gate *gate) {
    // Relaxed: final once seen. The last stripe, which is closed when all are.
    return (gyre_load_relaxed(&gate->stripes[GYRE_GATE_STRIPES - 1].word) & GYRE_GATE_CLOSED) != 0;
}

/// After close: sleeps until nobody is inside, or until `deadline_nanoseconds` of CLOCK_MONOTONIC
/// (GYRE_FUTEX_NO_DEADLINE for none). True when nobody is inside any more; false when the deadline passed first.
/// Several threads may wait, and one may wait again.
GYRE_INLINE bool gyre_gate_wait(gyre_gate *gate, uint64_t deadline_nanoseconds) {
    for (uint32_t i = 0; i < GYRE_GATE_STRIPES; i++) {
        gyre_atomic_u32 *word = &gate->stripes[i].word;
        bool expired = false;
        for (;;) {
            uint32_t seen = gyre_load_acquire(word); // G2
            GYRE_ASSERT(seen & GYRE_GATE_CLOSED);
            if (seen == GYRE_GATE_CLOSED) break; // and stays so: I2
            if (expired) return false;
            expired = gyre_futex_wait(word, seen, deadline_nanoseconds) == GYRE_FUTEX_LATE; // G3
        }
    }
    return true;
}

/// How many are inside, roughly: stripe by stripe while others come and go. Exact when nobody does.
GYRE_INLINE uint64_t gyre_gate_inside(const gyre_gate *gate) {
    uint64_t inside = 0;
    for (uint32_t i = 0; i < GYRE_GATE_STRIPES; i++) {
        inside += gyre_load_relaxed(&gate->stripes[i].word) & ~GYRE_GATE_CLOSED; // an estimate; orders nothing
    }
    return inside;
}

#ifdef __cplusplus
}
#endif

#endif
