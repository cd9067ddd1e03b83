// fault_threads.c: the function that starts threads, with a failure on demand.

#define _GNU_SOURCE // RTLD_NEXT

#include "fault_hooks.h"

#include "gyre_atomic.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#define FAULT_UNLIMITED (1ull << 63)

static gyre_atomic_u64 fault_allowed = {FAULT_UNLIMITED};
static gyre_atomic_u64 fault_refused;

void fault_threads_allow(int64_t count) {
    gyre_store_seq_cst(&fault_allowed, count < 0 ? FAULT_UNLIMITED : (uint64_t)count);
}

uint64_t fault_threads_refused(void) { return gyre_load_relaxed(&fault_refused); }

static bool fault_thread_is_allowed(void) {
    uint64_t allowed = gyre_load_relaxed(&fault_allowed);
    while (allowed != FAULT_UNLIMITED) {
        if (allowed == 0) return false;
        if (gyre_cas_relaxed_relaxed(&fault_allowed, &allowed, allowed - 1)) return true;
    }
    return true;
}

#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) && !__has_feature(memory_sanitizer)

typedef int (*fault_create_function)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    if (!fault_thread_is_allowed()) {
        (void)gyre_fetch_add_relaxed(&fault_refused, 1);
        return EAGAIN;
    }
    fault_create_function create = (fault_create_function)dlsym(RTLD_NEXT, "pthread_create");
    return create == NULL ? ENOSYS : create(thread, attributes, start, argument);
}

#endif
