// gyre_cpu.c: the sets of CPUs and the places of threads of gyre_cpu.h.

#define _GNU_SOURCE
#include "gyre_cpu.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GYRE_CPU_WORD_BITS 64
#define GYRE_CPU_MAX (1u << 20) // far above what Linux can be built for: a bound for loops and sizes

GYRE_STATIC_ASSERT(sizeof(unsigned long) == sizeof(uint64_t), "the kernel's masks are arrays of unsigned long");

gyre_cpu_set *gyre_cpu_set_create(uint32_t cpus) {
    if (cpus > GYRE_CPU_MAX) cpus = GYRE_CPU_MAX;
    uint32_t words = cpus / GYRE_CPU_WORD_BITS + 1;
    gyre_cpu_set *set = calloc(1, sizeof(gyre_cpu_set) + words * sizeof(uint64_t));
    if (set) set->words = words;
    return set;
}

gyre_cpu_set *gyre_cpu_set_of_thread(int32_t thread) {
    // The kernel refuses a buffer that is smaller than its own mask, whose size it does not tell.
    for (uint32_t cpus = 1024 - 1; cpus < GYRE_CPU_MAX; cpus = cpus * 2 + 1) {
        gyre_cpu_set *set = gyre_cpu_set_create(cpus);
        if (!set) return NULL; // errno is ENOMEM
        if (sched_getaffinity(thread, set->words * sizeof(uint64_t), (cpu_set_t *)(void *)set->bits) == 0) return set;
        int reason = errno;
        free(set);
        errno = reason;
        if (reason != EINVAL) return NULL;
    }
    return NULL; // errno is EINVAL
}

void gyre_cpu_set_destroy(gyre_cpu_set *set) { free(set); }

bool gyre_cpu_set_add(gyre_cpu_set *set, uint32_t cpu) {
    uint32_t word = cpu / GYRE_CPU_WORD_BITS;
    if (word >= set->words) return false;
    set->bits[word] |= UINT64_C(1) << (cpu % GYRE_CPU_WORD_BITS);
    return true;
}

bool gyre_cpu_set_has(const gyre_cpu_set *set, uint32_t cpu) {
    uint32_t word = cpu / GYRE_CPU_WORD_BITS;
    return word < set->words && (set->bits[word] >> (cpu % GYRE_CPU_WORD_BITS) & 1) != 0;
}

uint32_t gyre_cpu_set_count(const gyre_cpu_set *set) {
    uint32_t count = 0;
    for (uint32_t word = 0; word < set->words; ++word) count += (uint32_t)__builtin_popcountll(set->bits[word]);
    return count;
}

bool gyre_cpu_set_next(const gyre_cpu_set *set, uint32_t from, uint32_t *cpu) {
    uint32_t word = from / GYRE_CPU_WORD_BITS;
    if (word >= set->words) return false;
    uint64_t left = set->bits[word] >> (from % GYRE_CPU_WORD_BITS) << (from % GYRE_CPU_WORD_BITS);
    while (left == 0) {
        if (++word == set->words) return false;
        left = set->bits[word];
    }
    *cpu = word * GYRE_CPU_WORD_BITS + (uint32_t)__builtin_ctzll(left);
    return true;
}

int gyre_cpu_set_apply(const gyre_cpu_set *set, int32_t thread) {
    const cpu_set_t *mask = (const cpu_set_t *)(const void *)set->bits;
    return sched_setaffinity(thread, set->words * sizeof(uint64_t), mask) == 0 ? 0 : errno;
}

int gyre_cpu_pin(uint32_t cpu) {
    uint64_t bits[8192 / GYRE_CPU_WORD_BITS]; // the largest that Linux is built for
    uint32_t word = cpu / GYRE_CPU_WORD_BITS;
    if (word >= sizeof bits / sizeof bits[0]) return EINVAL;
    memset(bits, 0, (word + 1) * sizeof bits[0]); // the kernel takes a shorter mask as one that ends in zeros
    bits[word] = UINT64_C(1) << (cpu % GYRE_CPU_WORD_BITS);
    const cpu_set_t *mask = (const cpu_set_t *)(const void *)bits;
    return sched_setaffinity(0, (word + 1) * sizeof bits[0], mask) == 0 ? 0 : errno;
}

bool gyre_cpu_current(uint32_t *cpu) {
    int found = sched_getcpu(); // glibc 2.35 and later read it from the rseq area, others from the vdso
    if (found < 0) return false;
    *cpu = (uint32_t)found;
    return true;
}

int32_t gyre_cpu_thread(void) { return (int32_t)syscall(SYS_gettid); }

int gyre_cpu_name_thread(const char *name) {
    char head[16];
    size_t length = strnlen(name, sizeof head - 1);
    memcpy(head, name, length);
    head[length] = 0;
    return pthread_setname_np(pthread_self(), head);
}

int gyre_cpu_thread_name(char name[16]) { return pthread_getname_np(pthread_self(), name, 16); }

uint32_t gyre_cpu_parallelism(uint32_t cpus, const gyre_cpu_quota *quota) {
    uint64_t threads = cpus;
    if (quota->is_limited) {
        uint64_t granted = quota->quota_us / quota->period_us + (quota->quota_us % quota->period_us != 0);
        if (granted < threads) threads = granted;
    }
    return threads > 0 ? (uint32_t)threads : 1;
}
