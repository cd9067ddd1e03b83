// gyre_flag.h: a flag that is raised once and looked at often: 0 while it is down, else why it was raised.
//
// Source      Ours: one word and one exchange.
// Progress    Wait-free.
// Order       None: all accesses are relaxed. Who needs to see more than the flag brings an edge of its own.
// Allocation  None; 4 bytes.

#ifndef GYRE_FLAG_H
#define GYRE_FLAG_H

#include "gyre_atomic.h"

GYRE_INLINE uint32_t gyre_flag_read(const gyre_atomic_u32 *flag) { return gyre_load_relaxed(flag); }
GYRE_INLINE void gyre_flag_lower(gyre_atomic_u32 *flag) { gyre_store_relaxed(flag, 0); }

/// Raises the flag unless it is up: the first reason stays.
GYRE_INLINE void gyre_flag_raise(gyre_atomic_u32 *flag, uint32_t reason) {
    uint32_t down = 0;
    (void)gyre_cas_relaxed_relaxed(flag, &down, reason);
}

#endif
