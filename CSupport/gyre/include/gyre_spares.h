// gyre_spares.h: places of a slab that are in no slot of its ring: one for each call that is under way.
//
// Source      Ours. A bounded queue whose elements are larger than its slots needs a place for each thread beyond its
//             capacity: V. Aksenov, N. Koval, P. Kuznetsov, A. Paramonov, "Memory bounds for concurrent bounded
//             queues", PPoPP 2024. Here each thread keeps its own from one call to the next, and touches nothing
//             shared.
// Progress    With a number (gyre_thread.h) take and give are wait-free unless a place is missing or one too many. Else
//             take is wait-free, it looks at each shared word once; give is lock-free. A thread that is stopped keeps
//             one place; take finds nothing only when all that are shared are in hands.
// Order       None among places. Giving a place happens before it is taken again (S1 -> S2, N1 -> N2 of gyre_thread.h).
// Allocation  None: the caller's memory, GYRE_SPARES_PLACES places and 4,416 bytes.
//
//      own[number]     plain: place + 1, or 0 while its thread has the place in hands
//      shared[]        atomic: the same. Some are 0 from the beginning, so that there is room for what own has no room
//      for
//
// I1  own[number] belongs to the thread with that number.
// I2  A shared word is emptied by an exchange and filled by an exchange against 0. There are as many words as places,
//     so while a caller has a place in hands a word is empty.
// S1 -> S2  give releases, take acquires: what was read from a place is read before the next one writes there.

#ifndef GYRE_SPARES_H
#define GYRE_SPARES_H

#include "gyre_thread.h"

#if !defined(GYRE_SPARES_OWN)
#define GYRE_SPARES_OWN GYRE_THREAD_NUMBERS
#define GYRE_SPARES_SHARED 16u
#endif
/// How many places a set has.
#define GYRE_SPARES_PLACES (GYRE_SPARES_OWN + GYRE_SPARES_SHARED)

typedef struct gyre_spare {
    uint32_t place; // and 1, or 0: I1
} GYRE_CACHE_ALIGNED gyre_spare;

typedef struct gyre_spares {
    gyre_spare own[GYRE_SPARES_OWN];
    GYRE_CACHE_ALIGNED gyre_atomic_u32 shared[GYRE_SPARES_PLACES];
} gyre_spares;

/// A set of the places from `first` on. Not safe to race with any other call.
GYRE_INLINE void gyre_spares_init(gyre_spares *spares, uint32_t first) {
    for (uint32_t number = 0; number < GYRE_SPARES_OWN; number++) {
        gyre_plain_write(spares->own[number].place, first + number + 1);
    }
    // Relaxed: nobody else knows the set yet.
    for (uint32_t word = 0; word < GYRE_SPARES_PLACES; word++) {
        bool has_place = word < GYRE_SPARES_SHARED;
        gyre_store_relaxed(&spares->shared[word], has_place ? first + GYRE_SPARES_OWN + word + 1 : 0);
    }
}

/// Takes a place into `*place`, or returns false when all that are shared are in hands. Wait-free.
GYRE_RARE bool gyre_spares_take_shared(gyre_spares *spares, uint32_t *place) {
    for (uint32_t word = 0; word < GYRE_SPARES_PLACES; word++) {
        gyre_atomic_u32 *at = &spares->shared[word];
        if (gyre_load_relaxed(at) == 0) continue; // saves the exchange, which decides
        uint32_t seen = gyre_exchange_acquire(at, 0); // S2
        if (seen == 0) continue;
        *place = seen - 1;
        return true;
    }
    return false;
}

/// Gives a place back. Lock-free.
GYRE_RARE void gyre_spares_give_shared(gyre_spares *spares, uint32_t place) {
    for (uint32_t word = 0;; word = (word + 1) % GYRE_SPARES_PLACES) {
        gyre_atomic_u32 *at = &spares->shared[word];
        uint32_t seen = gyre_load_relaxed(at); // the exchange decides
        if (seen == 0 && gyre_cas_release_relaxed(at, &seen, place + 1)) return; // S1, I2
    }
}

/// Takes a place into `*place` for the thread `number`, or returns false when none is to be had. Between take and give
/// its thread takes no other one: the word keeps what is in hands, which saves a store.
GYRE_INLINE bool gyre_spares_take(gyre_spares *spares, uint32_t number, uint32_t *place) {
    if (gyre_likely(number < GYRE_SPARES_OWN)) {
        uint32_t own = gyre_plain_read(spares->own[number].place);
        *place = own - 1;
        if (gyre_likely(own != 0)) return true;
    }
    return gyre_spares_take_shared(spares, place);
}

/// Gives back the place that the thread `number` has in hands after a take, the same or the one it got in exchange.
GYRE_INLINE void gyre_spares_give(gyre_spares *spares, uint32_t number, uint32_t place) {
    if (gyre_likely(number < GYRE_SPARES_OWN)) {
        gyre_plain_write(spares->own[number].place, place + 1);
    } else {
        gyre_spares_give_shared(spares, place);
    }
}

/// In place of a give: the place that the thread `number` had in hands went where another one did not come back.
GYRE_INLINE void gyre_spares_lose(gyre_spares *spares, uint32_t number) {
    if (number < GYRE_SPARES_OWN) gyre_plain_write(spares->own[number].place, 0);
}

/// A place that came to the thread `number` without a take. Not between take and give. Lock-free.
GYRE_INLINE void gyre_spares_gain(gyre_spares *spares, uint32_t number, uint32_t place) {
    if (number < GYRE_SPARES_OWN && gyre_plain_read(spares->own[number].place) == 0) {
        gyre_plain_write(spares->own[number].place, place + 1);
    } else {
        gyre_spares_give_shared(spares, place);
    }
}

#endif
