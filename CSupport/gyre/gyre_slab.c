// gyre_slab.c: memory of rings of elements.

#include "gyre_slab.h"

#include <stdlib.h>

gyre_slab *gyre_slab_create(uint32_t capacity) {
    if (capacity > GYRE_SLAB_CAPACITY_MAX) return NULL;
    gyre_ring *ring = gyre_ring_create(capacity);
    gyre_slab *slab = ring == NULL ? NULL : aligned_alloc(GYRE_CACHE_LINE_BYTES, sizeof(gyre_slab));
    if (slab == NULL) {
        gyre_ring_destroy(ring);
        return NULL;
    }
    gyre_slab_init(slab, ring);
    return slab;
}

void gyre_slab_destroy(gyre_slab *slab) {
    if (slab == NULL) return;
    gyre_ring_destroy(slab->ring);
    free(slab);
}
