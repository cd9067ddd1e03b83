// gyre_waiters.h: who waits for an outcome, and the one word that says it is there.
//
// Source      A Treiber stack that is only pushed to and emptied by one exchange: no node is ever popped while others
//             look, so the tag that such stacks need elsewhere is not needed here.
// Progress    add is lock-free, settle and is_settled are wait-free.
// Order       Who learns that the outcome is settled sees everything that the settler wrote before.
// Allocation  None; nodes belong to the waiters until settle hands them out.
//
//      0 (nobody waits) ──add──▶ newest waiter ─▶ … ─▶ oldest          settled (1): final
//             └────────────────────────┴──────── settle, once ──────────▶
//
// I1  settle is called once, by whoever won the right to (gyre_state.h, or a count that reached zero).
// V1 -> V2  settle releases the outcome; add (when refused) and is_settled acquire it.
// V3 -> V4  add releases its node; settle acquires all of them.

#ifndef GYRE_WAITERS_H
#define GYRE_WAITERS_H

#include "gyre_atomic.h"

#define GYRE_WAITERS_SETTLED 1ull

typedef struct gyre_waiter gyre_waiter;
struct gyre_waiter {
    gyre_waiter *next;
    void (*settled)(gyre_waiter *waiter); // called once; may free the node
    uint64_t word;                        // the waiter's own
};

typedef struct gyre_waiters {
    gyre_atomic_u64 newest;
} gyre_waiters;

GYRE_INLINE void gyre_waiters_init(gyre_waiters *waiters) {
    gyre_store_relaxed(&waiters->newest, 0); // nobody else knows it yet
}

GYRE_INLINE bool gyre_waiters_is_settled(gyre_waiters *waiters) {
    return gyre_load_acquire(&waiters->newest) == GYRE_WAITERS_SETTLED; // V2
}

/// Adds a waiter, which settle will call. False when it is settled already: the node stays the caller's, uncalled.
GYRE_INLINE bool gyre_waiters_add(gyre_waiters *waiters, gyre_waiter *waiter) {
    uint64_t newest = gyre_load_acquire(&waiters->newest); // V2
    do {
        if (newest == GYRE_WAITERS_SETTLED) return false;
        gyre_plain_write(waiter->next, (gyre_waiter *)(uintptr_t)newest);
    } while (!gyre_cas_release_acquire(&waiters->newest, &newest, (uint64_t)(uintptr_t)waiter)); // V3; V2 on failure
    return true;
}

/// Settles, and calls every waiter, oldest first.
GYRE_INLINE void gyre_waiters_settle(gyre_waiters *waiters) {
    uint64_t newest = gyre_exchange_acq_rel(&waiters->newest, GYRE_WAITERS_SETTLED); // V1, V4
    GYRE_ASSERT(newest != GYRE_WAITERS_SETTLED);                                    // I1
    gyre_waiter *oldest = NULL;
    for (gyre_waiter *waiter = (gyre_waiter *)(uintptr_t)newest; waiter != NULL;) {
        gyre_waiter *older = gyre_plain_read(waiter->next);
        gyre_plain_write(waiter->next, oldest);
        oldest = waiter;
        waiter = older;
    }
    while (oldest != NULL) {
        gyre_waiter *waiter = oldest;
        oldest = gyre_plain_read(waiter->next);
        waiter->settled(waiter);
    }
}

#endif
