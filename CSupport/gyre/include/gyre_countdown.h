// gyre_countdown.h: how many parents a task still waits for.
//
// Source      The reference count, counting down once; the order of its decrements as in Boost's and Rust's counts.
// Progress    Wait-free: one read-modify-write a call.
// Order       Everything that any parent did before it arrived happens before what the last one does afterwards.
// Allocation  None; 4 bytes, written by every parent. Lay it where the last parent looks next: beside the child's
//             state.
//
//      open(n) ──arrive──▶ n - 1 ── ... ──▶ 1 ──arrive: true──▶ 0: the last parent starts the child
//                   ▲        │
//                   └──add───┘  by somebody who has not arrived himself, so it cannot be 0
//
// I1  Exactly one of n arrivals is told that it was the last.
// I2  The count leaves 0 only by the next open.
// C1 -> C2  each arrival releases; the last acquires the count that they all moved. Every change is a
//           read-modify-write, so the release of each parent is carried on by the later ones, and by add, which
//           therefore may be relaxed.

#ifndef GYRE_COUNTDOWN_H
#define GYRE_COUNTDOWN_H

#include "gyre_atomic.h"

typedef struct gyre_countdown {
    gyre_atomic_u32 pending;
} gyre_countdown;

/// Opens a count of `parents` arrivals, before any parent knows of it. A child without parents is started by its maker:
/// the count must not be 0.
GYRE_INLINE void gyre_countdown_open(gyre_countdown *countdown, uint32_t parents) {
    GYRE_ASSERT(parents > 0);
    gyre_store_relaxed(&countdown->pending, parents); // nobody else knows it yet; it travels with the child
}

/// One parent is done. True for the last one, which sees all that the others did before they arrived.
GYRE_INLINE bool gyre_countdown_arrive(gyre_countdown *countdown) {
    uint32_t before = gyre_fetch_sub_release(&countdown->pending, 1); // C1
    GYRE_ASSERT(before > 0);                                          // more arrivals than parents
    if (before != 1) return false;
    (void)gyre_load_acquire(&countdown->pending); // C2: reads the 0 that this call stored, at the end of all releases
    return true;
}

/// Makes the child wait for `parents` more. Only somebody may call who counts among those that have not arrived yet.
GYRE_INLINE void gyre_countdown_add(gyre_countdown *countdown, uint32_t parents) {
    uint32_t before = gyre_fetch_add_relaxed(&countdown->pending, parents); // C1 is carried on; publishes nothing
    GYRE_ASSERT(before > 0);                    // the child may have started
    GYRE_ASSERT(before <= UINT32_MAX - parents);
    (void)before;
}

/// How many have not arrived; for snapshots.
GYRE_INLINE uint32_t gyre_countdown_pending(const gyre_countdown *countdown) {
    return gyre_load_relaxed(&countdown->pending);
}

#endif
