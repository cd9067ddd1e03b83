// gyre_lane.h: a ring of batches: up to 32 elements go in, and come out, in one exchange.
//
// Source      gyre_ring.h with a chunk of 32 places in every slot, swapped as in gyre_slab.h. The split of a batch by a
//             count of what is left of it is ours.
// Progress    take, push, pop, finish and close are lock-free for any number of threads. A thread that is stopped
//             between pop and finish keeps its elements and one chunk; nobody waits for it.
// Order       By itself the lane is one queue of elements: a push appends its elements all at once, in their order, a
//             pop takes up to `max` from the front, of one batch only. Linearizable, "drained" exact; "empty" and
//             "full" exact while at most GYRE_SPARES_SHARED calls are under way of threads that have no chunk of their
//             own: who has no number, or gave its chunk for a split batch (I3). Full means that there are as many
//             batches as fit, whatever their sizes.
// Promise     A ring of elements with a lane of batches beside it (Ring of GyreCore) is two queues. It promises that
//             - nothing is lost or doubled, and each element is popped after its push;
//             - elements of one batch keep their order, and so do batches of one producer among each other;
//             - each of the two refuses by itself, as exactly as said above: the lane when it is full of batches, the
//               ring when it is full of elements.
//             It does not promise
//             - an order between batches and single elements, of the same producer neither;
//             - that "empty" was true of both at one moment: a pop looks at one, then at the other, and an element may
//               come into the first meanwhile. Whoever is alone finds everything; "drained" is exact, because both are
//               closed by then.
// Allocation  In gyre_lane_create only: that of the ring, 4,480 bytes, and for each batch, and 80 beyond them, 4 bytes
//             and room for 32 elements, rounded up to cache lines.
//
//      handle of a slot:    | chunk 21 | offset 5 | count - 1 5 |      elements offset to count - 1 are still there
//
//      free ──push: offset 0──▶ held ──pop of all that is there──▶ free, with another chunk
//                                │ ▲
//                                └─┘ pop of less: offset grows, the slot stays held
//
// I1  A chunk is in one slot, in the hands of one thread, in the spares, or split: its elements are in the hands of
//     several.
// I2  Offsets grow only within a lap, so an exchange that succeeds has claimed elements that nobody else claims.
// I3  A batch that one pop takes whole is in its hands alone. Of a split one, `left` counts the elements that are not
//     moved out yet: whoever brings it to 0 has the chunk in hands. The pop that took its last elements gave its own
//     chunk to the slot for it; so there are always as many chunks in hands and spares as before.
// L1 -> L2  finish releases, and the last one acquires: a split chunk is read by all before it is written again.
// Between push and pop the edges are R1 -> R2 and R2 -> R1 of gyre_ring.h. A pop of a part passes R1 on: it is a
// read-modify-write, and needs no order of its own.

#ifndef GYRE_LANE_H
#define GYRE_LANE_H

#include "gyre_ring.h"
#include "gyre_spares.h"

#define GYRE_BATCH_MAX 32u
#define GYRE_LANE_CAPACITY_MAX (1u << 20)

typedef struct gyre_lane {
    gyre_ring *ring;       // line 0: read-only after creation
    gyre_atomic_u32 *left; //         for each chunk, while it is split (I3)
    char *elements;        //         of all chunks
    size_t chunk_bytes;    //         of one
    GYRE_CACHE_ALIGNED gyre_spares spares;
} gyre_lane;

/// What a pop took: `count` elements of a chunk, from `offset` on. To be moved out, and then finished.
typedef struct gyre_batch {
    uint32_t chunk;
    uint32_t offset;
    uint32_t count;
    bool is_whole;
} gyre_batch;

GYRE_INLINE uint32_t gyre_lane_handle(uint32_t chunk, uint32_t count) { return chunk << 10 | (count - 1); }
GYRE_INLINE uint32_t gyre_lane_chunk(uint32_t handle) { return handle >> 10; }
GYRE_INLINE uint32_t gyre_lane_offset(uint32_t handle) { return handle >> 5 & (GYRE_BATCH_MAX - 1); }
GYRE_INLINE uint32_t gyre_lane_count(uint32_t handle) { return (handle & (GYRE_BATCH_MAX - 1)) + 1; }

/// How many chunks a lane of `capacity` batches has.
GYRE_INLINE uint32_t gyre_lane_chunks(uint32_t capacity) { return capacity + GYRE_SPARES_PLACES; }

/// Asks for the first lines of a chunk that is about to be read or written, which another processor had last.
GYRE_INLINE void gyre_lane_expect(const gyre_lane *lane, uint32_t chunk, bool writes) {
#if !defined(GYRE_MODEL)
    const char *at = lane->elements + chunk * lane->chunk_bytes;
    for (size_t line = 0; line < lane->chunk_bytes && line < 4 * GYRE_CACHE_LINE_BYTES; line += GYRE_CACHE_LINE_BYTES) {
        if (writes) __builtin_prefetch(at + line, 1);
        else __builtin_prefetch(at + line, 0);
    }
#endif
}

/// Makes a lane over `ring`, which is new, and `left`, a word for each chunk. Not safe to race with any other call.
GYRE_INLINE void gyre_lane_init(gyre_lane *lane, gyre_ring *ring, gyre_atomic_u32 *left) {
    lane->ring = ring;
    lane->left = left;
    // Relaxed: nobody else knows the lane yet.
    for (uint32_t index = 0; index < ring->capacity; index++) {
        uint64_t slot = gyre_load_relaxed(&ring->slots[index]);
        gyre_store_relaxed(&ring->slots[index], slot | gyre_lane_handle(index, 1));
    }
    gyre_spares_init(&lane->spares, ring->capacity);
}

/// A chunk for elements that the thread `number` is about to push. False when none is to be had: the lane counts as
/// full then.
GYRE_INLINE bool gyre_lane_take_as(gyre_lane *lane, uint32_t number, uint32_t *chunk) {
    return gyre_spares_take(&lane->spares, number, chunk);
}

/// Gives back a chunk that was taken and not pushed.
GYRE_INLINE void gyre_lane_give_as(gyre_lane *lane, uint32_t number, uint32_t chunk) {
    gyre_spares_give(&lane->spares, number, chunk);
}

/// Appends the first `count` elements (1 to GYRE_BATCH_MAX) of `chunk`, or returns FULL or CLOSED: then the chunk is
///         still
/// the caller's, to be given back.
GYRE_INLINE gyre_ring_result gyre_lane_push_as(gyre_lane *lane, uint32_t number, uint32_t chunk, uint32_t count) {
    GYRE_ASSERT(count - 1 < GYRE_BATCH_MAX);
    gyre_store_relaxed(&lane->left[chunk], count); // published with the batch, by R1
    uint32_t handle = gyre_lane_handle(chunk, count);
    gyre_ring_result result = gyre_ring_swap_in(lane->ring, &handle);
    if (gyre_likely(result == GYRE_RING_OK)) {
        gyre_lane_expect(lane, gyre_lane_chunk(handle), true); // the next push of this thread writes there
        gyre_spares_give(&lane->spares, number, gyre_lane_chunk(handle));
    }
    return result;
}

/// Takes up to `max` elements of the oldest batch, or returns EMPTY, also when no chunk is to be had in exchange, or
/// DRAINED. `max` is at least 1.
GYRE_INLINE gyre_ring_result gyre_lane_pop_as(gyre_lane *lane, uint32_t number, uint32_t max, gyre_batch *batch) {
    GYRE_ASSERT(max > 0);
    uint32_t spare;
    if (gyre_unlikely(!gyre_spares_take(&lane->spares, number, &spare))) return GYRE_RING_EMPTY;
    gyre_ring *ring = lane->ring;
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
            if (lead < 0) {
                gyre_spares_give(&lane->spares, number, spare);
                return (seen & GYRE_RING_SEAL) ? GYRE_RING_DRAINED : GYRE_RING_EMPTY;
            }
            uint32_t handle = (uint32_t)seen & GYRE_RING_HANDLE_MAX;
            uint32_t chunk = gyre_lane_chunk(handle), offset = gyre_lane_offset(handle);
            uint32_t there = gyre_lane_count(handle) - offset;
            gyre_lane_expect(lane, chunk, false);
            batch->chunk = chunk;
            batch->offset = offset;
            batch->count = there <= max ? there : max;
            batch->is_whole = offset == 0 && there <= max;
            if (there > max) { // the slot stays as it is, with fewer elements
                if (!gyre_cas_relaxed_acquire(slot, &seen, seen + ((uint64_t)max << 5))) continue; // I2
                gyre_spares_give(&lane->spares, number, spare);
                return GYRE_RING_OK;
            }
            uint64_t freed =
                gyre_ring_slot(gyre_ring_tag(seen) + 1, seen & GYRE_RING_SEAL, gyre_lane_handle(spare, 1));
            if (!gyre_cas_release_acquire(slot, &seen, freed)) continue;           // R2; `seen` is acquired already
            gyre_store_release(&ring->head, gyre_ring_after(ring, position, 0)); // H1
            if (offset != 0) gyre_spares_lose(&lane->spares, number); // I3: `spare` went into the slot
            return GYRE_RING_OK;
        }
    }
}

/// After the elements were moved out. Lock-free.
GYRE_INLINE void gyre_lane_finish_as(gyre_lane *lane, uint32_t number, const gyre_batch *batch) {
    uint32_t chunk = batch->chunk;
    if (gyre_likely(batch->is_whole)) {
        gyre_spares_give(&lane->spares, number, chunk);
    } else if (gyre_fetch_sub_acq_rel(&lane->left[chunk], batch->count) == batch->count) { // L1, L2
        gyre_spares_gain(&lane->spares, number, chunk);
    }
}

#if !defined(GYRE_MODEL)
GYRE_INLINE bool gyre_lane_take(gyre_lane *lane, uint32_t *chunk) {
    return gyre_lane_take_as(lane, gyre_thread_number(), chunk);
}
GYRE_INLINE void gyre_lane_give(gyre_lane *lane, uint32_t chunk) {
    gyre_lane_give_as(lane, gyre_thread_number(), chunk);
}
GYRE_INLINE gyre_ring_result gyre_lane_push(gyre_lane *lane, uint32_t chunk, uint32_t count) {
    return gyre_lane_push_as(lane, gyre_thread_number(), chunk, count);
}
GYRE_INLINE gyre_ring_result gyre_lane_pop(gyre_lane *lane, uint32_t max, gyre_batch *batch) {
    return gyre_lane_pop_as(lane, gyre_thread_number(), max, batch);
}
GYRE_INLINE void gyre_lane_finish(gyre_lane *lane, const gyre_batch *batch) {
    gyre_lane_finish_as(lane, gyre_thread_number(), batch);
}
GYRE_INLINE gyre_ring *gyre_lane_ring(const gyre_lane *lane) { return lane->ring; }

/// The memory of a chunk: GYRE_BATCH_MAX elements.
GYRE_INLINE void *gyre_lane_elements(const gyre_lane *lane, uint32_t chunk) {
    return lane->elements + chunk * lane->chunk_bytes;
}

#ifdef __cplusplus
extern "C" {
#endif

/// A lane of `capacity` batches (GYRE_RING_CAPACITY_MIN to GYRE_LANE_CAPACITY_MAX) of elements of `element_bytes`,
/// which lie on addresses that are multiples of it, up to a cache line. NULL when the capacity is out of range or
/// memory is out.
gyre_lane *gyre_lane_create(uint32_t capacity, size_t element_bytes);

/// Frees a lane that nobody uses any more. NULL is allowed.
void gyre_lane_destroy(gyre_lane *lane);

#ifdef __cplusplus
}
#endif
#endif

#endif
