// weakened.h: names of weaker orders that the shipped headers have no use for. Mutants do, and include this first.

#ifndef GYRE_TESTS_WEAKENED_H
#define GYRE_TESTS_WEAKENED_H

#include "gyre_atomic.h"

#define gyre_fence_acq_rel() GYRE_FENCE(GYRE_ACQ_REL)
#define gyre_fence_none() ((void)0)
#define gyre_exchange_relaxed(p, v) GYRE_EXCHANGE(p, v, GYRE_RELAXED)
#define gyre_fetch_sub_acquire(p, v) GYRE_FETCH_SUB(p, v, GYRE_ACQUIRE)

#endif
