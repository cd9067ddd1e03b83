// gyre_ring.h: a bounded multi-producer, multi-consumer ring of 31-bit handles.
//
// Source      An array queue with versioned slots: C. Shann, T. Huang, C. Chen, "A practical nonblocking queue
//             algorithm using compare-and-swap", ICPADS 2000; P. Tsigas, Y. Zhang, "A simple, fast and scalable
//             non-blocking concurrent FIFO queue", SPAA 2001. New here: the tag says free or held as well as the
//             lap, head and tail are only hints, and the mark of closing (seal) lives in the slot at the tail.
// Progress    try_push, push_over, try_pop and close are lock-free for any number of threads: an exchange on a slot
//             fails only because another operation succeeded on it. No ticket is taken, so a thread that is stopped
//             anywhere holds nobody up. A call that starts from an old hint walks on slot by slot: O(capacity) at
//             worst.
// Order       First in, first out, linearizable. "Full" and "empty" are exact: there was a moment within the call at
//             which the ring was full or empty. A push happens before the pop that returns its handle.
// Allocation  In gyre_ring_create only: 192 bytes and 8 bytes a slot, rounded up to a cache line.
//
// A slot is one atomic word, so that state and payload change together; there is no claimed but unpublished slot:
//
//      | tag 32 | seal 1 | handle 31 |
//
//      tag = 2 * lap      ──push R1──▶      tag = 2 * lap + 1      ──pop R2──▶      tag = 2 * (lap + 1)
//      free in this lap                     holds a handle                         free in the next lap
//
// A free slot has room for a handle too. gyre_ring_swap_in and gyre_ring_swap_out use it: they leave a handle of the
// caller's in the slot and hand out the one that was there, so that a slot always holds one place of a slab, of an
// element or for the next one. Whoever pushes gets a free place in exchange for the one with the element, whoever pops
// the other way round: no list of free places, no second ring. A slab needs as many places as the ring has slots, and
// one for each call that is under way (gyre_spares.h). Pushing and popping are this with no place in free slots.
//
// Of a full ring the slot at the tail is the one with the oldest handle, of the lap before. gyre_ring_swap_over makes a
// pop and a push of it in one exchange, from tag 2 * lap - 1 to 2 * lap + 1: the ring stays full, the oldest handle
// comes out once, and nobody sees the room between.
//
// A position is lap (32) and index (32) packed in one word. The index wraps at the capacity, whatever that is.
// Laps wrap at 2^31 (the tag at 2^32), and tags are compared by their difference only. That is safe as long as no
// call stands still while the ring turns 2^30 times: tens of seconds at full speed for a capacity of 2, an hour for
// 256.
//
// I1  A hint never exceeds the truth: tail is stored after a push at the slot before it, head after a pop. It may be
//     older than one before it: a thread that stood still between its exchange and its hint stores it all the same.
// I2  Of all slots at most one is sealed, the slot at the true tail. Push never passes it, so the tail stays there.
// R1 -> R2  push releases, pop acquires: what was written before a push is seen after the pop of its handle.
// R2 -> R1  pop releases, push acquires (by its load of the slot): a record that the popper gave back, or the place it
//           left in the slot, is not reused early; and a push that follows a pop in happens-before finds the slot free
//           (no false "full").
// H1 -> H2  a hint is stored with release and loaded with acquire: who starts at a hint sees every slot before it as
//           passed. With a relaxed hint, or a relaxed look after a failed exchange, a false "full" or "empty" appears.
// C1 -> C2  close releases: what the closer wrote before is seen by whoever reads "closed" or "drained".

#ifndef GYRE_RING_H
#define GYRE_RING_H

#include "gyre_atomic.h"

#define GYRE_RING_CAPACITY_MIN 2u
#define GYRE_RING_CAPACITY_MAX (1u << 30)
#define GYRE_RING_HANDLE_MAX ((1u << 31) - 1)
#define GYRE_RING_SEAL (1ull << 31)

typedef enum gyre_ring_result {
    GYRE_RING_OK = 0,
    GYRE_RING_FULL = 1,     // try_push: every slot holds a handle
    GYRE_RING_EMPTY = 2,    // try_pop: no slot holds a handle, and more may come
    GYRE_RING_CLOSED = 3,   // try_push: closed, nothing was stored
    GYRE_RING_DRAINED = 4,  // try_pop: closed, and everything that was pushed has been popped
    GYRE_RING_REPLACED = 5, // push_over: stored, in place of the oldest handle of a full ring
} gyre_ring_result;

typedef struct gyre_ring {
    gyre_atomic_u64 *slots;                  // line 0: read-only after creation, shared by all
    uint32_t capacity;                       //         number of slots
    GYRE_CACHE_ALIGNED gyre_atomic_u64 tail; // line 1: hint, stored by producers
    GYRE_CACHE_ALIGNED gyre_atomic_u64 head; // line 2: hint, stored by consumers
} gyre_ring;

GYRE_STATIC_ASSERT(sizeof(gyre_ring) == 3 * GYRE_CACHE_LINE_BYTES, "three lines: shared, producers, consumers");

GYRE_INLINE uint32_t gyre_ring_lap(uint64_t position) { return (uint32_t)(position >> 32); }
GYRE_INLINE uint32_t gyre_ring_index(uint64_t position) { return (uint32_t)position; }
GYRE_INLINE uint32_t gyre_ring_tag(uint64_t slot) { return (uint32_t)(slot >> 32); }

GYRE_INLINE uint64_t gyre_ring_slot(uint32_t tag, uint64_t seal, uint32_t handle) {
    return ((uint64_t)tag << 32) | seal | handle;
}

/// The position `laps` laps and one slot after `position`.
GYRE_INLINE uint64_t gyre_ring_after(const gyre_ring *ring, uint64_t position, uint32_t laps) {
    uint32_t lap = gyre_ring_lap(position) + laps;
    uint32_t index = gyre_ring_index(position) + 1;
    if (index == ring->capacity) {
        index = 0;
        lap += 1;
    }
    return ((uint64_t)lap << 32) | index;
}

/// Makes a ring of memory that the caller owns: `capacity` slots, all free. Positions start at lap `first_lap` (0
/// outside tests, which begin just before the laps wrap). Not safe to race with any other call.
GYRE_INLINE void gyre_ring_init(gyre_ring *ring, gyre_atomic_u64 *slots, uint32_t capacity, uint32_t first_lap) {
    GYRE_ASSERT(capacity >= GYRE_RING_CAPACITY_MIN);
    GYRE_ASSERT(capacity <= GYRE_RING_CAPACITY_MAX);
    ring->slots = slots;
    ring->capacity = capacity;
    // Relaxed: nobody else knows the ring yet.
    gyre_store_relaxed(&ring->tail, (uint64_t)first_lap << 32);
    gyre_store_relaxed(&ring->head, (uint64_t)first_lap << 32);
    for (uint32_t index = 0; index < capacity; index++) {
        gyre_store_relaxed(&slots[index], gyre_ring_slot(2 * first_lap, 0, 0));
    }
}

/// Puts into each free slot the place of its index: for gyre_ring_swap_in and gyre_ring_swap_out. Right after
/// gyre_ring_init; not safe to race with any other call.
GYRE_INLINE void gyre_ring_lay_places(gyre_ring *ring) {
    // Relaxed: nobody else knows the ring yet.
    for (uint32_t index = 0; index < ring->capacity; index++) {
        gyre_store_relaxed(&ring->slots[index], gyre_load_relaxed(&ring->slots[index]) | index);
    }
}

/// Appends `*handle` (at most GYRE_RING_HANDLE_MAX) and stores in it what the free slot held, or returns FULL or CLOSED
/// and changes nothing. Lock-free.
GYRE_INLINE gyre_ring_result gyre_ring_swap_in(gyre_ring *ring, uint32_t *handle) {
    GYRE_ASSERT(*handle <= GYRE_RING_HANDLE_MAX);
    uint64_t position = gyre_load_acquire(&ring->tail); // H2
    for (;;) {
        gyre_atomic_u64 *slot = &ring->slots[gyre_ring_index(position)];
        uint64_t seen = gyre_load_acquire(slot); // R1 of the R2 -> R1 edge, C2
        for (;;) {
            int32_t lead = (int32_t)(gyre_ring_tag(seen) - 2 * gyre_ring_lap(position));
            if (lead > 0) { // pushed in this lap or a later one: the tail is beyond
                position = gyre_ring_after(ring, position, (uint32_t)(lead - 1) / 2);
                break;
            }
            if (seen & GYRE_RING_SEAL) return GYRE_RING_CLOSED; // I2: only the tail can be sealed
            if (lead < 0) return GYRE_RING_FULL;                // still holds the handle of the lap before
            uint64_t held = gyre_ring_slot(gyre_ring_tag(seen) + 1, 0, *handle);
            if (gyre_cas_release_acquire(slot, &seen, held)) {                         // R1
                gyre_store_release(&ring->tail, gyre_ring_after(ring, position, 0)); // H1
                *handle = (uint32_t)seen & GYRE_RING_HANDLE_MAX;
                return GYRE_RING_OK;
            }
        }
    }
}

/// Appends `*handle` (at most GYRE_RING_HANDLE_MAX), to a full ring in place of its oldest. `*handle` is then what the
/// free slot held (OK), or the oldest handle (REPLACED). Or returns CLOSED and changes nothing. Lock-free.
GYRE_INLINE gyre_ring_result gyre_ring_swap_over(gyre_ring *ring, uint32_t *handle) {
    GYRE_ASSERT(*handle <= GYRE_RING_HANDLE_MAX);
    uint64_t position = gyre_load_acquire(&ring->tail); // H2: who pops the new lap must see the slots between as held
    for (;;) {
        gyre_atomic_u64 *slot = &ring->slots[gyre_ring_index(position)];
        uint64_t seen = gyre_load_acquire(slot); // R1 and R2 of the edges to here, C2
        for (;;) {
            int32_t lead = (int32_t)(gyre_ring_tag(seen) - 2 * gyre_ring_lap(position));
            if (lead > 0) {
                position = gyre_ring_after(ring, position, (uint32_t)(lead - 1) / 2);
                break;
            }
            if (seen & GYRE_RING_SEAL) return GYRE_RING_CLOSED; // I2
            uint64_t held = gyre_ring_slot(2 * gyre_ring_lap(position) + 1, 0, *handle);
            if (!gyre_cas_release_acquire(slot, &seen, held)) continue; // R1, and R2 of who is replaced
            gyre_store_release(&ring->tail, gyre_ring_after(ring, position, 0)); // H1
            *handle = (uint32_t)seen & GYRE_RING_HANDLE_MAX;
            if (lead == 0) return GYRE_RING_OK;
            // The head is beyond the slot of the lap before.
            gyre_store_release(&ring->head, gyre_ring_after(ring, position - (1ull << 32), 0)); // H1
            return GYRE_RING_REPLACED;
        }
    }
}

/// Removes the oldest handle into `*handle` and leaves in its slot what `*handle` was, or returns EMPTY or DRAINED and
/// changes nothing. Lock-free.
GYRE_INLINE gyre_ring_result gyre_ring_swap_out(gyre_ring *ring, uint32_t *handle) {
    uint64_t position = gyre_load_acquire(&ring->head); // H2
    for (;;) {
        gyre_atomic_u64 *slot = &ring->slots[gyre_ring_index(position)];
        uint64_t seen = gyre_load_acquire(slot); // R2 of the R1 -> R2 edge, C2
        for (;;) {
            int32_t lead = (int32_t)(gyre_ring_tag(seen) - (2 * gyre_ring_lap(position) + 1));
            if (lead > 0) { // popped in this lap or a later one: the head is beyond
                position = gyre_ring_after(ring, position, (uint32_t)(lead - 1) / 2);
                break;
            }
            if (lead < 0) return (seen & GYRE_RING_SEAL) ? GYRE_RING_DRAINED : GYRE_RING_EMPTY;
            uint64_t freed = gyre_ring_slot(gyre_ring_tag(seen) + 1, seen & GYRE_RING_SEAL, *handle);
            if (gyre_cas_release_acquire(slot, &seen, freed)) {                        // R2; `seen` is acquired already
                gyre_store_release(&ring->head, gyre_ring_after(ring, position, 0)); // H1
                *handle = (uint32_t)seen & GYRE_RING_HANDLE_MAX;
                return GYRE_RING_OK;
            }
        }
    }
}

/// Appends `handle` (at most GYRE_RING_HANDLE_MAX), or returns FULL or CLOSED and stores nothing. Lock-free.
GYRE_INLINE gyre_ring_result gyre_ring_try_push(gyre_ring *ring, uint32_t handle) {
    return gyre_ring_swap_in(ring, &handle);
}

/// Appends `handle`; when the ring is full the oldest handle comes out for it, into `*oldest`, and this is REPLACED. Or
/// returns CLOSED and stores nothing. Lock-free.
GYRE_INLINE gyre_ring_result gyre_ring_push_over(gyre_ring *ring, uint32_t handle, uint32_t *oldest) {
    gyre_ring_result result = gyre_ring_swap_over(ring, &handle);
    if (result == GYRE_RING_REPLACED) *oldest = handle;
    return result;
}

/// Removes the oldest handle into `*handle`, or returns EMPTY or DRAINED. Lock-free.
GYRE_INLINE gyre_ring_result gyre_ring_try_pop(gyre_ring *ring, uint32_t *handle) {
    uint32_t swapped = 0;
    gyre_ring_result result = gyre_ring_swap_out(ring, &swapped);
    if (result == GYRE_RING_OK) *handle = swapped;
    return result;
}

/// Closes the ring: from now on pushes return CLOSED, and pops return DRAINED once the rest is out. Returns false
/// when it was closed already. Final; safe from any thread. Lock-free.
GYRE_INLINE bool gyre_ring_close(gyre_ring *ring) {
    uint64_t position = gyre_load_relaxed(&ring->tail); // a hint: the exchange on the slot decides
    for (;;) {
        gyre_atomic_u64 *slot = &ring->slots[gyre_ring_index(position)];
        uint64_t seen = gyre_load_acquire(slot);
        for (;;) {
            int32_t lead = (int32_t)(gyre_ring_tag(seen) - 2 * gyre_ring_lap(position));
            if (lead > 0) {
                position = gyre_ring_after(ring, position, (uint32_t)(lead - 1) / 2);
                break;
            }
            if (seen & GYRE_RING_SEAL) return false;
            // C1. The seal goes onto the slot as it is, free or held; a held handle stays and is popped with the seal
            // kept.
            if (gyre_cas_release_acquire(slot, &seen, seen | GYRE_RING_SEAL)) return true;
        }
    }
}

/// Whether the ring is closed. Lock-free.
GYRE_INLINE bool gyre_ring_is_closed(gyre_ring *ring) {
    uint64_t position = gyre_load_relaxed(&ring->tail); // a hint: a seal that happened before is seen on its slot
    for (;;) {
        uint64_t seen = gyre_load_acquire(&ring->slots[gyre_ring_index(position)]); // C2
        int32_t lead = (int32_t)(gyre_ring_tag(seen) - 2 * gyre_ring_lap(position));
        if (lead <= 0) return (seen & GYRE_RING_SEAL) != 0; // I2
        position = gyre_ring_after(ring, position, (uint32_t)(lead - 1) / 2);
    }
}

/// Whether a pop that starts now would find a handle; exact as try_pop is. Lock-free.
GYRE_INLINE bool gyre_ring_has_item(gyre_ring *ring) {
    uint64_t position = gyre_load_acquire(&ring->head); // H2
    for (;;) {
        uint64_t seen = gyre_load_acquire(&ring->slots[gyre_ring_index(position)]);
        int32_t lead = (int32_t)(gyre_ring_tag(seen) - (2 * gyre_ring_lap(position) + 1));
        if (lead <= 0) return lead == 0;
        position = gyre_ring_after(ring, position, (uint32_t)(lead - 1) / 2);
    }
}

/// Where the next push (`held` 0) or pop (`held` 1) will be, from a hint that may be old: its thread may have stood
/// still between its exchange and its hint while others went on. At most one lap of steps, so that it ends even while
/// others go on faster than it walks.
GYRE_INLINE uint64_t gyre_ring_settle(const gyre_ring *ring, uint64_t position, uint32_t held) {
    for (uint32_t step = 0; step <= ring->capacity; step++) {
        // Relaxed: an estimate orders nothing.
        uint64_t seen = gyre_load_relaxed(&ring->slots[gyre_ring_index(position)]);
        int32_t lead = (int32_t)(gyre_ring_tag(seen) - (2 * gyre_ring_lap(position) + held));
        if (lead <= 0) break;
        position = gyre_ring_after(ring, position, (uint32_t)(lead - 1) / 2);
    }
    return position;
}

/// Number of handles: exact when nobody pushes or pops, else near. Wait-free, O(1); O(capacity) after a stall.
GYRE_INLINE uint32_t gyre_ring_size_approximate(const gyre_ring *ring) {
    // Relaxed: an estimate orders nothing.
    uint64_t head = gyre_ring_settle(ring, gyre_load_relaxed(&ring->head), 1);
    uint64_t tail = gyre_ring_settle(ring, gyre_load_relaxed(&ring->tail), 0);
    int64_t laps = (int32_t)(gyre_ring_lap(tail) - gyre_ring_lap(head));
    int64_t size = laps * (int64_t)ring->capacity + (int64_t)gyre_ring_index(tail) - (int64_t)gyre_ring_index(head);
    if (size < 0) return 0;
    return size > (int64_t)ring->capacity ? ring->capacity : (uint32_t)size;
}

#if !defined(GYRE_MODEL)
#ifdef __cplusplus
extern "C" {
#endif

/// Allocates a ring of `capacity` slots (GYRE_RING_CAPACITY_MIN to GYRE_RING_CAPACITY_MAX): 192 + 8 * capacity bytes,
/// rounded up to 64. NULL when the capacity is out of range or memory is out.
gyre_ring *gyre_ring_create(uint32_t capacity);

/// Frees a ring that nobody uses any more. NULL is allowed.
void gyre_ring_destroy(gyre_ring *ring);

#ifdef __cplusplus
}
#endif
#endif

#endif
