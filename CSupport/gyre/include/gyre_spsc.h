// gyre_spsc.h: a bounded ring for one producer and one consumer. Elements lie in the caller's memory, by index.
//
// Source      L. Lamport, "Specifying concurrent program modules", TOPLAS 1983. That each side keeps what it last saw
//             of the other one: P. Lee, T. Bu, G. Chandranmenon, "A lock-free, cache-efficient multi-core
//             synchronization mechanism for line-rate network traffic monitoring" (MCRingBuffer), IPDPS 2010.
// Progress    Every call is wait-free. room, publish and close are the producer's, stock and release the consumer's:
//             one thread at a time each, handed on with happens-before. size_approximate and is_closed: any thread.
// Order       First in, first out; "full", "empty" and "drained" are exact for whatever happened before the call. Both
//             sides store plainly, so by the clock a store may be seen some nanoseconds after its call returned: who
//             goes to sleep on "empty" or "full" needs a seq_cst fence on each side, as gyre_event.h has it.
// Who closes  The producer alone: its next push would be refused, so no push races with the seal. A consumer that wants
//             no more has to tell the producer by other means.
// Allocation  In gyre_spsc_create only: 192 bytes. The elements are the caller's: as many as the capacity.
//
//      tail = elements pushed (63) | seal (1)       stored by the producer only, plainly: no exchange anywhere
//      head = elements popped                       stored by the consumer only
//
//      producer:  room ─▶ write the elements ─▶ publish          consumer:  stock ─▶ move them out ─▶ release
//
// I1  0 <= tail - head <= capacity, as differences modulo 2^63; what one side has seen of the other is never too much.
// I2  The producer owns the places from tail to head + capacity, the consumer those from head to tail.
// P1 -> P2  publish releases, stock acquires: what was written before a push is seen after its pop. The seal is in the
//           same word, so who reads it has seen every element before it.
// P3 -> P4  release releases, room acquires: an element is moved out before the next one is written in its place.

#ifndef GYRE_SPSC_H
#define GYRE_SPSC_H

#include "gyre_ring.h"

#define GYRE_SPSC_SEAL 1ull

typedef struct gyre_spsc {
    uint32_t capacity;                       // line 0: read-only after creation
    GYRE_CACHE_ALIGNED gyre_atomic_u64 tail; // line 1: the producer's
    uint64_t head_seen;                      //         plain: what it knows of head
    uint32_t push_index;                     //         plain: place of the next element
    GYRE_CACHE_ALIGNED gyre_atomic_u64 head; // line 2: the consumer's
    uint64_t tail_seen;                      //         plain: what it knows of tail, seal included
    uint32_t pop_index;
} gyre_spsc;

/// Makes a ring; `first` is how many elements count as pushed and popped (0 outside tests, which begin just before the
/// counts wrap). Not safe to race with any other call.
GYRE_INLINE void gyre_spsc_init(gyre_spsc *ring, uint32_t capacity, uint64_t first) {
    GYRE_ASSERT(capacity >= 1);
    ring->capacity = capacity;
    // Relaxed: nobody else knows the ring yet.
    gyre_store_relaxed(&ring->tail, first << 1);
    gyre_store_relaxed(&ring->head, first << 1);
    gyre_plain_write(ring->head_seen, first << 1);
    gyre_plain_write(ring->tail_seen, first << 1);
    gyre_plain_write(ring->push_index, 0);
    gyre_plain_write(ring->pop_index, 0);
}

GYRE_INLINE uint64_t gyre_spsc_between(uint64_t head, uint64_t tail) { return (tail - head) >> 1; }

/// Room for up to `max` elements: `*count` free places from `*index` on, without a wrap, so there may be more behind.
///      Or
/// FULL or CLOSED.
GYRE_INLINE gyre_ring_result gyre_spsc_room(gyre_spsc *ring, uint32_t max, uint32_t *index, uint32_t *count) {
    GYRE_ASSERT(max >= 1);
    uint64_t tail = gyre_load_relaxed(&ring->tail); // its own
    if (tail & GYRE_SPSC_SEAL) return GYRE_RING_CLOSED;
    uint64_t free = ring->capacity - gyre_spsc_between(gyre_plain_read(ring->head_seen), tail);
    if (free < max) {
        uint64_t head = gyre_load_acquire(&ring->head); // P4
        gyre_plain_write(ring->head_seen, head);
        free = ring->capacity - gyre_spsc_between(head, tail);
        if (free == 0) return GYRE_RING_FULL;
    }
    uint32_t before_wrap = ring->capacity - gyre_plain_read(ring->push_index);
    *index = gyre_plain_read(ring->push_index);
    *count = free < max ? (uint32_t)free : max;
    if (*count > before_wrap) *count = before_wrap;
    return GYRE_RING_OK;
}

/// Appends the next `count` elements, at most as many as room said, which lie in their places.
GYRE_INLINE void gyre_spsc_publish(gyre_spsc *ring, uint32_t count) {
    uint32_t index = gyre_plain_read(ring->push_index) + count;
    gyre_plain_write(ring->push_index, index == ring->capacity ? 0 : index);
    gyre_store_release(&ring->tail, gyre_load_relaxed(&ring->tail) + 2ull * count); // P1
}

/// From now on room says CLOSED, and stock DRAINED once the rest is out. False when it was closed already. The
///      producer's.
GYRE_INLINE bool gyre_spsc_close(gyre_spsc *ring) {
    uint64_t tail = gyre_load_relaxed(&ring->tail); // its own
    gyre_store_release(&ring->tail, tail | GYRE_SPSC_SEAL); // P1
    return (tail & GYRE_SPSC_SEAL) == 0;
}

/// Up to `max` elements: `*count` of them from `*index` on, without a wrap, so there may be more behind. Or EMPTY or
/// DRAINED.
GYRE_INLINE gyre_ring_result gyre_spsc_stock(gyre_spsc *ring, uint32_t max, uint32_t *index, uint32_t *count) {
    GYRE_ASSERT(max >= 1);
    uint64_t head = gyre_load_relaxed(&ring->head); // its own
    uint64_t there = gyre_spsc_between(head, gyre_plain_read(ring->tail_seen));
    if (there < max) {
        uint64_t tail = gyre_load_acquire(&ring->tail); // P2
        gyre_plain_write(ring->tail_seen, tail);
        there = gyre_spsc_between(head, tail);
        if (there == 0) return (tail & GYRE_SPSC_SEAL) ? GYRE_RING_DRAINED : GYRE_RING_EMPTY;
    }
    uint32_t before_wrap = ring->capacity - gyre_plain_read(ring->pop_index);
    *index = gyre_plain_read(ring->pop_index);
    *count = there < max ? (uint32_t)there : max;
    if (*count > before_wrap) *count = before_wrap;
    return GYRE_RING_OK;
}

/// Gives the places of the oldest `count` elements, at most as many as stock said, to the producer.
GYRE_INLINE void gyre_spsc_release(gyre_spsc *ring, uint32_t count) {
    uint32_t index = gyre_plain_read(ring->pop_index) + count;
    gyre_plain_write(ring->pop_index, index == ring->capacity ? 0 : index);
    gyre_store_release(&ring->head, gyre_load_relaxed(&ring->head) + 2ull * count); // P3
}

/// Whether the ring is closed. Any thread.
GYRE_INLINE bool gyre_spsc_is_closed(const gyre_spsc *ring) {
    return (gyre_load_acquire(&ring->tail) & GYRE_SPSC_SEAL) != 0; // P2
}

/// Number of elements: exact when nobody pushes or pops, else near. Any thread.
GYRE_INLINE uint32_t gyre_spsc_size_approximate(const gyre_spsc *ring) {
    // Relaxed: an estimate orders nothing. Head first: the other way round there might seem to be less than none.
    uint64_t head = gyre_load_relaxed(&ring->head), tail = gyre_load_relaxed(&ring->tail);
    uint64_t size = gyre_spsc_between(head, tail);
    if (size >> 62 != 0) return 0;
    return size > ring->capacity ? ring->capacity : (uint32_t)size;
}

#if !defined(GYRE_MODEL)
#ifdef __cplusplus
extern "C" {
#endif

/// A ring of `capacity` elements (1 to GYRE_RING_CAPACITY_MAX). NULL when the capacity is out of range or memory is
/// out.
gyre_spsc *gyre_spsc_create(uint32_t capacity);

/// Frees a ring that nobody uses any more. NULL is allowed.
void gyre_spsc_destroy(gyre_spsc *ring);

#ifdef __cplusplus
}
#endif
#endif

#endif
