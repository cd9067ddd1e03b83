// gyre_depot.h: who holds which free handle. Stashes of single threads over two shared stacks of chunks.
//
// Source      Magazines and depot: J. Bonwick, J. Adams, "Magazines and Vmem", USENIX 2001; the stacks are R. K.
//             Treiber's (IBM RJ 5118, 1986) with a tag against reuse. LIFO on purpose: a FIFO exchange of free
//             handles keeps every record of the slab in turn in the cache, and measured 0.4 times as fast.
// Progress    take and give are lock-free for any number of threads, each with a stash of its own; 31 of 32 calls touch
//             nothing shared. A stopped thread keeps at most its stash (64 handles) and one chunk (32) from the others.
// Order       None among handles. Giving a handle back happens before it is taken again (D1 -> D2).
// Allocation  In gyre_depot_init's caller only. Chunks are containers and never freed.
//
//      stash of a thread     64 handles, plain memory of its owner; youngest last, taken first
//      full stack            chunks that hold GYRE_CHUNK_HANDLES free handles each
//      empty stack           chunks that hold nothing
//      carved                handles that were never taken yet are all those from here up
//
//      take: own stash ─▶ else a chunk of full into the stash ─▶ else carve 32 ─▶ else none
//      give: own stash ─▶ when it is full, its 32 oldest into an empty chunk, onto full
//
// I1  A chunk outside the empty stack holds exactly GYRE_CHUNK_HANDLES handles, or is in the hands of one thread.
// I2  Hence with handles / 32 + threads chunks an empty chunk is always to be had: give cannot fail.
// D1 -> D2  a chunk's contents are written before its push (release) and read after its pop (acquire). Every change
//           of a stack word is a read-modify-write, so the release of each push reaches every later acquire.
//           A record given back through a chunk is therefore finished with before it is taken again.

#ifndef GYRE_DEPOT_H
#define GYRE_DEPOT_H

#include "gyre_atomic.h"

#include <string.h>

#if !defined(GYRE_CHUNK_HANDLES)
#define GYRE_CHUNK_HANDLES 32u
#endif
#if !defined(GYRE_STASH_HANDLES)
#define GYRE_STASH_HANDLES (2 * GYRE_CHUNK_HANDLES)
#endif

/// No handle: every stash, chunk and fresh handle is out.
#define GYRE_HANDLE_NONE UINT32_MAX

typedef struct gyre_chunk {
    gyre_atomic_u32 next;                // id + 1 of the chunk below, 0 at the bottom
    uint32_t handle[GYRE_CHUNK_HANDLES]; // D1 -> D2
} gyre_chunk;

typedef struct gyre_depot {
    gyre_chunk *chunks;                       // line 0: read-only after creation
    uint32_t chunk_count;
    uint32_t handle_count;
    GYRE_CACHE_ALIGNED gyre_atomic_u64 full;  // line 1: tag 32 | id + 1 (32)
    gyre_atomic_u32 full_count;               //         chunks on full, for those who wait for room; approximate
    gyre_atomic_u32 carved;                   //         first handle that was never taken
    GYRE_CACHE_ALIGNED gyre_atomic_u64 empty; // line 2: tag 32 | id + 1 (32)
} gyre_depot;

typedef struct gyre_stash {
    uint32_t count;
    uint32_t handle[GYRE_STASH_HANDLES];
} gyre_stash;

/// Chunks that a depot of `handles` needs when `threads` threads take, give and move chunks at once (I2).
GYRE_INLINE uint32_t gyre_depot_chunks_needed(uint32_t handles, uint32_t threads) {
    return handles / GYRE_CHUNK_HANDLES + threads + 1;
}

GYRE_INLINE void gyre_depot_push(gyre_depot *depot, gyre_atomic_u64 *stack, uint32_t id) {
    uint64_t top = gyre_load_relaxed(stack); // only compared; what is below is not read
    for (;;) {
        gyre_store_relaxed(&depot->chunks[id].next, (uint32_t)top); // published by the exchange
        uint64_t pushed = ((top >> 32) + 1) << 32 | (id + 1);
        if (gyre_cas_release_relaxed(stack, &top, pushed)) return; // D1
    }
}

/// The id of the chunk on top, or GYRE_HANDLE_NONE.
GYRE_INLINE uint32_t gyre_depot_pop(gyre_depot *depot, gyre_atomic_u64 *stack) {
    uint64_t top = gyre_load_acquire(stack); // D2: `next` and the contents of the chunk on top
    for (;;) {
        if ((uint32_t)top == 0) return GYRE_HANDLE_NONE;
        uint32_t id = (uint32_t)top - 1;
        // Relaxed: if another thread has popped this chunk and pushes it anew, the tag has moved on and the exchange
        // fails.
        uint32_t next = gyre_load_relaxed(&depot->chunks[id].next);
        uint64_t popped = ((top >> 32) + 1) << 32 | next;
        // Relaxed on success: the load that saw `top` has acquired already. On failure the new top is acquired: D2.
        if (gyre_cas_relaxed_acquire(stack, &top, popped)) return id;
    }
}

/// Makes a depot whose `handles` handles are all fresh, with `chunk_count` empty chunks in memory of the caller.
GYRE_INLINE void gyre_depot_init(gyre_depot *depot, gyre_chunk *chunks, uint32_t chunk_count, uint32_t handles) {
    depot->chunks = chunks;
    depot->chunk_count = chunk_count;
    depot->handle_count = handles;
    // Relaxed: nobody else knows the depot yet.
    gyre_store_relaxed(&depot->full, 0);
    gyre_store_relaxed(&depot->full_count, 0);
    gyre_store_relaxed(&depot->carved, 0);
    gyre_store_relaxed(&depot->empty, 0);
    for (uint32_t id = 0; id < chunk_count; id++) gyre_depot_push(depot, &depot->empty, id);
}

/// Fills an empty stash by one chunk. False when there is no free handle outside other threads' stashes.
GYRE_INLINE bool gyre_depot_refill(gyre_depot *depot, gyre_stash *stash) {
    GYRE_ASSERT(stash->count == 0);
    uint32_t id = gyre_depot_pop(depot, &depot->full);
    if (id != GYRE_HANDLE_NONE) {
        (void)gyre_fetch_sub_relaxed(&depot->full_count, 1); // an estimate; orders nothing
        for (uint32_t i = 0; i < GYRE_CHUNK_HANDLES; i++) {
            stash->handle[i] = gyre_plain_read(depot->chunks[id].handle[i]); // D2
        }
        stash->count = GYRE_CHUNK_HANDLES;
        gyre_depot_push(depot, &depot->empty, id);
        return true;
    }
    // Relaxed: a fresh handle's record has never been anybody's, so there is nothing to order.
    uint32_t first = gyre_load_relaxed(&depot->carved);
    for (;;) {
        uint32_t left = depot->handle_count - first;
        if (left == 0) return false;
        uint32_t count = left < GYRE_CHUNK_HANDLES ? left : GYRE_CHUNK_HANDLES;
        if (gyre_cas_relaxed_relaxed(&depot->carved, &first, first + count)) {
            for (uint32_t i = 0; i < count; i++) stash->handle[i] = first + count - 1 - i;
            stash->count = count;
            return true;
        }
    }
}

/// A free handle, the youngest of the stash, or GYRE_HANDLE_NONE.
GYRE_INLINE uint32_t gyre_depot_take(gyre_depot *depot, gyre_stash *stash) {
    if (gyre_unlikely(stash->count == 0)) {
        if (!gyre_depot_refill(depot, stash)) return GYRE_HANDLE_NONE;
    }
    return stash->handle[--stash->count];
}

/// An empty chunk for a caller that moves GYRE_CHUNK_HANDLES handles at once. Never fails (I2).
GYRE_INLINE uint32_t gyre_depot_take_chunk(gyre_depot *depot) {
    for (;;) {
        uint32_t id = gyre_depot_pop(depot, &depot->empty);
        if (gyre_likely(id != GYRE_HANDLE_NONE)) return id;
        // Not reached while I2 holds; a look at the stack while another thread holds the last spare chunk.
        GYRE_ASSERT(false);
        gyre_pause();
    }
}

/// Moves the oldest chunk's worth of a full stash to the depot.
GYRE_INLINE void gyre_depot_spill(gyre_depot *depot, gyre_stash *stash) {
    uint32_t id = gyre_depot_take_chunk(depot);
    for (uint32_t i = 0; i < GYRE_CHUNK_HANDLES; i++) {
        gyre_plain_write(depot->chunks[id].handle[i], stash->handle[i]); // D1
    }
    stash->count -= GYRE_CHUNK_HANDLES;
    memmove(stash->handle, stash->handle + GYRE_CHUNK_HANDLES, stash->count * sizeof stash->handle[0]);
    gyre_depot_push(depot, &depot->full, id);
    (void)gyre_fetch_add_relaxed(&depot->full_count, 1); // an estimate; orders nothing
}

/// Gives `handle` back. True when that moved a chunk to the depot, so that somebody who waits for room may look.
GYRE_INLINE bool gyre_depot_give(gyre_depot *depot, gyre_stash *stash, uint32_t handle) {
    bool spilled = false;
    if (gyre_unlikely(stash->count == GYRE_STASH_HANDLES)) {
        gyre_depot_spill(depot, stash);
        spilled = true;
    }
    stash->handle[stash->count++] = handle;
    return spilled;
}

#endif
