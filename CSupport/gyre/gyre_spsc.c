// gyre_spsc.c: memory of rings for one producer and one consumer.

#include "gyre_spsc.h"

#include <stdlib.h>

gyre_spsc *gyre_spsc_create(uint32_t capacity) {
    if (capacity < 1 || capacity > GYRE_RING_CAPACITY_MAX) return NULL;
    gyre_spsc *ring = aligned_alloc(GYRE_CACHE_LINE_BYTES, sizeof(gyre_spsc));
    if (ring != NULL) gyre_spsc_init(ring, capacity, 0);
    return ring;
}

void gyre_spsc_destroy(gyre_spsc *ring) { free(ring); }
