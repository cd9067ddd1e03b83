// verify_freeze.h: what others can still do while one thread is stopped inside an operation.
//
// Four threads work on one structure. A signal stops one of them at whatever instruction it has reached, if that lies
// inside an operation (each thread says so by a mark of its own), and holds it there. The others are then watched:
// "blocked" means that together they used 20 ms of processor time and completed nothing, so a busy machine is not
// mistaken for a blocked structure; where roles differ, each of them did, because a producer may find a ring full for
// as long as the consumer is not let run. They are taken for alive after 64 completions, which is more than can have
// been under way when the thread was stopped. A completion is an operation that achieved something: a push that
// stored, a pop that returned a handle. "Full" and "empty" are none, because a structure that is stuck says just that.

#ifndef VERIFY_FREEZE_H
#define VERIFY_FREEZE_H

#include "verify_history.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum verify_freeze_subject {
    VERIFY_FREEZE_TWO_PHASE_RING, // the control: must block
    VERIFY_FREEZE_QUEUE,          // a ring: push and pop by all four; many to one: three push, one pops
    VERIFY_FREEZE_OVER,           // a ring of handles or a slab: push in place of the oldest, and pop, by all four
    VERIFY_FREEZE_RUNQ,           // gyre_runq.h: one owner, three thieves
    VERIFY_FREEZE_DEPOT,          // gyre_depot.h: refill and spill by all four
    VERIFY_FREEZE_EVENT,          // gyre_event.h: two notifiers, two waiters
    VERIFY_FREEZE_CACHED,         // gyre_cached.h: one entry is used, swept and claimed by all four
} verify_freeze_subject;

typedef struct verify_freeze_result {
    uint32_t stops;     // threads that were held inside an operation
    uint32_t blocked;   // of these, stops during which the others completed nothing
    uint32_t undecided; // of these, stops during which the others neither completed anything nor used the time
    uint32_t missed;    // signals that reached a thread between two operations; they are repeated
    uint32_t places;    // different instructions at which threads were held
} verify_freeze_result;

/// Stops threads `stops` times. `kind` and `capacity` are for the subjects that are rings. False when threads could not
/// be started or were never met inside an operation.
bool verify_freeze(verify_freeze_subject subject, verify_queue_kind kind, uint32_t capacity, uint32_t stops,
                   uint64_t seed, verify_freeze_result *result);

#endif
