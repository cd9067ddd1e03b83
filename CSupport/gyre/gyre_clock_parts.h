// gyre_clock_parts.h: what gyre_clock.c and gyre_clock_check.c share. Not part of the interface.

#ifndef GYRE_CLOCK_PARTS_H
#define GYRE_CLOCK_PARTS_H

#include "gyre_clock.h"

gyre_clock_source gyre_clock_block_source(const gyre_clock *clock, uint32_t index);
/// CLOCK_MONOTONIC, or what the test has in its place.
uint64_t gyre_clock_reference(const gyre_clock *clock);
/// The counter, not before what stands before it in the program nor after what stands behind.
uint64_t gyre_clock_counter_in_order(const gyre_clock *clock);
/// The narrowest of several readings of both clocks. `multiplier` is what is known of the rate; 0 leaves the width
/// in ticks.
gyre_clock_sample gyre_clock_take_sample(const gyre_clock *clock, uint64_t multiplier);
/// The rate at which `ticks` of the counter are `nanoseconds`, or 0 when there is none that a block can hold.
uint64_t gyre_clock_rate(uint64_t ticks, uint64_t nanoseconds);
/// What gyre_clock_step_ns says of block `index`.
uint64_t gyre_clock_measure_step(const gyre_clock *clock, uint32_t index);
/// Whether the kernel still tells time by the counter.
bool gyre_clock_is_trusted(const gyre_clock *clock);

#endif
