// gyre_cached.h: the two words of an entry of a cache that those who only read it may change.
//
// Source      The visited bit is that of SIEVE: Y. Zhang, J. Yang, Y. Yue, Y. Vigfusson, K. V. Rashmi, "SIEVE is
//             simpler than LRU", NSDI 2024. New here: the instant of the next refresh is moved by who starts one, as a
//             lease is, so that a refresh that was lost keeps the next one back for a window and not for ever.
// Progress    Wait-free.
// Order       Who sees an entry open sees what was written into it before. The bit and the instant order nothing.
// Allocation  None: the words are part of the caller's entry.
//
//      marks:  0 ──open E1──▶ OPEN ──touch──▶ OPEN | VISITED ──sweep──▶ OPEN
//      due:    an instant ──claim, by one of all who find it passed──▶ a later one
//
// A reader finds entries through a table that orders them itself; the pair below says it in words that
// ThreadSanitizer and the model checker understand. Everything else in an entry never changes once it is open.
//
// E1 -> E2  open releases the entry; is_open acquires it.

#ifndef GYRE_CACHED_H
#define GYRE_CACHED_H

#include "gyre_atomic.h"

#define GYRE_CACHED_OPEN 1u
#define GYRE_CACHED_VISITED 2u
/// The due instant of an entry that is never refreshed.
#define GYRE_CACHED_NEVER UINT64_MAX

typedef struct gyre_cached {
    gyre_atomic_u64 due; // nanoseconds
    gyre_atomic_u32 marks;
} gyre_cached;

/// Opens an entry that is written and that nobody else knows. `visited` is what an entry that it replaces was.
GYRE_INLINE void gyre_cached_open(gyre_cached *cached, uint64_t due, bool visited) {
    gyre_store_relaxed(&cached->due, due); // nobody else knows it yet
    gyre_store_release(&cached->marks, GYRE_CACHED_OPEN | (visited ? GYRE_CACHED_VISITED : 0)); // E1
}

/// Looks at an entry before anything else of it is read. True of every entry that a table handed out.
GYRE_INLINE bool gyre_cached_is_open(const gyre_cached *cached) {
    return (gyre_load_acquire(&cached->marks) & GYRE_CACHED_OPEN) != 0; // E2
}

/// Remembers a use. A store, and that only for the first use since the last sweep: a line that all read stays shared.
GYRE_INLINE void gyre_cached_touch(gyre_cached *cached) {
    if (gyre_load_relaxed(&cached->marks) & GYRE_CACHED_VISITED) return;
    (void)gyre_fetch_or_relaxed(&cached->marks, GYRE_CACHED_VISITED);
}

/// Forgets the uses so far, and returns whether there were any.
GYRE_INLINE bool gyre_cached_sweep(gyre_cached *cached) {
    return (gyre_fetch_and_relaxed(&cached->marks, ~GYRE_CACHED_VISITED) & GYRE_CACHED_VISITED) != 0;
}

/// Whether a refresh is due at `now`.
GYRE_INLINE bool gyre_cached_is_due(const gyre_cached *cached, uint64_t now) {
    return gyre_load_relaxed(&cached->due) <= now;
}

/// Claims the refresh that is due at `now`; the next one is due at `next`, which lies after it. True for one caller at
/// most between two due instants.
GYRE_INLINE bool gyre_cached_claim(gyre_cached *cached, uint64_t now, uint64_t next) {
    GYRE_ASSERT(next > now);
    uint64_t due = gyre_load_relaxed(&cached->due); // the exchange decides
    return due <= now && gyre_cas_relaxed_relaxed(&cached->due, &due, next);
}

#endif
