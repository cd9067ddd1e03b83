// gyre_histogram.c: the control plane of gyre_histogram.h (create, destroy, read).

#include "gyre_histogram.h"

#include <stdlib.h>

static uint64_t gyre_histogram_plus(uint64_t a, uint64_t b) {
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

void gyre_histogram_init(gyre_histogram *histogram) {
    // Relaxed: whoever hands the histogram to another thread publishes these stores with it.
    gyre_store_relaxed(&histogram->sum, 0);
    gyre_store_relaxed(&histogram->maximum, 0);
    gyre_store_relaxed(&histogram->minimum, UINT64_MAX); // I1
    for (uint32_t index = 0; index < GYRE_HISTOGRAM_BUCKETS; ++index)
        gyre_store_relaxed(&histogram->buckets[index], 0);
}

gyre_histogram *gyre_histogram_create(void) {
    gyre_histogram *histogram = aligned_alloc(GYRE_CACHE_LINE_BYTES, sizeof(gyre_histogram));
    if (histogram) gyre_histogram_init(histogram);
    return histogram;
}

void gyre_histogram_destroy(gyre_histogram *histogram) { free(histogram); }

gyre_task_times *gyre_task_times_create(void) {
    gyre_task_times *times = aligned_alloc(GYRE_CACHE_LINE_BYTES, sizeof(gyre_task_times));
    if (!times) return NULL;
    gyre_histogram_init(&times->queue_wait);
    gyre_histogram_init(&times->run);
    gyre_histogram_init(&times->total);
    return times;
}

void gyre_task_times_destroy(gyre_task_times *times) { free(times); }

gyre_histogram_totals gyre_histogram_totals_empty(void) {
    return (gyre_histogram_totals){.count = 0, .sum = 0, .minimum = UINT64_MAX, .maximum = 0};
}

void gyre_histogram_read_into(const gyre_histogram *histogram, uint64_t *buckets, gyre_histogram_totals *totals) {
    uint64_t count = 0;
    for (uint32_t index = 0; index < GYRE_HISTOGRAM_BUCKETS; ++index) {
        uint64_t seen = gyre_load_acquire(&histogram->buckets[index]); // H2, pairs with H1
        buckets[index] = gyre_histogram_plus(buckets[index], seen);
        count = gyre_histogram_plus(count, seen);
    }
    if (count == 0) return; // the head may hold a value whose bucket is not there yet
    // Relaxed, and after the buckets: H2 has ordered them behind the head of every value counted above.
    uint64_t minimum = gyre_load_relaxed(&histogram->minimum);
    uint64_t maximum = gyre_load_relaxed(&histogram->maximum);
    totals->sum = gyre_histogram_plus(totals->sum, gyre_load_relaxed(&histogram->sum));
    totals->count = gyre_histogram_plus(totals->count, count);
    if (minimum < totals->minimum) totals->minimum = minimum;
    if (maximum > totals->maximum) totals->maximum = maximum;
}
