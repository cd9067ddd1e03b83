// verify_two_phase_ring.h: a ring that is known to block, to show that the freeze test can see it.
//
// The classic ring with two positions a side, as DPDK's rte_ring has it for many producers and consumers: reserve by an
// exchange on head, copy, wait until everybody who reserved earlier has published, publish by storing tail. A thread
// that is stopped between its reservation and its publication stops all that come after it.

#ifndef VERIFY_TWO_PHASE_RING_H
#define VERIFY_TWO_PHASE_RING_H

#include <sched.h>

#include "gyre_atomic.h"

#define VERIFY_TWO_PHASE_SLOTS_MAX 1024u
#define VERIFY_TWO_PHASE_SPINS 256u

typedef struct verify_two_phase_side {
    GYRE_CACHE_ALIGNED gyre_atomic_u64 head; // reserved up to here
    gyre_atomic_u64 tail;                    // published up to here
} verify_two_phase_side;

typedef struct verify_two_phase_ring {
    verify_two_phase_side producers;
    verify_two_phase_side consumers;
    uint32_t capacity;
    uint32_t slots[VERIFY_TWO_PHASE_SLOTS_MAX];
} verify_two_phase_ring;

static inline void verify_two_phase_publish(verify_two_phase_side *side, uint64_t position) {
    // Earlier reservations first. Whoever waits gives its processor up at times: with more threads than processors each
    // operation would else last until the one in turn is scheduled. It waits no less when that one is stopped.
    for (uint32_t spins = 1; gyre_load_acquire(&side->tail) != position; spins++) {
        if (spins % VERIFY_TWO_PHASE_SPINS == 0) {
            sched_yield();
        } else {
            gyre_pause();
        }
    }
    gyre_store_release(&side->tail, position + 1);
}

static inline bool verify_two_phase_push(verify_two_phase_ring *ring, uint32_t value) {
    uint64_t head = gyre_load_acquire(&ring->producers.head);
    do {
        if (head - gyre_load_acquire(&ring->consumers.tail) >= ring->capacity) return false;
    } while (!gyre_cas_acquire_acquire(&ring->producers.head, &head, head + 1));
    gyre_plain_write(ring->slots[head % ring->capacity], value);
    verify_two_phase_publish(&ring->producers, head);
    return true;
}

static inline bool verify_two_phase_pop(verify_two_phase_ring *ring, uint32_t *value) {
    uint64_t head = gyre_load_acquire(&ring->consumers.head);
    do {
        if (head >= gyre_load_acquire(&ring->producers.tail)) return false;
    } while (!gyre_cas_acquire_acquire(&ring->consumers.head, &head, head + 1));
    *value = gyre_plain_read(ring->slots[head % ring->capacity]);
    verify_two_phase_publish(&ring->consumers, head);
    return true;
}

#endif
