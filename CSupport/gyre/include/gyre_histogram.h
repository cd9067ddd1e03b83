// gyre_histogram.h: counts of durations in nanoseconds, by buckets that are at most 1.6 % wide.
//
// Source      The log-linear layout of G. Tene's HdrHistogram, with 64 buckets to each power of two.
// Progress    gyre_histogram_add is wait-free for its one writer. gyre_histogram_add_shared is lock-free for any
//             number of threads. gyre_histogram_read_into is wait-free and disturbs neither.
// Order       A reader that sees a value counted also sees sum, minimum and maximum that include it (H1 -> H2).
// Allocation  In gyre_histogram_create and gyre_task_times_create only.
// Memory      18,976 bytes each; a line of it is touched only when a value falls into it.
//
// For a value v let e be the position of its highest set bit and s = max(0, e - 6). Its bucket is 64 s + (v >> s):
//
//      v        0 .. 127        128 .. 255       256 .. 511       ...   2^41 .. 2^42 - 1 (73 minutes)
//      bucket   0 .. 127        128 .. 191       192 .. 255       ...   2304 .. 2367, and whatever is longer
//      width    1, exact        2                4                      2^35
//
// A bucket of width w begins at 64 w or above and reports its middle, so a reported value is off by at most
// (w / 2) / (64 w) = 1/128 = 0.79 %. Values of 2^42 ns and above go to the last bucket; sum, minimum and maximum
// take them as they are.
//
// The three words at the head and every bucket are written by the owner only, or by gyre_histogram_add_shared only:
// the two kinds of add never meet on one histogram. Readers share the lines and write nothing.
//
// I1  minimum <= every value counted <= maximum. Empty: minimum = 2^64 - 1, maximum = 0.
// I2  sum = the sum of the values, and stays at 2^64 - 1 once it got there.
// I3  Buckets only grow. The number of values is the sum of the buckets; no second count can disagree with it.
// H1 -> H2  the head is written before the bucket's store (release); a reader loads buckets (acquire), then the head.

#ifndef GYRE_HISTOGRAM_H
#define GYRE_HISTOGRAM_H

#include "gyre_atomic.h"

#define GYRE_HISTOGRAM_SUB_BUCKET_BITS 6
#define GYRE_HISTOGRAM_TOP_BIT 41
/// Number of buckets of every histogram.
#define GYRE_HISTOGRAM_BUCKETS 2368u

typedef struct {
    gyre_atomic_u64 sum;                                    // line 0: written with every value,
    gyre_atomic_u64 maximum;                                //         these two only when an extreme is beaten,
    gyre_atomic_u64 minimum;                                //
    gyre_atomic_u64 buckets[GYRE_HISTOGRAM_BUCKETS];        //         buckets from here on
} GYRE_CACHE_ALIGNED gyre_histogram;

GYRE_STATIC_ASSERT(GYRE_HISTOGRAM_BUCKETS == (GYRE_HISTOGRAM_TOP_BIT - GYRE_HISTOGRAM_SUB_BUCKET_BITS + 2)
                                                 << GYRE_HISTOGRAM_SUB_BUCKET_BITS,
                   "one row of buckets below 64, one for each power of two from 64 to the top bit");
GYRE_STATIC_ASSERT(sizeof(gyre_histogram) % GYRE_CACHE_LINE_BYTES == 0, "two histograms must not share a line");

/// The three durations of a task, kept by one worker: a histogram each.
typedef struct {
    gyre_histogram queue_wait;
    gyre_histogram run;
    gyre_histogram total;
} gyre_task_times;

/// What a read found beside the buckets. `sum` is 2^64 - 1 when it did not fit.
typedef struct {
    uint64_t count;
    uint64_t sum;
    uint64_t minimum; ///< 2^64 - 1 when `count` is 0
    uint64_t maximum;
} gyre_histogram_totals;

#ifdef __cplusplus
extern "C" {
#endif

/// An empty histogram, or NULL when there is no memory.
gyre_histogram *gyre_histogram_create(void);
void gyre_histogram_destroy(gyre_histogram *histogram);
/// Makes `histogram`, which stands in memory of the caller, empty. Nobody else may use it meanwhile.
void gyre_histogram_init(gyre_histogram *histogram);

gyre_task_times *gyre_task_times_create(void);
void gyre_task_times_destroy(gyre_task_times *times);

/// Adds what `histogram` holds to `buckets` (GYRE_HISTOGRAM_BUCKETS plain words) and to `totals`, so that several
/// histograms merge into one. Begin with zeroed buckets and with gyre_histogram_totals_empty. Counts and sums stay at
/// 2^64 - 1 instead of wrapping.
///
/// Under concurrent adds the result is a state that each bucket passed through, not one instant of all: values that
/// were added before the call are in it, later ones may be.
void gyre_histogram_read_into(const gyre_histogram *histogram, uint64_t *buckets, gyre_histogram_totals *totals);
gyre_histogram_totals gyre_histogram_totals_empty(void);

#ifdef __cplusplus
}
#endif

GYRE_INLINE gyre_histogram *gyre_task_times_queue_wait(gyre_task_times *times) { return &times->queue_wait; }
GYRE_INLINE gyre_histogram *gyre_task_times_run(gyre_task_times *times) { return &times->run; }
GYRE_INLINE gyre_histogram *gyre_task_times_total(gyre_task_times *times) { return &times->total; }

/// The bucket of `nanoseconds`.
GYRE_INLINE uint32_t gyre_histogram_index(uint64_t nanoseconds) {
    // The bit at 64 makes s = 0 for small values without a branch.
    uint32_t s = (63u - GYRE_HISTOGRAM_SUB_BUCKET_BITS) -
                 (uint32_t)__builtin_clzll(nanoseconds | (1u << GYRE_HISTOGRAM_SUB_BUCKET_BITS));
    uint64_t index = ((uint64_t)s << GYRE_HISTOGRAM_SUB_BUCKET_BITS) + (nanoseconds >> s);
    return index < GYRE_HISTOGRAM_BUCKETS ? (uint32_t)index : GYRE_HISTOGRAM_BUCKETS - 1;
}

/// Log 2 of the width of bucket `index`.
GYRE_INLINE uint32_t gyre_histogram_width_bits(uint32_t index) {
    uint32_t row = index >> GYRE_HISTOGRAM_SUB_BUCKET_BITS;
    return row == 0 ? 0 : row - 1; // the first two rows are both one wide
}

/// The smallest value of bucket `index`.
GYRE_INLINE uint64_t gyre_histogram_lowest(uint32_t index) {
    uint32_t s = gyre_histogram_width_bits(index);
    return (uint64_t)(index - (s << GYRE_HISTOGRAM_SUB_BUCKET_BITS)) << s;
}

/// The largest value of bucket `index`; of the last bucket, the largest that is not clamped into it.
GYRE_INLINE uint64_t gyre_histogram_highest(uint32_t index) {
    return gyre_histogram_lowest(index) + (((uint64_t)1 << gyre_histogram_width_bits(index)) - 1);
}

/// The value that stands for all of bucket `index`: its middle.
GYRE_INLINE uint64_t gyre_histogram_middle(uint32_t index) {
    return gyre_histogram_lowest(index) + (((uint64_t)1 << gyre_histogram_width_bits(index)) >> 1);
}

/// Counts one value. The caller is the only thread that adds to `histogram`.
GYRE_INLINE void gyre_histogram_add(gyre_histogram *histogram, uint64_t nanoseconds) {
    // Relaxed loads throughout: this thread wrote what it reads. Relaxed stores of the head: H1 publishes them.
    uint64_t sum = gyre_load_relaxed(&histogram->sum) + nanoseconds;
    if (gyre_unlikely(sum < nanoseconds)) sum = UINT64_MAX; // I2
    gyre_store_relaxed(&histogram->sum, sum);
    if (gyre_unlikely(nanoseconds > gyre_load_relaxed(&histogram->maximum)))
        gyre_store_relaxed(&histogram->maximum, nanoseconds);
    if (gyre_unlikely(nanoseconds < gyre_load_relaxed(&histogram->minimum)))
        gyre_store_relaxed(&histogram->minimum, nanoseconds);
    gyre_atomic_u64 *bucket = &histogram->buckets[gyre_histogram_index(nanoseconds)];
    gyre_store_release(bucket, gyre_load_relaxed(bucket) + 1); // H1; a plain store on x86
}

/// Counts one value in a histogram that any number of threads add to, all of them with this function.
GYRE_INLINE void gyre_histogram_add_shared(gyre_histogram *histogram, uint64_t nanoseconds) {
    // Each loop fails only when another thread's exchange succeeded. Relaxed: each word stands alone until H1.
    uint64_t sum = gyre_load_relaxed(&histogram->sum);
    uint64_t next;
    do {
        next = sum + nanoseconds;
        if (gyre_unlikely(next < nanoseconds)) next = UINT64_MAX; // I2
    } while (!gyre_cas_relaxed_relaxed(&histogram->sum, &sum, next));
    uint64_t seen = gyre_load_relaxed(&histogram->maximum);
    while (nanoseconds > seen && !gyre_cas_relaxed_relaxed(&histogram->maximum, &seen, nanoseconds)) {}
    seen = gyre_load_relaxed(&histogram->minimum);
    while (nanoseconds < seen && !gyre_cas_relaxed_relaxed(&histogram->minimum, &seen, nanoseconds)) {}
    // H1, also for a better extreme that stood there already: having read it before this release is enough for
    // whoever acquires to read it or a still better one. Adds of others to this bucket continue the release sequence.
    gyre_fetch_add_release(&histogram->buckets[gyre_histogram_index(nanoseconds)], 1);
}

/// Counts the three durations of one task. The caller is the only thread that adds to `times`.
GYRE_INLINE void gyre_task_times_add(gyre_task_times *times, uint64_t queue_wait, uint64_t run, uint64_t total) {
    gyre_histogram_add(&times->queue_wait, queue_wait);
    gyre_histogram_add(&times->run, run);
    gyre_histogram_add(&times->total, total);
}

#endif
