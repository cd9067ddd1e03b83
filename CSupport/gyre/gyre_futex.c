// gyre_futex.c: the two system calls of gyre_futex.h. Out of line: what they cost lies in the kernel.

#include "gyre_futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

GYRE_STATIC_ASSERT(sizeof(((struct timespec *)0)->tv_sec) == 8, "SYS_futex takes a 64-bit timespec on 64-bit targets");

gyre_futex_result gyre_futex_wait(gyre_atomic_u32 *word, uint32_t expected, uint64_t deadline_nanoseconds) {
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_nanoseconds / 1000000000u),
        .tv_nsec = (long)(deadline_nanoseconds % 1000000000u),
    };
    // FUTEX_WAIT would take a length of time, which drifts when a signal restarts the wait; the bitset form takes an
    // instant, of CLOCK_MONOTONIC unless told otherwise.
    long result = syscall(SYS_futex, &word->value, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                          deadline_nanoseconds == GYRE_FUTEX_NO_DEADLINE ? NULL : &deadline, NULL,
                          FUTEX_BITSET_MATCH_ANY);
    if (result == 0) return GYRE_FUTEX_WOKEN;
    if (errno == ETIMEDOUT) return GYRE_FUTEX_LATE;
    if (errno == EAGAIN) return GYRE_FUTEX_LOOK; // the word was not `expected`
    if (errno == EINTR) return GYRE_FUTEX_LOOK;  // a signal: the caller's loop decides whether to sleep on
    __builtin_trap(); // a bad address, or a sandbox without futex: the caller's loop would never end
}

uint32_t gyre_futex_wake(gyre_atomic_u32 *word, uint32_t count) {
    int limit = count > (uint32_t)INT_MAX ? INT_MAX : (int)count;
    long woken = syscall(SYS_futex, &word->value, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, limit, NULL, NULL, 0);
    if (woken < 0) __builtin_trap(); // as above: going on would leave a sleeper asleep for ever
    return (uint32_t)woken;
}
