// gyre_gate.c: memory for gates whose owner cannot lay one out himself.

#include "gyre_gate.h"

#include <stdlib.h>

gyre_gate *gyre_gate_create(void) {
    gyre_gate *gate = aligned_alloc(GYRE_CACHE_LINE_BYTES, sizeof(gyre_gate));
    if (gate != NULL) gyre_gate_init(gate);
    return gate;
}

void gyre_gate_destroy(gyre_gate *gate) { free(gate); }
