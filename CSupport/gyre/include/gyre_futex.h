// gyre_futex.h: sleeping on a 32-bit word, and waking who sleeps there.
//
// Source      H. Franke, R. Russell, M. Kirkwood, "Fuss, futexes and furwocks", OLS 2002; Linux futex(2).
// Progress    gyre_futex_wait blocks, that is its purpose. gyre_futex_wake makes one system call and returns.
// Order       None is promised. The kernel compares and sleeps as one step with respect to a wake on the same word,
//             and that is all a caller may build on: what a sleeper needs to see travels by an acquire load of its own
//             after it returns. (A thread may return without a wake, so a caller loads in a loop anyway.)
// Allocation  None.
//
// F1  A wake that follows a change of the word finds every thread that slept on the old value: whoever comes to sleep
//     after the change is refused by the comparison, whoever came before it is in the kernel's queue.
// F2  Every return is a hint: look again. A signal, a wake meant for an earlier sleeper at this address and a word
//     that has moved on all look the same; only the passing of the deadline is told apart.
// F3  A wake takes the address as a name and never reads it, so a sleeper that saw the change on its own may return
//     and free the word before the wake of that change is made.

#ifndef GYRE_FUTEX_H
#define GYRE_FUTEX_H

#include "gyre_atomic.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The deadline of a wait that has none.
#define GYRE_FUTEX_NO_DEADLINE UINT64_MAX
/// The count of a wake that is meant for all.
#define GYRE_FUTEX_WAKE_ALL UINT32_MAX

#if defined(GYRE_MODEL)

// The checker knows no time: a wait with a deadline is one without, so that a lost wake-up shows as a deadlock instead
// of being healed by the timeout.
GYRE_INLINE bool gyre_futex_wait(gyre_atomic_u32 *word, uint32_t expected, uint64_t deadline_nanoseconds) {
    (void)deadline_nanoseconds;
    gyre_model_futex_wait(word, expected, __FILE__, __LINE__);
    return true;
}

GYRE_INLINE void gyre_futex_wake(gyre_atomic_u32 *word, uint32_t count) {
    gyre_model_futex_wake(word, count, __FILE__, __LINE__);
}

#else

/// Sleeps while `*word` is `expected`, at the longest until `deadline_nanoseconds` of CLOCK_MONOTONIC.
/// Returns false when the deadline has passed, and true in every other case: woken, interrupted by a signal, or the
/// word was not `expected` (F2: the caller looks again). The sleep is private to the process.
bool gyre_futex_wait(gyre_atomic_u32 *word, uint32_t expected, uint64_t deadline_nanoseconds);

/// Wakes up to `count` threads that sleep on `word`. One system call, also when nobody sleeps there.
void gyre_futex_wake(gyre_atomic_u32 *word, uint32_t count);

#endif

#ifdef __cplusplus
}
#endif

#endif
