// gyre_ring.c: memory of rings.

#include "gyre_ring.h"

#include <stdlib.h>

gyre_ring *gyre_ring_create(uint32_t capacity) {
    if (capacity < GYRE_RING_CAPACITY_MIN || capacity > GYRE_RING_CAPACITY_MAX) return NULL;
    size_t bytes = sizeof(gyre_ring) + (size_t)capacity * sizeof(gyre_atomic_u64);
    bytes = (bytes + GYRE_CACHE_LINE_BYTES - 1) & ~(size_t)(GYRE_CACHE_LINE_BYTES - 1);
    gyre_ring *ring = aligned_alloc(GYRE_CACHE_LINE_BYTES, bytes);
    if (ring == NULL) return NULL;
    gyre_ring_init(ring, (gyre_atomic_u64 *)(ring + 1), capacity, 0);
    return ring;
}

void gyre_ring_destroy(gyre_ring *ring) { free(ring); }
