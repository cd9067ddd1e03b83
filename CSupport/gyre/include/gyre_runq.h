// gyre_runq.h: the queue of one owner, from which others steal half.
//
// Source      The run queue of Go's scheduler (D. Vyukov, runtime/proc.go, runqput and runqgrab) and of Tokio. Here
//             with 64-bit positions, so that a thief that stood still for long cannot mistake a later lap for its own.
// Progress    push is wait-free for the owner. pop and steal are lock-free for any number of thieves: a failed
//             exchange is somebody's success. A stopped thread holds nothing: handles leave by the exchange alone.
// Order       First in, first out. A push happens before the pop or steal that returns its handle.
// Allocation  None; 1,152 bytes.
//
//      head ──▶ | handles, oldest first | ◀── tail        0 <= tail - head <= GYRE_RUNQ_SLOTS
//      taken by exchange, by all          stored by the owner
//
// I1  Only the owner stores tail and the slots at and after it.
// I2  A slot is overwritten only after head has passed it, so who took it by an exchange of head had read it unharmed.
// Q1 -> Q2  a slot and the record behind it are written before tail is stored (release) and read after tail is loaded
//           (acquire). A thief needs it as well as the owner does not.
// Q3 -> Q4  a taker has read its slots before it moves head (release); the owner loads head (acquire) before it
//           overwrites. An owner's exchange in between keeps a thief's release: it continues the release sequence.
// Q5 -> Q6  whoever moves head releases the tail that it saw, the owner its own; a thief acquires head before it loads
//           the tail, which is then no older: if the two are equal, the queue was empty when head got there.

#ifndef GYRE_RUNQ_H
#define GYRE_RUNQ_H

#include "gyre_atomic.h"

#if !defined(GYRE_RUNQ_SLOTS)
#define GYRE_RUNQ_SLOTS 256u
#endif

GYRE_STATIC_ASSERT((GYRE_RUNQ_SLOTS & (GYRE_RUNQ_SLOTS - 1)) == 0, "positions are masked");

typedef struct gyre_runq {
    GYRE_CACHE_ALIGNED gyre_atomic_u64 head;                  // line 0: the owner and thieves contend here
    GYRE_CACHE_ALIGNED gyre_atomic_u64 tail;                  // line 1: stored by the owner, loaded by thieves
    GYRE_CACHE_ALIGNED gyre_atomic_u32 slot[GYRE_RUNQ_SLOTS]; // stored by the owner, loaded by takers
} gyre_runq;

/// Empties the queue; positions start at `first` (0 outside tests). Not safe to race with any other call.
GYRE_INLINE void gyre_runq_init(gyre_runq *queue, uint64_t first) {
    // Relaxed: nobody else knows the queue yet.
    gyre_store_relaxed(&queue->head, first);
    gyre_store_relaxed(&queue->tail, first);
}

/// Owner only. Appends `handle`; false when GYRE_RUNQ_SLOTS are in. Wait-free.
GYRE_INLINE bool gyre_runq_push(gyre_runq *queue, uint32_t handle) {
    uint64_t tail = gyre_load_relaxed(&queue->tail); // I1: our own store
    uint64_t head = gyre_load_acquire(&queue->head); // Q4
    if (gyre_unlikely(tail - head >= GYRE_RUNQ_SLOTS)) return false;
    gyre_store_relaxed(&queue->slot[tail & (GYRE_RUNQ_SLOTS - 1)], handle); // published by Q1
    gyre_store_release(&queue->tail, tail + 1);                             // Q1
    return true;
}

/// Owner only. Appends `count` handles; the caller knows that they fit (gyre_runq_room). Wait-free.
GYRE_INLINE void gyre_runq_push_many(gyre_runq *queue, const uint32_t *handles, uint32_t count) {
    uint64_t tail = gyre_load_relaxed(&queue->tail); // I1
    GYRE_ASSERT(tail + count - gyre_load_relaxed(&queue->head) <= GYRE_RUNQ_SLOTS); // Q4 by gyre_runq_room
    for (uint32_t i = 0; i < count; i++) {
        gyre_store_relaxed(&queue->slot[(tail + i) & (GYRE_RUNQ_SLOTS - 1)], handles[i]); // published by Q1
    }
    gyre_store_release(&queue->tail, tail + count); // Q1
}

/// Owner only. Free slots; more may become free at any time.
GYRE_INLINE uint32_t gyre_runq_room(gyre_runq *queue) {
    uint64_t tail = gyre_load_relaxed(&queue->tail);                             // I1
    return GYRE_RUNQ_SLOTS - (uint32_t)(tail - gyre_load_acquire(&queue->head)); // Q4
}

/// Owner only. Removes the oldest handle. Lock-free.
GYRE_INLINE bool gyre_runq_pop(gyre_runq *queue, uint32_t *handle) {
    uint64_t tail = gyre_load_relaxed(&queue->tail); // I1
    uint64_t head = gyre_load_relaxed(&queue->head); // decided by the exchange; the slots are our own stores
    while (head != tail) {
        uint32_t oldest = gyre_load_relaxed(&queue->slot[head & (GYRE_RUNQ_SLOTS - 1)]);
        // Relaxed on failure: head decides nothing but what is tried next, and the slots are our own stores.
        if (gyre_cas_release_relaxed(&queue->head, &head, head + 1)) { // Q5
            *handle = oldest;
            return true;
        }
    }
    return false;
}

/// The handle `ahead` places behind the oldest, if there is one: a hint for prefetching. Owner only.
GYRE_INLINE bool gyre_runq_peek(const gyre_runq *queue, uint32_t ahead, uint32_t *handle) {
    uint64_t head = gyre_load_relaxed(&queue->head);
    if (gyre_load_relaxed(&queue->tail) - head <= ahead) return false; // our own store
    *handle = gyre_load_relaxed(&queue->slot[(head + ahead) & (GYRE_RUNQ_SLOTS - 1)]);
    return true;
}

/// Any thread. Removes the older half, rounded up and at most `limit`, into `handles`; returns how many. 0 means
/// empty at a moment within the call. Lock-free.
GYRE_INLINE uint32_t gyre_runq_steal(gyre_runq *queue, uint32_t *handles, uint32_t limit) {
    uint64_t head = gyre_load_acquire(&queue->head); // Q6: or the tail could seem to be before it
    for (;;) {
        uint64_t tail = gyre_load_acquire(&queue->tail); // Q2
        uint64_t held = tail - head;
        if (gyre_unlikely(held > GYRE_RUNQ_SLOTS)) { // head is older than tail by more than a lap: look again
            head = gyre_load_acquire(&queue->head); // Q6
            continue;
        }
        if (held == 0) return 0;
        uint32_t count = (uint32_t)(held - held / 2);
        if (count > limit) count = limit;
        for (uint32_t i = 0; i < count; i++) {
            // Relaxed: Q2 has ordered the stores; if head has moved on meanwhile, the exchange fails and these are
            // dropped.
            handles[i] = gyre_load_relaxed(&queue->slot[(head + i) & (GYRE_RUNQ_SLOTS - 1)]);
        }
        if (gyre_cas_release_acquire(&queue->head, &head, head + count)) return count; // Q3, Q5; Q6
    }
}

/// Owner only. Removes the oldest `count` handles at once if that many are in. Used to move a full queue's head
/// elsewhere.
GYRE_INLINE bool gyre_runq_take_many(gyre_runq *queue, uint32_t *handles, uint32_t count) {
    uint64_t tail = gyre_load_relaxed(&queue->tail); // I1
    uint64_t head = gyre_load_relaxed(&queue->head);
    while (tail - head >= count) {
        for (uint32_t i = 0; i < count; i++) {
            handles[i] = gyre_load_relaxed(&queue->slot[(head + i) & (GYRE_RUNQ_SLOTS - 1)]); // our own stores
        }
        if (gyre_cas_release_relaxed(&queue->head, &head, head + count)) return true; // Q5, as in gyre_runq_pop
    }
    return false;
}

/// Any thread. Whether a steal that starts now would find something. Lock-free.
GYRE_INLINE bool gyre_runq_has_item(gyre_runq *queue) {
    uint64_t head = gyre_load_acquire(&queue->head); // Q6
    return gyre_load_relaxed(&queue->tail) != head; // a steal acquires what it takes itself
}

#endif
