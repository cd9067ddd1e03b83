// sections.h: liburcu's sections as it promises them, for harnesses of what is built on them.
//
// liburcu's own cannot run here: one fiber would wait for another for ever. In their place stands the promise: a
// section that begins after a wait has begun sees what was done before it, and the wait lasts until every section that
// had begun has ended, and sees what they did. What is retired is reclaimed after such a wait, by whoever calls
// sections_reclaim: liburcu's own thread, or one that waits for it. Nothing else is ordered, so that what the piece
// itself says must do the rest.
//
// Included before the C file under test, whose calls of liburcu become calls of these.

#ifndef GYRE_TESTS_SECTIONS_H
#define GYRE_TESTS_SECTIONS_H

#include "gyre_futex.h"
#include "model.h"

#include <urcu/urcu-bp.h>

#define SECTIONS_RETIRED 8u

static gyre_atomic_u32 sections_step; // moved by whoever begins a section and whoever begins to wait for them
static gyre_atomic_u32 sections_inside[MODEL_THREADS];
static uint32_t sections_depth[MODEL_THREADS]; // above 0 from the step that begins a section to the one that ends it

static gyre_atomic_u32 sections_retired_step; // moved by whoever retires and whoever reclaims
static struct {
    struct rcu_head *head;
    void (*reclaim)(struct rcu_head *head);
} sections_retired[SECTIONS_RETIRED];
static uint32_t sections_retired_count, sections_reclaimed_count;

static void sections_setup(void) {
    gyre_store_relaxed(&sections_step, 0);
    gyre_store_relaxed(&sections_retired_step, 0);
    for (uint32_t i = 0; i < MODEL_THREADS; i++) {
        gyre_store_relaxed(&sections_inside[i], 0);
        sections_depth[i] = 0;
    }
    sections_retired_count = sections_reclaimed_count = 0;
}

static void sections_begin(void) {
    if (sections_depth[model.current] == 0) {
        // An exchange: who waits and meets this section has seen the one before it as well.
        (void)gyre_fetch_or_relaxed(&sections_inside[model.current], 1);
        (void)gyre_fetch_add_acquire(&sections_step, 1);
    }
    sections_depth[model.current] += 1;
}

static void sections_end(void) {
    MODEL_CHECK(sections_depth[model.current] > 0);
    if (sections_depth[model.current] == 1) {
        gyre_store_release(&sections_inside[model.current], 0);
        sections_depth[model.current] = 0;
        (void)gyre_futex_wake(&sections_inside[model.current], GYRE_FUTEX_WAKE_ALL);
    } else {
        sections_depth[model.current] -= 1;
    }
}

static void sections_wait(void) {
    MODEL_CHECK(sections_depth[model.current] == 0); // it would wait for itself
    (void)gyre_fetch_add_release(&sections_step, 1);
    bool older[MODEL_THREADS];
    for (uint32_t i = 0; i < MODEL_THREADS; i++) older[i] = sections_depth[i] > 0;
    for (uint32_t i = 0; i < MODEL_THREADS; i++) {
        while (gyre_fetch_add_acquire(&sections_inside[i], 0) == 1 && older[i]) { // the newest value, not one of before
            (void)gyre_futex_wait(&sections_inside[i], 1, GYRE_FUTEX_NO_DEADLINE);
        }
    }
}

static inline void sections_retire(struct rcu_head *head, void (*reclaim)(struct rcu_head *head)) {
    (void)gyre_fetch_add_release(&sections_retired_step, 1);
    MODEL_CHECK(sections_retired_count < SECTIONS_RETIRED);
    sections_retired[sections_retired_count].head = head;
    sections_retired[sections_retired_count++].reclaim = reclaim;
}

/// Reclaims what is retired by now. One thread at a time.
static inline void sections_reclaim(void) {
    MODEL_CHECK(sections_depth[model.current] == 0);
    (void)gyre_fetch_add_acquire(&sections_retired_step, 1);
    uint32_t count = sections_retired_count;
    if (count > sections_reclaimed_count) sections_wait();
    for (; sections_reclaimed_count < count; sections_reclaimed_count++) {
        sections_retired[sections_reclaimed_count].reclaim(sections_retired[sections_reclaimed_count].head);
    }
}

#undef urcu_bp_read_lock
#undef urcu_bp_read_unlock
#undef urcu_bp_synchronize_rcu
#undef urcu_bp_call_rcu
#undef urcu_bp_barrier
#define urcu_bp_read_lock() sections_begin()
#define urcu_bp_read_unlock() sections_end()
#define urcu_bp_synchronize_rcu() sections_wait()
#define urcu_bp_call_rcu(head, reclaim) sections_retire(head, reclaim)
#define urcu_bp_barrier() sections_reclaim()

#endif
