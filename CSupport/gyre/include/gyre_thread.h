// gyre_thread.h: small numbers for threads, no two alike among those that live.
//
// Source      A bit for each number, as file descriptors are handed out: the lowest free one.
// Progress    gyre_thread_number is wait-free once its thread has a number; the first call of a thread is lock-free,
//             and asks the C library to be told of the thread's end. For any number of threads; there are 64 numbers.
// Order       What a thread did before it gave its number back happens before what the next one with it does
//             (N1 -> N2), so that plain memory may belong to a number.
// Allocation  None of its own.
//
//      no mark ──first call──▶ number + 1 ──thread ends──▶ retired: no number any more
//
// I1  A bit is set by the thread that gets the number, and cleared by that thread only.
// N1 -> N2  return releases, claim acquires. Every change is a read-modify-write, so a later change of another bit does
//           not break the edge.

#ifndef GYRE_THREAD_H
#define GYRE_THREAD_H

#include "gyre_atomic.h"

#define GYRE_THREAD_NUMBERS 64u
/// A thread without a number: there were none left, or it is ending.
#define GYRE_THREAD_NONE UINT32_MAX

/// The lowest number below `count` that nobody has, or GYRE_THREAD_NONE. Lock-free.
GYRE_INLINE uint32_t gyre_thread_claim(gyre_atomic_u64 *taken, uint32_t count) {
    uint64_t seen = gyre_load_relaxed(taken); // the exchange decides
    for (;;) {
        uint64_t free = ~seen;
        if (free == 0) return GYRE_THREAD_NONE;
        uint32_t number = (uint32_t)__builtin_ctzll(free);
        if (number >= count) return GYRE_THREAD_NONE;
        if (gyre_cas_acquire_relaxed(taken, &seen, seen | 1ull << number)) return number; // N2
    }
}

/// Gives a number back. Wait-free.
GYRE_INLINE void gyre_thread_return(gyre_atomic_u64 *taken, uint32_t number) {
    (void)gyre_fetch_and_release(taken, ~(1ull << number)); // N1
}

#if !defined(GYRE_MODEL)
#ifdef __cplusplus
extern "C" {
#endif

/// Of the calling thread: 0 before its first call, its number + 1, or GYRE_THREAD_NONE. Read through
///    gyre_thread_number.
extern __thread uint32_t gyre_thread_mark;

/// The first call of a thread: gets it a number, until it ends.
uint32_t gyre_thread_enrol(void);

#ifdef __cplusplus
}
#endif

/// The number of the calling thread, below GYRE_THREAD_NUMBERS, or GYRE_THREAD_NONE.
GYRE_INLINE uint32_t gyre_thread_number(void) {
    uint32_t mark = gyre_thread_mark;
    if (gyre_likely(mark - 1 < GYRE_THREAD_NUMBERS)) return mark - 1;
    return gyre_thread_enrol();
}
#endif

#endif
