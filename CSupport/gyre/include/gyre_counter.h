// gyre_counter.h: sums that many threads add to and anybody reads.
//
// Two kinds, because a thread that owns its line adds five to ten times faster than one that shares it:
//
//   gyre_counter_line   eight counters of one thread. One writer: relaxed load and store, no locked instruction.
//   gyre_striped        one counter of everybody. A line per CPU or so, relaxed fetch_add on the caller's line.
//
// Source      Single-writer cells and LongAdder-style striping; the stripe comes from the restartable-sequence area
//             that the kernel keeps for each thread (linux/rseq.h), where glibc registered one.
// Progress    Every call is wait-free.
// Order       None between counters: all accesses are relaxed, a counter never publishes other data. Each word is
//             monotone (as differences modulo 2^64), so two reads by one thread never go backwards.
// Allocation  In the create functions only: 64 bytes a line, 64 a stripe and 64 for the head of the stripes.
//
// I1  A word of a line changes by its writer's additions only; a stripe by fetch_add only.
// I2  A sum contains every addition that happened before the read began and none that began after it ended.
//     It is not an instant: of two concurrent additions on different lines the later one alone may be in it.
// I3  Sums wrap modulo 2^64.

#ifndef GYRE_COUNTER_H
#define GYRE_COUNTER_H

#include "gyre_atomic.h"

#if defined(__linux__) && !defined(GYRE_MODEL)
#include <features.h>
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 35)
#include <sys/rseq.h>
#define GYRE_HAS_RSEQ 1
#endif
#endif
#endif

#define GYRE_COUNTERS_PER_LINE 8

/// Eight counters with one writer, on a line of its own.
typedef struct {
    gyre_atomic_u64 words[GYRE_COUNTERS_PER_LINE];
} GYRE_CACHE_ALIGNED gyre_counter_line;

GYRE_STATIC_ASSERT(sizeof(gyre_counter_line) == GYRE_CACHE_LINE_BYTES, "a writer's counters fill exactly its line");

/// Adds to a word whose only writer is the caller.
GYRE_INLINE void gyre_counter_add(gyre_atomic_u64 *word, uint64_t amount) {
    gyre_store_relaxed(word, gyre_load_relaxed(word) + amount); // I1: nobody stores in between
}

/// Counter `which` of line `index`.
GYRE_INLINE gyre_atomic_u64 *gyre_counter_word(gyre_counter_line *lines, size_t index, uint32_t which) {
    GYRE_ASSERT(which < GYRE_COUNTERS_PER_LINE);
    return &lines[index].words[which];
}

/// The present value, from any thread.
GYRE_INLINE uint64_t gyre_counter_read(const gyre_atomic_u64 *word) { return gyre_load_relaxed(word); }

/// Counter `which` of `count` lines, added up (I2).
GYRE_INLINE uint64_t gyre_counter_sum(const gyre_counter_line *lines, size_t count, uint32_t which) {
    GYRE_ASSERT(which < GYRE_COUNTERS_PER_LINE);
    uint64_t sum = 0;
    for (size_t index = 0; index < count; ++index) sum += gyre_load_relaxed(&lines[index].words[which]);
    return sum;
}

typedef struct {
    gyre_atomic_u64 value; // one line: whoever hashes here adds
} GYRE_CACHE_ALIGNED gyre_stripe;

typedef struct {
    uint32_t mask;         // line 0: number of stripes - 1, a power of two less one; read-only after create
    gyre_stripe stripes[]; // then a line each
} gyre_striped;

GYRE_STATIC_ASSERT(sizeof(gyre_stripe) == GYRE_CACHE_LINE_BYTES, "two stripes must not share a line");

#define GYRE_STRIPES_MAX 4096

#ifdef __cplusplus
extern "C" {
#endif

/// `count` lines of zeros, or NULL when there is no memory.
gyre_counter_line *gyre_counter_lines_create(size_t count);
void gyre_counter_lines_destroy(gyre_counter_line *lines);

/// A counter with `stripes` stripes, rounded up to a power of two; 0 means one for each configured CPU. At most
/// GYRE_STRIPES_MAX. NULL when there is no memory.
gyre_striped *gyre_striped_create(uint32_t stripes);
void gyre_striped_destroy(gyre_striped *counter);

#ifdef __cplusplus
}
#endif

/// Whether the kernel keeps a restartable-sequence area for this process's threads.
GYRE_INLINE bool gyre_rseq_registered(void) {
#if defined(GYRE_HAS_RSEQ)
    return __rseq_size != 0;
#else
    return false;
#endif
}

/// A number that threads running at the same time mostly do not share: the CPU that the caller runs on or, without
/// restartable sequences, a hash of where its thread descriptor stands. Two loads, or a multiplication. The caller
/// may be moved to another CPU before it uses the number, so a stripe chosen by it still takes fetch_add.
GYRE_INLINE uint32_t gyre_stripe_hint(void) {
#if defined(GYRE_MODEL)
    return 0; // the checker's threads are fibers of one thread; it passes stripes explicitly
#else
    char *self = (char *)__builtin_thread_pointer();
#if defined(GYRE_HAS_RSEQ)
    if (gyre_likely(gyre_rseq_registered())) {
        // cpu_id of struct rseq, at offset 4, written by the kernel for this thread: relaxed, never torn. While
        // a thread is unregistered it is negative, which the mask turns into some stripe.
        gyre_atomic_u32 *cpu = (gyre_atomic_u32 *)(void *)(self + __rseq_offset + 4);
        return gyre_load_relaxed(cpu);
    }
#endif
    return (uint32_t)(((uint64_t)(uintptr_t)self * UINT64_C(0x9E3779B97F4A7C15)) >> 48);
#endif
}

/// Adds to the stripe of the caller's choice, modulo the number of stripes.
GYRE_INLINE void gyre_striped_add_at(gyre_striped *counter, uint32_t stripe, uint64_t amount) {
    gyre_fetch_add_relaxed(&counter->stripes[stripe & counter->mask].value, amount);
}

GYRE_INLINE void gyre_striped_add(gyre_striped *counter, uint64_t amount) {
    gyre_striped_add_at(counter, gyre_stripe_hint(), amount);
}

/// All stripes added up (I2).
GYRE_INLINE uint64_t gyre_striped_read(const gyre_striped *counter) {
    uint64_t sum = 0;
    for (uint32_t stripe = 0; stripe <= counter->mask; ++stripe)
        sum += gyre_load_relaxed(&counter->stripes[stripe].value);
    return sum;
}

/// How many stripes there are.
GYRE_INLINE uint32_t gyre_striped_stripes(const gyre_striped *counter) { return counter->mask + 1; }

#endif
