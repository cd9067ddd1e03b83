// gyre_mpsc.h: a ring of elements of any size for many producers and one consumer.
//
// Source      gyre_slab.h, whose slots only the consumer writes while they hold something.
// Progress    take, push and give are lock-free for any number of threads, pop and release wait-free but for closing,
//             where a producer's push may come before the seal, once for each slot. Pop and release are the consumer's:
//             one thread at a time, handed on with happens-before. close and is_closed: any thread, wait-free.
// Order       First in, first out; "empty" and "drained" are exact, and "full" as in gyre_slab.h, for whatever happened
//             before the call. The consumer stores plainly: by the clock, a slot may be seen to be free some
//             nanoseconds after its pop returned.
// Who closes  Anybody, by a flag that producers look at before they push. The consumer sets the seal, on the free slot
//             at which it found the ring empty and the flag set: a push is before the seal, and is popped, or meets it.
//             So a held slot has no other writer than the consumer, which stores plainly where gyre_ring.h needs an
//             exchange.
// Allocation  In gyre_mpsc_create only: that of the slab, and 128 bytes. The slab's memory is the caller's.
//
//      free ──push: exchange──▶ held ──pop: store──▶ free in the next lap
//        └──────seal: exchange──▶ sealed, for good
//
// I1  Of head there is one writer, so it is no hint: the consumer's next slot is there.
// F1 -> F2  close releases, whoever reads the flag acquires; and the seal releases what its setter read: what the
//           closer did before is seen by whoever is told "closed" or "drained".
// The other edges are R1 -> R2 and R2 -> R1 of gyre_ring.h.

#ifndef GYRE_MPSC_H
#define GYRE_MPSC_H

#include "gyre_slab.h"

typedef struct gyre_mpsc {
    gyre_slab slab;
    GYRE_CACHE_ALIGNED gyre_atomic_u32 closing; // a line that is written once
    GYRE_CACHE_ALIGNED uint32_t spare;          // the consumer's place
} gyre_mpsc;

/// Makes a ring over `ring`, which is new. Not safe to race with any other call.
GYRE_INLINE void gyre_mpsc_init(gyre_mpsc *mpsc, gyre_ring *ring) {
    gyre_slab_init(&mpsc->slab, ring);
    gyre_store_relaxed(&mpsc->closing, 0); // nobody else knows the ring yet
    gyre_plain_write(mpsc->spare, gyre_slab_places(ring->capacity));
}

/// How many places the slab must have.
GYRE_INLINE uint32_t gyre_mpsc_places(uint32_t capacity) { return gyre_slab_places(capacity) + 1; }

/// A place for an element that the thread `number` is about to push, or FULL or CLOSED.
GYRE_INLINE gyre_ring_result gyre_mpsc_take_as(gyre_mpsc *mpsc, uint32_t number, uint32_t *place) {
    if (gyre_load_acquire(&mpsc->closing) != 0) return GYRE_RING_CLOSED; // F2
    return gyre_slab_take_as(&mpsc->slab, number, place) ? GYRE_RING_OK : GYRE_RING_FULL;
}

/// Appends the element in `place`, or returns FULL or CLOSED: then the place is still the caller's, to be given back.
GYRE_INLINE gyre_ring_result gyre_mpsc_push_as(gyre_mpsc *mpsc, uint32_t number, uint32_t place) {
    return gyre_slab_push_as(&mpsc->slab, number, place);
}

GYRE_INLINE void gyre_mpsc_give_as(gyre_mpsc *mpsc, uint32_t number, uint32_t place) {
    gyre_slab_give_as(&mpsc->slab, number, place);
}

/// Removes the oldest element: it is in `*place`, to be moved out and released before the next pop. Or returns EMPTY or
/// DRAINED. The consumer's.
GYRE_INLINE gyre_ring_result gyre_mpsc_pop(gyre_mpsc *mpsc, uint32_t *place) {
    gyre_ring *ring = mpsc->slab.ring;
    uint64_t position = gyre_load_relaxed(&ring->head); // I1
    gyre_atomic_u64 *slot = &ring->slots[gyre_ring_index(position)];
    for (;;) {
        uint64_t seen = gyre_load_acquire(slot); // R2 of the R1 -> R2 edge
        if (gyre_ring_tag(seen) == 2 * gyre_ring_lap(position) + 1) {
            uint64_t freed = gyre_ring_slot(gyre_ring_tag(seen) + 1, 0, gyre_plain_read(mpsc->spare));
            gyre_store_release(slot, freed); // R2: nobody else writes a slot that holds something
            gyre_store_relaxed(&ring->head, gyre_ring_after(ring, position, 0)); // I1; others only estimate by it
            *place = (uint32_t)seen & GYRE_RING_HANDLE_MAX;
            return GYRE_RING_OK;
        }
        if (seen & GYRE_RING_SEAL) return GYRE_RING_DRAINED;
        if (gyre_load_acquire(&mpsc->closing) == 0) return GYRE_RING_EMPTY;                      // F2
        if (gyre_cas_release_relaxed(slot, &seen, seen | GYRE_RING_SEAL)) return GYRE_RING_DRAINED; // F1
    }
}

/// After the element was moved out of `place`: the consumer leaves it in the slot of its next pop.
GYRE_INLINE void gyre_mpsc_release(gyre_mpsc *mpsc, uint32_t place) { gyre_plain_write(mpsc->spare, place); }

/// From now on take says CLOSED, and pop DRAINED once the rest is out. False when it was closed already. Any thread.
GYRE_INLINE bool gyre_mpsc_close(gyre_mpsc *mpsc) { return gyre_exchange_acq_rel(&mpsc->closing, 1) == 0; } // F1, F2

/// Whether the ring is closed. Any thread.
GYRE_INLINE bool gyre_mpsc_is_closed(gyre_mpsc *mpsc) { return gyre_load_acquire(&mpsc->closing) != 0; } // F2

#if !defined(GYRE_MODEL)
GYRE_INLINE gyre_ring_result gyre_mpsc_take(gyre_mpsc *mpsc, uint32_t *place) {
    return gyre_mpsc_take_as(mpsc, gyre_thread_number(), place);
}
GYRE_INLINE gyre_ring_result gyre_mpsc_push(gyre_mpsc *mpsc, uint32_t place) {
    return gyre_mpsc_push_as(mpsc, gyre_thread_number(), place);
}
GYRE_INLINE void gyre_mpsc_give(gyre_mpsc *mpsc, uint32_t place) {
    gyre_mpsc_give_as(mpsc, gyre_thread_number(), place);
}
GYRE_INLINE uint32_t gyre_mpsc_size_approximate(const gyre_mpsc *mpsc) {
    return gyre_ring_size_approximate(mpsc->slab.ring);
}

#ifdef __cplusplus
extern "C" {
#endif

/// A ring of `capacity` elements (GYRE_RING_CAPACITY_MIN to GYRE_SLAB_CAPACITY_MAX). NULL when the capacity is out of
/// range or memory is out.
gyre_mpsc *gyre_mpsc_create(uint32_t capacity);

/// Frees a ring that nobody uses any more. NULL is allowed.
void gyre_mpsc_destroy(gyre_mpsc *mpsc);

#ifdef __cplusplus
}
#endif
#endif

#endif
