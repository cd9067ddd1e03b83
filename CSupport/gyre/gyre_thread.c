// gyre_thread.c: the numbers of this process's threads.

#include "gyre_thread.h"

#include <pthread.h>

__thread uint32_t gyre_thread_mark;

static gyre_atomic_u64 gyre_thread_taken;
static pthread_key_t gyre_thread_key;
static pthread_once_t gyre_thread_once = PTHREAD_ONCE_INIT;
static bool gyre_thread_has_key;

/// At a thread's end. Whatever of that thread still uses a ring afterwards does so without a number.
static void gyre_thread_end(void *mark) {
    (void)mark;
    uint32_t number = gyre_thread_mark - 1;
    gyre_thread_mark = GYRE_THREAD_NONE;
    gyre_thread_return(&gyre_thread_taken, number);
}

static void gyre_thread_begin(void) {
    gyre_thread_has_key = pthread_key_create(&gyre_thread_key, gyre_thread_end) == 0;
}

uint32_t gyre_thread_enrol(void) {
    if (gyre_thread_mark == GYRE_THREAD_NONE) return GYRE_THREAD_NONE;
    (void)pthread_once(&gyre_thread_once, gyre_thread_begin);
    uint32_t number =
        gyre_thread_has_key ? gyre_thread_claim(&gyre_thread_taken, GYRE_THREAD_NUMBERS) : GYRE_THREAD_NONE;
    if (number == GYRE_THREAD_NONE) {
        gyre_thread_mark = GYRE_THREAD_NONE;
        return GYRE_THREAD_NONE;
    }
    // Without a value the key's destructor is not called: then the number would never come back.
    if (pthread_setspecific(gyre_thread_key, &gyre_thread_mark) != 0) {
        gyre_thread_return(&gyre_thread_taken, number);
        gyre_thread_mark = GYRE_THREAD_NONE;
        return GYRE_THREAD_NONE;
    }
    gyre_thread_mark = number + 1;
    return number;
}
