// gyre_word.h: a state that fits in a word, moved by whoever has to: computed from what was found, then exchanged.
//
// Source      Compare and swap of the whole state (M. Herlihy, TOPLAS 13(1), 1991, on universal objects).
// Progress    Lock-free: an exchange that fails is somebody else's success.
// Order       What happened before one move happens before the one that follows it, and so before all later ones: who
//             takes a permit sees what was done with it before it was given back. A read alone orders nothing.
// Allocation  None; 8 bytes. Lay words that are moved by many on cache lines of their own.
//
//      found ──computed: next──▶ exchange ──succeeds──▶ next is the state
//        ▲                          │
//        └── the word as it is ◀────┘ fails
//
// I1  Every state was computed from the one right before it.
// W1 -> W2  a move releases what its thread did before; the next move, which finds its word, acquires it.

#ifndef GYRE_WORD_H
#define GYRE_WORD_H

#include "gyre_atomic.h"

/// Before anybody else knows the word.
GYRE_INLINE void gyre_word_init(gyre_atomic_u64 *word, uint64_t state) { gyre_store_relaxed(word, state); }

/// The present state, to compute the next one from or to look at.
GYRE_INLINE uint64_t gyre_word_read(const gyre_atomic_u64 *word) { return gyre_load_relaxed(word); } // a move decides

/// Makes `next` the state, if it is still the one in `found`. Otherwise false, and `found` is the present state.
GYRE_INLINE bool gyre_word_move(gyre_atomic_u64 *word, uint64_t *found, uint64_t next) {
    return gyre_cas_acq_rel_relaxed(word, found, next); // W1, W2; who failed tries again or does nothing
}

#endif
