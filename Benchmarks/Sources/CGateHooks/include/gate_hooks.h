// gate_hooks.h: what the program of the gates is counted by, in C so that it costs next to nothing itself.
//
// Whoever links it has the functions of the C library that allocate replaced by ones that count and then do what those
// do.

#ifndef GATE_HOOKS_H
#define GATE_HOOKS_H

#include <stdint.h>

/// Allocations of all threads so far.
uint64_t gate_allocations(void);

/// One allocation that cannot be optimized away, given back at once: a regression to plant.
void gate_allocate(void);

/// The body of a task: counts it. All of them run on one worker.
void gate_bump(uint64_t word);

/// How many bodies there will be. Before the first of them.
void gate_expect(uint64_t bodies);

/// Waits for the last body, asleep.
void gate_wait(void);

/// How many bodies ran.
uint64_t gate_bumps(void);

/// Keeps the calling thread until gate_release.
void gate_hold(void);

/// Waits until a thread is in gate_hold, asleep.
void gate_wait_until_held(void);
void gate_release(void);

#endif
