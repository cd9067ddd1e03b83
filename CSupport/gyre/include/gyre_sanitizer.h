// gyre_sanitizer.h: edges that ThreadSanitizer cannot see by itself, told to it: those of locks compiled without it.
//
// Source      The annotations of compiler-rt's tsan_interface.h. Swift's Mutex needs them: its contended path lies in
//             the standard library, which is not instrumented, so the sanitizer reports what such a lock protects.
// Progress    Wait-free. Empty functions in every build but one with -fsanitize=thread.
// Order       None is made. Each call repeats an edge that the lock has made already.
// Allocation  None of ours.

#ifndef GYRE_SANITIZER_H
#define GYRE_SANITIZER_H

#include "gyre_atomic.h"

#if defined(GYRE_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

/// The caller has just taken the lock that stands at `lock`.
GYRE_INLINE void gyre_sanitizer_acquired(const void *lock) {
#if defined(GYRE_THREAD_SANITIZER)
    __tsan_acquire((void *)(uintptr_t)lock);
#else
    (void)lock;
#endif
}

/// The caller is about to give the lock at `lock` back.
GYRE_INLINE void gyre_sanitizer_releases(const void *lock) {
#if defined(GYRE_THREAD_SANITIZER)
    __tsan_release((void *)(uintptr_t)lock);
#else
    (void)lock;
#endif
}

#endif
