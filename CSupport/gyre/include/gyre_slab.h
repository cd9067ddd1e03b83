// gyre_slab.h: a ring of elements of any size, which lie in places of a slab that the caller owns.
//
// Source      gyre_ring.h with a place in every slot: who pushes swaps the place with the element for a free one, who
//             pops a free one for the place with the element. Nothing else is shared, so an element costs one exchange
//             in and one out, as a handle does; with a second ring for free places (as in R. Nikolaev, "A scalable,
//             portable, and memory-efficient lock-free FIFO queue", DISC 2019) it cost two of each.
// Progress    take, push, push_over, pop and give are lock-free, as their parts are.
// Order       That of gyre_ring.h: first in, first out, "drained" exact. "Empty" and "full" are exact for threads with
//             a number (gyre_thread.h), and for others while at most GYRE_SPARES_SHARED of them are in a call: who
//             finds no place to swap is told the ring is full, or empty, although it may not be.
// Allocation  In gyre_slab_create only: that of the ring, and 4,480 bytes. The slab itself is the caller's: as many
//             places as gyre_slab_places says.
//
//      push:  take ─▶ write the element into the place ─▶ push
//      pop:   pop  ─▶ move the element out of the place ─▶ give
//
// I1  A place is in exactly one slot, or in the hands of one thread, or in the spares: whoever has it in hands may read
//     and write it. The edges of the ring and of the spares hand it over.

#ifndef GYRE_SLAB_H
#define GYRE_SLAB_H

#include "gyre_ring.h"
#include "gyre_spares.h"

#define GYRE_SLAB_CAPACITY_MAX (1u << 29)

typedef struct gyre_slab {
    gyre_ring *ring; // line 0: read-only after creation
    GYRE_CACHE_ALIGNED gyre_spares spares;
} gyre_slab;

/// Makes a ring over `ring`, which is new, and puts its places into the slots. Not safe to race with any other call.
GYRE_INLINE void gyre_slab_init(gyre_slab *slab, gyre_ring *ring) {
    slab->ring = ring;
    gyre_ring_lay_places(ring);
    gyre_spares_init(&slab->spares, ring->capacity);
}

/// How many places the slab must have.
GYRE_INLINE uint32_t gyre_slab_places(uint32_t capacity) { return capacity + GYRE_SPARES_PLACES; }

/// A place for an element that the thread `number` is about to push. False when none is to be had: the ring counts as
/// full then.
GYRE_INLINE bool gyre_slab_take_as(gyre_slab *slab, uint32_t number, uint32_t *place) {
    return gyre_spares_take(&slab->spares, number, place);
}

/// Appends the element in `place`, or returns FULL or CLOSED: then the place is still the caller's, to be given back.
GYRE_INLINE gyre_ring_result gyre_slab_push_as(gyre_slab *slab, uint32_t number, uint32_t place) {
    gyre_ring_result result = gyre_ring_swap_in(slab->ring, &place);
    if (gyre_likely(result == GYRE_RING_OK)) gyre_spares_give(&slab->spares, number, place);
    return result;
}

/// Appends the element in `*place`. To a full ring it goes in place of the oldest: then this is REPLACED, and the
/// oldest is in `*place`, to be moved out and given back. Or CLOSED: the place is still the caller's.
GYRE_INLINE gyre_ring_result gyre_slab_push_over_as(gyre_slab *slab, uint32_t number, uint32_t *place) {
    gyre_ring_result result = gyre_ring_swap_over(slab->ring, place);
    if (gyre_likely(result == GYRE_RING_OK)) gyre_spares_give(&slab->spares, number, *place);
    return result;
}

/// Gives back a place that was taken, or the one of an element that was popped or replaced.
GYRE_INLINE void gyre_slab_give_as(gyre_slab *slab, uint32_t number, uint32_t place) {
    gyre_spares_give(&slab->spares, number, place);
}

/// Removes the oldest element: it is in `*place`, which is the caller's until it is given back. Or returns EMPTY, also
/// when no place is to be had in exchange, or DRAINED.
GYRE_INLINE gyre_ring_result gyre_slab_pop_as(gyre_slab *slab, uint32_t number, uint32_t *place) {
    if (gyre_unlikely(!gyre_spares_take(&slab->spares, number, place))) return GYRE_RING_EMPTY;
    gyre_ring_result result = gyre_ring_swap_out(slab->ring, place);
    if (result != GYRE_RING_OK) gyre_spares_give(&slab->spares, number, *place);
    return result;
}

#if !defined(GYRE_MODEL)
GYRE_INLINE bool gyre_slab_take(gyre_slab *slab, uint32_t *place) {
    return gyre_slab_take_as(slab, gyre_thread_number(), place);
}
GYRE_INLINE gyre_ring_result gyre_slab_push(gyre_slab *slab, uint32_t place) {
    return gyre_slab_push_as(slab, gyre_thread_number(), place);
}
GYRE_INLINE gyre_ring_result gyre_slab_push_over(gyre_slab *slab, uint32_t *place) {
    return gyre_slab_push_over_as(slab, gyre_thread_number(), place);
}
GYRE_INLINE gyre_ring_result gyre_slab_pop(gyre_slab *slab, uint32_t *place) {
    return gyre_slab_pop_as(slab, gyre_thread_number(), place);
}
GYRE_INLINE void gyre_slab_give(gyre_slab *slab, uint32_t place) {
    gyre_slab_give_as(slab, gyre_thread_number(), place);
}
GYRE_INLINE gyre_ring *gyre_slab_ring(const gyre_slab *slab) { return slab->ring; }

#ifdef __cplusplus
extern "C" {
#endif

/// A ring of `capacity` elements (GYRE_RING_CAPACITY_MIN to GYRE_SLAB_CAPACITY_MAX). NULL when the capacity is out of
/// range or memory is out.
gyre_slab *gyre_slab_create(uint32_t capacity);

/// Frees a ring that nobody uses any more. NULL is allowed.
void gyre_slab_destroy(gyre_slab *slab);

#ifdef __cplusplus
}
#endif
#endif

#endif
