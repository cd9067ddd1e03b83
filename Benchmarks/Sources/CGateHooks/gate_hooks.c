// gate_hooks.c: bodies and allocations, counted. Memory is given back by the C library's own free.

#include "gate_hooks.h"

#include <errno.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

static uint64_t gate_count;

// Relaxed: a lone count, read when the threads that counted have been waited for.
static void gate_note(void) { (void)__atomic_fetch_add(&gate_count, 1, __ATOMIC_RELAXED); }

uint64_t gate_allocations(void) { return __atomic_load_n(&gate_count, __ATOMIC_RELAXED); }

void gate_allocate(void) {
    void *volatile memory = malloc(64);
    free(memory);
}

// Written by the one worker; the semaphore hands them over.
static uint64_t gate_bodies;
static uint64_t gate_expected = UINT64_MAX;
static sem_t gate_done, gate_held, gate_go;

__attribute__((constructor)) static void gate_start(void) {
    sem_init(&gate_done, 0, 0); // none of the three can fail: the count is small
    sem_init(&gate_held, 0, 0);
    sem_init(&gate_go, 0, 0);
}

static void gate_await(sem_t *semaphore) {
    while (sem_wait(semaphore) != 0) {} // a signal came
}

void gate_bump(uint64_t word) {
    (void)word;
    if (++gate_bodies == gate_expected) sem_post(&gate_done);
}

void gate_expect(uint64_t bodies) { gate_expected = bodies; }
void gate_wait(void) { gate_await(&gate_done); }
uint64_t gate_bumps(void) { return gate_bodies; }

void gate_hold(void) {
    sem_post(&gate_held);
    gate_await(&gate_go);
}

void gate_wait_until_held(void) { gate_await(&gate_held); }
void gate_release(void) { sem_post(&gate_go); }

void *malloc(size_t bytes) {
    gate_note();
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    gate_note();
    return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes) {
    gate_note();
    return __libc_realloc(memory, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
    gate_note();
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
    void *block = memalign(alignment, bytes);
    if (block == NULL) return ENOMEM;
    *memory = block;
    return 0;
}
