// gyre_counter.c: creation of the counters of gyre_counter.h.

#include "gyre_counter.h"

#include <stdlib.h>
#include <unistd.h>

GYRE_STATIC_ASSERT(offsetof(gyre_striped, stripes) == GYRE_CACHE_LINE_BYTES, "the head must not share a stripe's line");

gyre_counter_line *gyre_counter_lines_create(size_t count) {
    size_t bytes;
    if (__builtin_mul_overflow(count, sizeof(gyre_counter_line), &bytes)) return NULL;
    gyre_counter_line *lines = aligned_alloc(GYRE_CACHE_LINE_BYTES, bytes);
    if (!lines) return NULL;
    for (size_t index = 0; index < count; ++index)
        for (uint32_t which = 0; which < GYRE_COUNTERS_PER_LINE; ++which)
            gyre_store_relaxed(&lines[index].words[which], 0); // published with the pointer by whoever shares it
    return lines;
}

void gyre_counter_lines_destroy(gyre_counter_line *lines) { free(lines); }

gyre_striped *gyre_striped_create(uint32_t stripes) {
    if (stripes == 0) {
        long configured = sysconf(_SC_NPROCESSORS_CONF);
        stripes = configured > 0 ? (uint32_t)configured : 1;
    }
    if (stripes > GYRE_STRIPES_MAX) stripes = GYRE_STRIPES_MAX;
    uint32_t count = 1;
    while (count < stripes) count *= 2;
    gyre_striped *counter = aligned_alloc(GYRE_CACHE_LINE_BYTES, sizeof(gyre_striped) + count * sizeof(gyre_stripe));
    if (!counter) return NULL;
    counter->mask = count - 1;
    for (uint32_t stripe = 0; stripe < count; ++stripe)
        gyre_store_relaxed(&counter->stripes[stripe].value, 0); // published with the pointer by whoever shares it
    return counter;
}

void gyre_striped_destroy(gyre_striped *counter) { free(counter); }
