// gyre_order.h: one at a time, in the order of arrival, without a queue: each who arrives waits for the one before.
//
// Source      The queue lock of J. Mellor-Crummey and M. Scott (TOCS 9(1), 1991), turned from a lock that a thread
//             waits for into a turn that a task is told about. Unlike there, who leaves never waits for a follower to
//             be linked: it marks itself done, and the follower finds the mark.
// Progress    Every call is wait-free. Nobody waits inside; who may not go yet is told by the return value.
// Order       Turns follow the order of the exchanges in enter. A leave happens before the turn that follows it begins.
// Allocation  None. 8 bytes a line, 8 a link.
//
//      line.tail ──▶ link of the last to arrive (0: nobody is in)
//      link.successor: 0 ──follow──▶ the next one's link          0 ──leave──▶ done (1)
//
// I1  Each link enters once and leaves once, after its turn has come.
// I2  A link stays in memory while the tail points to it, and until who took it from the tail has called follow. The
//     owner counts references for both: one is taken before enter and passed to whoever removes the link from the tail.
// N1 -> N2  leave releases what was done in a turn; enter (which finds nobody), follow (which finds the mark) and
//           whoever is handed the successor by leave acquire it.
// N3 -> N4  follow releases the follower's link, leave acquires it before it hands it out.

#ifndef GYRE_ORDER_H
#define GYRE_ORDER_H

#include "gyre_atomic.h"

#define GYRE_ORDER_DONE 1ull

typedef struct gyre_order_link {
    gyre_atomic_u64 successor;
} gyre_order_link;

typedef struct gyre_order_line {
    gyre_atomic_u64 tail;
} gyre_order_line;

GYRE_INLINE void gyre_order_line_init(gyre_order_line *line) { gyre_store_relaxed(&line->tail, 0); } // not shared yet
GYRE_INLINE void gyre_order_link_init(gyre_order_link *link) { gyre_store_relaxed(&link->successor, 0); } // the same

/// Joins the line. NULL: it is this link's turn. Else the link before, for follow; its reference from the tail is the
/// caller's.
GYRE_INLINE gyre_order_link *gyre_order_enter(gyre_order_line *line, gyre_order_link *link) {
    // Acquire: N2. Release: the link's own initialisation, for its follower.
    return (gyre_order_link *)(uintptr_t)gyre_exchange_acq_rel(&line->tail, (uint64_t)(uintptr_t)link);
}

/// Waits behind `before`. False when that one has left already: it is this link's turn.
GYRE_INLINE bool gyre_order_follow(gyre_order_link *before, gyre_order_link *link) {
    uint64_t nobody = 0;
    return gyre_cas_release_acquire(&before->successor, &nobody, (uint64_t)(uintptr_t)link); // N3; N2 on failure
}

/// Ends the turn. Returns the link whose turn it is now, or NULL. `*removed` says that the line is empty and the tail's
/// reference to this link is the caller's again.
GYRE_INLINE gyre_order_link *gyre_order_leave(gyre_order_line *line, gyre_order_link *link, bool *removed) {
    uint64_t last = (uint64_t)(uintptr_t)link;
    *removed = gyre_cas_release_relaxed(&line->tail, &last, 0); // N1
    if (*removed) return NULL;
    // Somebody arrived, and has linked itself or will find the mark.
    return (gyre_order_link *)(uintptr_t)gyre_exchange_acq_rel(&link->successor, GYRE_ORDER_DONE); // N1, N4
}

#endif
