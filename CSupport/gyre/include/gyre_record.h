// gyre_record.h: what is queued for a task: a function, two words, its stamps. One cache line.
//
// Source      Generations against stale handles, as in slot maps and tagged pointers; the phases are ours.
// Progress    Every call is wait-free; a cancel and a start race in one exchange.
// Order       None of its own: the fields travel with the handle, by the edges of the queue that carries it (I1).
// Allocation  None: records are an array that lives as long as its pool, so looking at a stale one is harmless.
//
// The state word tells generations apart: | generation 56 | phase 8 |. A token names a record and a generation.
// Giving a record back moves its generation on, so a token that outlived its task is refused; it never touches the
// next task.
//
//      free ──take──▶ queued ──start──▶ (runs) ──give──▶ free, next generation
//                └──▶ cancellable ──start: exchange──▶ running
//                            └──────cancel: exchange──▶ cancelled
//
// I1  Between take and give a record belongs to whoever holds its handle: one submitter, then one queue, then one
//     worker. All fields but the state are plain and travel by the edges of the queue.
// Relaxed orders suffice throughout: the exchange alone decides, and what a canceller does next does not read the
// record.

#ifndef GYRE_RECORD_H
#define GYRE_RECORD_H

#include "gyre_atomic.h"

/// What a task's function is called with, exactly once.
typedef enum gyre_verdict {
    GYRE_VERDICT_RUN = 0,
    GYRE_VERDICT_LATE = 1,      // its deadline passed before it could start
    GYRE_VERDICT_CANCELLED = 2, // cancelled while it was queued
    GYRE_VERDICT_CLOSED = 3,    // the pool stops without running it
} gyre_verdict;

typedef struct gyre_record gyre_record;
typedef void (*gyre_task_function)(gyre_record *record, uint32_t verdict);

enum { GYRE_RECORD_FREE = 0, GYRE_RECORD_QUEUED = 1, GYRE_RECORD_CANCELLABLE = 2, GYRE_RECORD_RUNNING = 3,
       GYRE_RECORD_CANCELLED = 4 };

/// What its worker keeps of a record's run.
enum gyre_record_kind {
    GYRE_RECORD_TASK = 0,    // a count by its verdict, and its times
    GYRE_RECORD_STEP = 1,    // a step of a longer task, which keeps its own
    GYRE_RECORD_COUNTED = 2, // nothing: the task was cancelled, or run elsewhere, and was counted there
};

struct gyre_record {
    gyre_task_function function;
    uint64_t words[2];      // the task's own: a C function and its argument, or a closure
    uint64_t submitted;     // nanoseconds of the pool's clock
    uint64_t ready;         // the same, when nothing but a worker was missing
    uint64_t deadline;      // the latest start, 0 for none
    gyre_atomic_u64 state;  // generation and phase
    uint64_t kind;          // one of gyre_record_kind
} GYRE_CACHE_ALIGNED;

GYRE_STATIC_ASSERT(sizeof(gyre_record) == GYRE_CACHE_LINE_BYTES, "one line a record");

// Swift sees a record as an opaque pointer; these are its fields.
GYRE_INLINE uint64_t *gyre_record_words(gyre_record *record) { return record->words; }
GYRE_INLINE gyre_task_function gyre_record_function(const gyre_record *record) { return record->function; }
GYRE_INLINE uint64_t gyre_record_submitted(const gyre_record *record) { return record->submitted; }
GYRE_INLINE uint64_t gyre_record_ready(const gyre_record *record) { return record->ready; }
GYRE_INLINE uint64_t gyre_record_deadline(const gyre_record *record) { return record->deadline; }
GYRE_INLINE bool gyre_record_is_step(const gyre_record *record) { return record->kind == GYRE_RECORD_STEP; }
GYRE_INLINE bool gyre_record_is_counted(const gyre_record *record) { return record->kind == GYRE_RECORD_COUNTED; }

/// From within the task's function: its worker counts nothing for this record.
GYRE_INLINE void gyre_record_mark_counted(gyre_record *record) { record->kind = GYRE_RECORD_COUNTED; }

/// Writes all fields but the words. `submitted` 0 means that this task is not timed.
GYRE_INLINE void gyre_record_write(gyre_record *record, gyre_task_function function, uint64_t submitted, uint64_t ready,
                                   uint64_t deadline, bool is_step) {
    record->function = function;
    record->submitted = submitted;
    record->ready = ready;
    record->deadline = deadline;
    record->kind = is_step ? GYRE_RECORD_STEP : GYRE_RECORD_TASK;
}

/// Names a record and the generation of the task in it.
typedef struct gyre_record_token {
    uint64_t generation;
    uint32_t handle;
} gyre_record_token;

/// After taking: marks the record as queued and returns its generation. The caller writes the fields and submits it.
GYRE_INLINE uint64_t gyre_record_begin(gyre_record *record, bool cancellable) {
    uint64_t generation = gyre_load_relaxed(&record->state) >> 8;
    gyre_store_relaxed(&record->state, generation << 8 | (cancellable ? GYRE_RECORD_CANCELLABLE : GYRE_RECORD_QUEUED));
    return generation;
}

/// Before running: false when the task was cancelled while it was queued.
GYRE_INLINE bool gyre_record_start(gyre_record *record) {
    uint64_t seen = gyre_load_relaxed(&record->state);
    if (gyre_likely((seen & 0xff) == GYRE_RECORD_QUEUED)) return true; // nobody can cancel it: no exchange
    if ((seen & 0xff) != GYRE_RECORD_CANCELLABLE) return false;
    return gyre_cas_relaxed_relaxed(&record->state, &seen, (seen & ~0xffull) | GYRE_RECORD_RUNNING);
}

/// Cancels a queued task: true when it will not start. False when it has started, has ended or was cancelled before,
/// and when the token is stale.
GYRE_INLINE bool gyre_record_cancel(gyre_record *record, uint64_t generation) {
    uint64_t expected = generation << 8 | GYRE_RECORD_CANCELLABLE;
    return gyre_cas_relaxed_relaxed(&record->state, &expected, generation << 8 | GYRE_RECORD_CANCELLED);
}

/// Before giving back: ends the generation.
GYRE_INLINE void gyre_record_end(gyre_record *record) {
    uint64_t generation = gyre_load_relaxed(&record->state) >> 8;
    GYRE_ASSERT((gyre_load_relaxed(&record->state) & 0xff) != GYRE_RECORD_FREE); // given back twice
    gyre_store_relaxed(&record->state, (generation + 1) << 8 | GYRE_RECORD_FREE);
}

/// Whether the token still names the task it was made for.
GYRE_INLINE bool gyre_record_is_current(const gyre_record *record, uint64_t generation) {
    return gyre_load_relaxed(&record->state) >> 8 == generation;
}

#endif
