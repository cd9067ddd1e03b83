// gyre_swap.c: sections of liburcu-bp.

#include "gyre_swap.h"

#include "gyre_sanitizer.h"

#include <urcu/urcu-bp.h>

void gyre_swap_begin(void) { urcu_bp_read_lock(); }

void gyre_swap_end(const gyre_atomic_u64 *word) {
    gyre_sanitizer_releases(word); // the sanitizer does not see liburcu's edges
    urcu_bp_read_unlock();
}

uint64_t gyre_swap_replace(gyre_atomic_u64 *word, uint64_t next) {
    uint64_t old = gyre_exchange_acq_rel(word, next); // W1
    urcu_bp_synchronize_rcu();
    gyre_sanitizer_acquired(word);
    return old;
}
