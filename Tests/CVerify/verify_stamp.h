// verify_stamp.h: instants that order operations of different threads.

#ifndef VERIFY_STAMP_H
#define VERIFY_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/// Set when the processor's counters are not in step.
extern bool verify_stamp_uses_kernel;

/// After everything before it in the program, and before everything after it: rdtscp waits for the former, the fence
/// keeps the latter back.
static inline uint64_t verify_stamp(void) {
#if defined(__x86_64__)
    if (__builtin_expect(!verify_stamp_uses_kernel, 1)) {
        unsigned processor;
        uint64_t stamp = __rdtscp(&processor);
        _mm_lfence();
        return stamp;
    }
#endif
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

#endif
