// gyre_sanitizer.h: edges that ThreadSanitizer cannot see by itself, told to it: those of code compiled without it.
//
// Source      The annotations of compiler-rt's tsan_interface.h and tsan_interface_ann.cpp. Swift's Mutex needs them:
//             its contended path lies in the standard library, which is not instrumented, so the sanitizer reports what
//             such a lock protects. So does a continuation: when it is resumed before its task has gone to sleep, the
//             runtime's own word of it is all that orders the two, and the sanitizer reports the frame they share and
//             whatever the one wrote before it resumed the other.
// Progress    Wait-free. Empty functions in every build but one with -fsanitize=thread.
// Order       None is made. Each call repeats an edge that the lock, or the continuation, has made already.
// Allocation  None of ours.

#ifndef GYRE_SANITIZER_H
#define GYRE_SANITIZER_H

#include "gyre_atomic.h"

#if defined(GYRE_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
// Swift's runtime has it; a program in C alone is linked without. It takes nothing, so both calling conventions agree.
void *swift_task_getCurrent(void) __attribute__((weak));
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

/// The caller is about to resume `task`: what it did so far is seen there, and what it reads and writes until
/// gyre_sanitizer_resumed belongs to the task's frame.
GYRE_INLINE void gyre_sanitizer_resumes(const void *task) {
#if defined(GYRE_THREAD_SANITIZER)
    __tsan_release((void *)(uintptr_t)task);
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#else
    (void)task;
#endif
}

/// The end of gyre_sanitizer_resumes, on the same thread.
GYRE_INLINE void gyre_sanitizer_resumed(void) {
#if defined(GYRE_THREAD_SANITIZER)
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
#endif
}

/// The calling task has been resumed.
GYRE_INLINE void gyre_sanitizer_awoke(void) {
#if defined(GYRE_THREAD_SANITIZER)
    if (swift_task_getCurrent) __tsan_acquire(swift_task_getCurrent());
#endif
}

#endif
