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
// F2  Every return is a hint: look again. A wake meant for an earlier sleeper at this address looks like any other, and
//     so do a signal and a word that has moved on.
// F3  A wake takes the address as a name and never reads it, so a sleeper that saw the change on its own may return
//     and free the word before the wake of that change is made.
// F4  Each thread that a wake counts returns from its wait with "woken", and no other does.

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

typedef enum gyre_futex_result {
    GYRE_FUTEX_WOKEN = 0, // by a wake, which has counted this thread
    GYRE_FUTEX_LOOK = 1,  // the word was not the expected one, or a signal came
    GYRE_FUTEX_LATE = 2,  // the deadline has passed
} gyre_futex_result;

#if defined(GYRE_MODEL)

// The checker knows no time: a wait with a deadline is one without, so that a lost wake-up shows as a deadlock instead
// of being healed by the timeout.
GYRE_INLINE gyre_futex_result gyre_futex_wait(gyre_atomic_u32 *word, uint32_t expected,
                                              uint64_t deadline_nanoseconds) {
    (void)deadline_nanoseconds;
    return gyre_model_futex_wait(word, expected, __FILE__, __LINE__) ? GYRE_FUTEX_WOKEN : GYRE_FUTEX_LOOK;
}

GYRE_INLINE uint32_t gyre_futex_wake(gyre_atomic_u32 *word, uint32_t count) {
    return gyre_model_futex_wake(word, count, __FILE__, __LINE__);
}

#else

/// Sleeps while `*word` is `expected`, at the longest until `deadline_nanoseconds` of CLOCK_MONOTONIC.
/// Whatever it returns but GYRE_FUTEX_LATE, the caller looks again (F2). The sleep is private to the process.
gyre_futex_result gyre_futex_wait(gyre_atomic_u32 *word, uint32_t expected, uint64_t deadline_nanoseconds);

/// Wakes up to `count` threads that sleep on `word`; returns how many (F4). One system call, also when nobody sleeps
/// there.
uint32_t gyre_futex_wake(gyre_atomic_u32 *word, uint32_t count);

#endif

#ifdef __cplusplus
}
#endif

#endif
