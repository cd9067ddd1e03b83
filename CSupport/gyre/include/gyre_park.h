// gyre_park.h: how a pool's workers sleep, and how they are woken: one at a time, and none in vain.
//
// Source      One searching worker at a time and a wake that is passed on: D. Vyukov's scheduler of Go and Tokio's idle
//             set. Here without a lock and without a list of sleepers: a mask, a token, and one futex word a worker.
// Progress    wake, prepare and withdraw are lock-free. sleep blocks, that is its purpose. Nobody ever waits for a
//             waker that was stopped: a sleeper's truth is its own bit of `idle`, the futex word only ends its sleep.
// Order       Given by the edges below; what a worker finds travels by the queues' own edges.
// Allocation  None; 64 bytes, and 64 more a worker.
//
//      running ──nothing found──▶ searching ──still nothing──▶ idle bit set ──look again──▶ asleep
//         ▲   (with the token when     │                          │ found: withdraw           │
//         │    that is free)           │ found: give it back       │ (bit gone: was woken)     │ a waker clears it and
//         └────────────────────────────┴──────────────────────────┴───────────────────────────┘ hands over the token
//
// The token (`searching` = 1) belongs to one worker that searches, or to one waker on its way to a worker. Who holds it
// answers for every item that is pushed meanwhile, because producers that see it wake nobody. So whoever gives it up
// looks once more afterwards, or takes an item and then looks whether to wake the next (the wake is passed on).
//
// I1  A worker whose bit is set in idle is asleep or about to be; whoever clears the bit, clears it for good: the
//     worker itself (withdraw), or exactly one waker, who hands it the token with that.
// P1 | P2  Two pairs must not both miss each other. Producer: push; fence; load idle, searching, closed. Worker: set
//          its bit (and give up the token); fence; look at all queues. Either the producer sees the bit, or the worker
//          sees the item. The same pair holds between a producer that sees the token taken and the
//          holder that gives it up.
// E1 -> E2  a waker clears the bit (release), the worker sees it gone (acquire): it then sees the item it was woken
//           for.
// E3 -> E4  the epoch is bumped after the bit is cleared (release) and loaded before the bit is looked at (acquire): a
//     worker that reads the new epoch sees its bit gone, and one that read the old is not put to sleep by the futex.

#ifndef GYRE_PARK_H
#define GYRE_PARK_H

#include "gyre_atomic.h"
#include "gyre_futex.h"

/// Workers of one pool, spares included: one bit each.
#define GYRE_PARK_WORKERS_MAX 64u

typedef struct gyre_parker {
    GYRE_CACHE_ALIGNED gyre_atomic_u32 epoch; // a line of its own: the sleeper's futex word, bumped by its wakers
} gyre_parker;

typedef struct gyre_park {
    GYRE_CACHE_ALIGNED gyre_atomic_u64 idle; // line 0: one bit a worker; loaded by every submit, stored when a worker
    gyre_atomic_u32 searching;               //         falls asleep or wakes
    gyre_atomic_u32 closed;                  //         stored once; here because every submit loads this line anyway
    gyre_parker *parkers;                    // one a worker
} gyre_park;

GYRE_INLINE void gyre_park_init(gyre_park *park, gyre_parker *parkers, uint32_t workers) {
    GYRE_ASSERT(workers <= GYRE_PARK_WORKERS_MAX);
    // Relaxed: nobody else knows the pool yet.
    gyre_store_relaxed(&park->idle, 0);
    gyre_store_relaxed(&park->searching, 0);
    gyre_store_relaxed(&park->closed, 0);
    park->parkers = parkers;
    for (uint32_t i = 0; i < workers; i++) gyre_store_relaxed(&parkers[i].epoch, 0);
}

/// Whether anybody sleeps. After a fence (P1).
GYRE_INLINE bool gyre_park_has_sleeper(gyre_park *park) {
    return gyre_load_relaxed(&park->idle) != 0; // ordered by the fence
}

/// Whether a wake has a point: somebody sleeps and nobody searches. After a fence (P1).
GYRE_INLINE bool gyre_park_wants_wake(gyre_park *park) {
    return gyre_park_has_sleeper(park) && gyre_load_relaxed(&park->searching) == 0; // ordered by the fence
}

/// Wakes one sleeping worker, which holds or shares the token then. False when nobody slept.
GYRE_INLINE bool gyre_park_wake_sleeper(gyre_park *park) {
    uint64_t idle = gyre_load_relaxed(&park->idle);
    while (idle != 0) {
        uint32_t worker = (uint32_t)__builtin_ctzll(idle);
        uint64_t bit = 1ull << worker;
        idle = gyre_fetch_and_release(&park->idle, ~bit); // E1
        if (idle & bit) {
            (void)gyre_fetch_add_release(&park->parkers[worker].epoch, 1); // E3
            gyre_futex_wake(&park->parkers[worker].epoch, 1);
            return true;
        }
        idle &= ~bit;
    }
    return false;
}

/// Wakes one sleeping worker and hands it the token. False when another holds the token, which then answers for the
/// item. When the token was free but nobody slept it is given back, and `*look_again` says that the caller must look
/// once more.
GYRE_INLINE bool gyre_park_wake_one(gyre_park *park, bool *look_again) {
    *look_again = false;
    uint32_t free_token = 0;
    // Relaxed: the token guards no data; what it promises rests on the fences.
    if (!gyre_cas_relaxed_relaxed(&park->searching, &free_token, 1)) return false;
    if (gyre_park_wake_sleeper(park)) return true;
    gyre_store_relaxed(&park->searching, 0);
    gyre_fence_seq_cst(); // P2: who saw the token taken before this has pushed before it, and the caller will see that
    *look_again = true;
    return false;
}

/// Takes the token if it is free: this worker searches now.
GYRE_INLINE bool gyre_park_start_search(gyre_park *park) {
    if (gyre_load_relaxed(&park->searching) != 0) return false;
    uint32_t free_token = 0;
    return gyre_cas_relaxed_relaxed(&park->searching, &free_token, 1); // as in gyre_park_wake_one
}

/// Gives the token back after something was found; the caller takes an item and then calls for the wake to be passed
/// on.
GYRE_INLINE void gyre_park_stop_search(gyre_park *park) {
    gyre_store_relaxed(&park->searching, 0);
    gyre_fence_seq_cst(); // P2, as in gyre_park_wake_one
}

/// Announces that `worker` is about to sleep, and gives up the token if it holds it. The caller looks at all queues
/// next, then either withdraws or sleeps.
GYRE_INLINE void gyre_park_prepare(gyre_park *park, uint32_t worker, bool holds_token) {
    (void)gyre_fetch_or_relaxed(&park->idle, 1ull << worker); // ordered by the fence
    if (holds_token) gyre_store_relaxed(&park->searching, 0);
    gyre_fence_seq_cst(); // P2
}

/// Takes the announcement back. True when a waker was faster: the worker holds the token now.
GYRE_INLINE bool gyre_park_withdraw(gyre_park *park, uint32_t worker) {
    uint64_t bit = 1ull << worker;
    return (gyre_fetch_and_acquire(&park->idle, ~bit) & bit) == 0; // E2
}

/// Sleeps until woken, or until `deadline_nanoseconds` of CLOCK_MONOTONIC. True when woken: the worker holds the token.
/// False when the deadline passed first; the announcement has been withdrawn.
GYRE_INLINE bool gyre_park_sleep(gyre_park *park, uint32_t worker, uint64_t deadline_nanoseconds) {
    gyre_atomic_u32 *epoch = &park->parkers[worker].epoch;
    uint64_t bit = 1ull << worker;
    for (;;) {
        uint32_t seen = gyre_load_acquire(epoch);                      // E4
        if (!(gyre_load_acquire(&park->idle) & bit)) return true;      // E2
        if (gyre_futex_wait(epoch, seen, deadline_nanoseconds) == GYRE_FUTEX_LATE) {
            return gyre_park_withdraw(park, worker);
        }
    }
}

#endif
