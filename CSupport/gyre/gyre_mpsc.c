// gyre_mpsc.c: memory of rings for many producers and one consumer.

#include "gyre_mpsc.h"

#include <stdlib.h>

gyre_mpsc *gyre_mpsc_create(uint32_t capacity) {
    if (capacity > GYRE_SLAB_CAPACITY_MAX) return NULL;
    gyre_ring *ring = gyre_ring_create(capacity);
    gyre_mpsc *mpsc = ring == NULL ? NULL : aligned_alloc(GYRE_CACHE_LINE_BYTES, sizeof(gyre_mpsc));
    if (mpsc == NULL) {
        gyre_ring_destroy(ring);
        return NULL;
    }
    gyre_mpsc_init(mpsc, ring);
    return mpsc;
}

void gyre_mpsc_destroy(gyre_mpsc *mpsc) {
    if (mpsc == NULL) return;
    gyre_ring_destroy(mpsc->slab.ring);
    free(mpsc);
}
