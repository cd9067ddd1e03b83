// gyre_swap.h: a pointer that is replaced while others read what it points to.
//
// Source      Read-copy-update (P. McKenney, J. Slingwine, PDCS 1998) by liburcu's flavour for threads that nobody
//             registered (urcu-bp; M. Desnoyers and others, IEEE TPDS 23(2), 2012).
// Progress    Reading is wait-free, but for a thread's first read, which registers it under a lock. A replacement waits
//             until every section that may have read the old pointer has ended.
// Order       What was done before a replacement happens before whatever a section does that reads the new pointer.
//             What was done in a section that read the old one happens before the replacement returns it.
// Allocation  At a thread's first read, by liburcu; given back when the thread ends.
//
//      section   begin ──▶ read the pointer ──▶ use it ──▶ end         it may be old, and it lives until the end
//      replace   exchange ──▶ wait for sections that are older ──▶ the old pointer is the caller's alone
//
// A section is short: it never suspends a task, waits or replaces. Sections of one thread may lie inside each other.
//
// W1 -> W2  the exchange releases what the new pointer points to, the read acquires it.

#ifndef GYRE_SWAP_H
#define GYRE_SWAP_H

#include "gyre_atomic.h"

/// Begins a section of the calling thread.
void gyre_swap_begin(void);

/// Ends the section that was begun last. `word` is what it read from, for sanitizers.
void gyre_swap_end(const gyre_atomic_u64 *word);

/// The present pointer. In a section only.
GYRE_INLINE uint64_t gyre_swap_read(const gyre_atomic_u64 *word) { return gyre_load_acquire(word); } // W2

/// Replaces the pointer and returns the old one, which no section uses any more. Not in a section. Blocks for as long
/// as the longest section.
uint64_t gyre_swap_replace(gyre_atomic_u64 *word, uint64_t next);

#endif
