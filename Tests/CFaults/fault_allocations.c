// fault_allocations.c: the functions that allocate, with a failure on demand.
//
// The sanitizers put functions of their own there; with them this file holds none, and no fault is ever made.

#define _GNU_SOURCE // MAP_ANONYMOUS

#include "fault_hooks.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAULT_REMEMBERED_MAX 256u

static __thread bool fault_is_counting;
static __thread uint32_t fault_count;
static __thread uint32_t fault_nth;
static __thread uint32_t fault_remembered;
static __thread void *fault_memory[FAULT_REMEMBERED_MAX];

void fault_allocations_begin(uint32_t nth) {
    fault_count = 0;
    fault_nth = nth;
    fault_remembered = 0;
    fault_is_counting = true;
}

uint32_t fault_allocations_end(void) {
    fault_is_counting = false;
    return fault_count;
}

uint32_t fault_allocations_live(void) { return fault_remembered; }

void fault_allocations_share(void) { (void)mallopt(M_ARENA_MAX, 1); } // refused by other allocators, which have none

#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) && !__has_feature(memory_sanitizer)

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *memory);

static bool fault_fails(void) { return fault_is_counting && ++fault_count == fault_nth; }

static void *fault_remember(void *memory) {
    if (!fault_is_counting || memory == NULL) return memory;
    if (fault_remembered == FAULT_REMEMBERED_MAX) __builtin_trap(); // no creation makes so many
    fault_memory[fault_remembered++] = memory;
    return memory;
}

static void fault_forget(const void *memory) {
    for (uint32_t i = 0; i < fault_remembered; i++) {
        if (fault_memory[i] != memory) continue;
        fault_memory[i] = fault_memory[--fault_remembered];
        return;
    }
}

static void *fault_no_memory(void) {
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t bytes) { return fault_fails() ? fault_no_memory() : fault_remember(__libc_malloc(bytes)); }

void *calloc(size_t count, size_t bytes) {
    return fault_fails() ? fault_no_memory() : fault_remember(__libc_calloc(count, bytes));
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    return fault_fails() ? fault_no_memory() : fault_remember(__libc_memalign(alignment, bytes));
}

void *realloc(void *memory, size_t bytes) {
    if (fault_fails()) return fault_no_memory();
    void *moved = __libc_realloc(memory, bytes);
    if (moved == NULL) return NULL;
    if (memory != NULL) fault_forget(memory);
    return fault_remember(moved);
}

void free(void *memory) {
    if (memory != NULL) fault_forget(memory);
    __libc_free(memory);
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
    if (fault_fails()) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *memory = (void *)syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
    return memory == MAP_FAILED ? memory : fault_remember(memory);
}

int munmap(void *memory, size_t bytes) {
    fault_forget(memory);
    return (int)syscall(SYS_munmap, memory, bytes);
}

#endif
