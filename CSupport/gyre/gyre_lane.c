// gyre_lane.c: memory of lanes.

#include "gyre_lane.h"

#include <stdlib.h>

gyre_lane *gyre_lane_create(uint32_t capacity, size_t element_bytes) {
    if (capacity > GYRE_LANE_CAPACITY_MAX || element_bytes > SIZE_MAX / 64 / GYRE_BATCH_MAX / 2) return NULL;
    gyre_ring *ring = gyre_ring_create(capacity);
    if (ring == NULL) return NULL;
    size_t line = GYRE_CACHE_LINE_BYTES, chunks = gyre_lane_chunks(capacity);
    size_t chunk_bytes = (element_bytes * GYRE_BATCH_MAX + line - 1) / line * line, bytes = 0;
    gyre_lane *lane = aligned_alloc(line, sizeof(gyre_lane));
    gyre_atomic_u32 *left = calloc(chunks, sizeof(gyre_atomic_u32));
    char *elements = __builtin_mul_overflow(chunks, chunk_bytes, &bytes) ? NULL : aligned_alloc(line, bytes);
    if (lane == NULL || left == NULL || elements == NULL) {
        free(elements);
        free(left);
        free(lane);
        gyre_ring_destroy(ring);
        return NULL;
    }
    lane->elements = elements;
    lane->chunk_bytes = chunk_bytes;
    gyre_lane_init(lane, ring, left);
    return lane;
}

void gyre_lane_destroy(gyre_lane *lane) {
    if (lane == NULL) return;
    gyre_ring_destroy(lane->ring);
    free(lane->left);
    free(lane->elements);
    free(lane);
}
