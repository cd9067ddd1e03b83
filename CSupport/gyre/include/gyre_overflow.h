// gyre_overflow.h: where executor jobs go when every record is out: a queue that takes them without waiting or failing.
//
// Source      M. Desnoyers, L. Jiangshan, the wait-free concurrent queue of liburcu (urcu/wfcqueue.h).
// Progress    push is wait-free but for its allocation. pop is guarded by a token that is tried and never waited for,
//             and uses the non-blocking variant: a push stopped half-way hides what follows it until it runs again.
// Order       First in, first out.
// Allocation  One node of 48 bytes a push. The process stops when memory is out: a job that is lost would hang its
//             task.
//
// The one queue of the pool without a bound of its own: it holds at most one job for each live async task. `count`
// tells.
//
// O1 -> O2  node fields are written before `written` is stored (release) and read after it is loaded (acquire). The
//           queue's own exchange orders as much; the pair says it in words that ThreadSanitizer and the model checker
//           understand.
// O3 -> O4  who has popped gives the token up with release, the next popper takes it with acquire: it continues at the
//           head that the first one left.

#ifndef GYRE_OVERFLOW_H
#define GYRE_OVERFLOW_H

#include "gyre_atomic.h"
#include "gyre_record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gyre_overflow gyre_overflow;

typedef struct gyre_overflow_item {
    gyre_task_function function;
    uint64_t words[2];
    uint64_t submitted;
} gyre_overflow_item;

/// NULL when memory is out.
gyre_overflow *gyre_overflow_create(void);
/// Frees the queue, which must be empty and unused. NULL is allowed.
void gyre_overflow_destroy(gyre_overflow *overflow);
/// Appends a copy of `item`. Any thread.
void gyre_overflow_push(gyre_overflow *overflow, const gyre_overflow_item *item);
/// Removes the oldest item. False when there is none, when another thread pops, or when a push is half-way.
bool gyre_overflow_pop(gyre_overflow *overflow, gyre_overflow_item *item);
/// Whether there is an item, or a push half-way.
bool gyre_overflow_has_item(gyre_overflow *overflow);
/// Items now, and the most there ever were.
uint64_t gyre_overflow_count(gyre_overflow *overflow);
uint64_t gyre_overflow_count_max(gyre_overflow *overflow);

#ifdef __cplusplus
}
#endif

#endif
