// fault_creations.c: everything in CGyre that allocates when it is created.

#include "fault_hooks.h"

#include "gyre_clock.h"
#include "gyre_counter.h"
#include "gyre_cpu.h"
#include "gyre_dispatch.h"
#include "gyre_gate.h"
#include "gyre_histogram.h"
#include "gyre_lane.h"
#include "gyre_mpsc.h"
#include "gyre_overflow.h"
#include "gyre_ring.h"
#include "gyre_slab.h"
#include "gyre_spsc.h"
#include "gyre_timer.h"

#include <stdio.h>

static uint32_t fault_missed; // quotas that were taken for none

// The types of C: a creator without arguments, and a destroyer that takes anything.
#define FAULT_CREATION(name, creation, type, destroyer)              \
    static void *fault_create_##name(void) { return (creation); }    \
    static void fault_destroy_##name(void *object) { destroyer((type *)object); }

FAULT_CREATION(ring, gyre_ring_create(64), gyre_ring, gyre_ring_destroy)
FAULT_CREATION(slab, gyre_slab_create(64), gyre_slab, gyre_slab_destroy)
FAULT_CREATION(lane, gyre_lane_create(64, 8), gyre_lane, gyre_lane_destroy)
FAULT_CREATION(spsc, gyre_spsc_create(64), gyre_spsc, gyre_spsc_destroy)
FAULT_CREATION(mpsc, gyre_mpsc_create(64), gyre_mpsc, gyre_mpsc_destroy)
FAULT_CREATION(gate, gyre_gate_create(), gyre_gate, gyre_gate_destroy)
FAULT_CREATION(overflow, gyre_overflow_create(), gyre_overflow, gyre_overflow_destroy)
FAULT_CREATION(histogram, gyre_histogram_create(), gyre_histogram, gyre_histogram_destroy)
FAULT_CREATION(times, gyre_task_times_create(), gyre_task_times, gyre_task_times_destroy)
FAULT_CREATION(lines, gyre_counter_lines_create(8), gyre_counter_line, gyre_counter_lines_destroy)
FAULT_CREATION(striped, gyre_striped_create(0), gyre_striped, gyre_striped_destroy)
FAULT_CREATION(set, gyre_cpu_set_create(64), gyre_cpu_set, gyre_cpu_set_destroy)
FAULT_CREATION(mask, gyre_cpu_set_of_thread(0), gyre_cpu_set, gyre_cpu_set_destroy)
FAULT_CREATION(clock, gyre_clock_create(GYRE_CLOCK_AUTO, 0), gyre_clock, gyre_clock_destroy)
FAULT_CREATION(kernel, gyre_clock_create(GYRE_CLOCK_MONOTONIC, 0), gyre_clock, gyre_clock_destroy)
FAULT_CREATION(manual, gyre_clock_create(GYRE_CLOCK_MANUAL, 0), gyre_clock, gyre_clock_destroy)
FAULT_CREATION(timer, gyre_timer_create(1024, 0), gyre_timer_wheel, gyre_timer_destroy)

static void *fault_create_dispatch(void) {
    gyre_dispatch_configuration configuration = {.workers = 2, .submitters = 4, .in_flight = 256, .guests = 8};
    return gyre_dispatch_create(&configuration);
}
static void fault_destroy_dispatch(void *object) { gyre_dispatch_destroy(object); }

/// The seat that a thread takes with its first submit. The pool around it is made outside the count, once.
static void *fault_create_seat(void) {
    static gyre_dispatch *pool;
    if (pool == NULL) {
        (void)fault_allocations_end();
        pool = fault_create_dispatch();
        fault_allocations_begin(0);
    }
    return pool == NULL ? NULL : gyre_dispatch_seat_slow(pool);
}

static void fault_destroy_seat(void *object) {
    gyre_seat *seat = object;
    gyre_dispatch_leave(seat->dispatch);
}

static char fault_root[4096];

void fault_quota_root(const char *root) { snprintf(fault_root, sizeof fault_root, "%s", root); }

/// Reads the quota of a tree that has one of half a processor. "Created" means that this was taken for sound; a quota
/// that was missed is none that was read.
static void *fault_create_quota(void) {
    static gyre_cpu_quota quota;
    gyre_cpu_quota_read(fault_root, &quota);
    if (!quota.is_malformed && !quota.is_limited) fault_missed++;
    return quota.is_malformed ? NULL : &quota;
}
static void fault_destroy_quota(void *object) { (void)object; }

typedef struct fault_creation {
    const char *name;
    void *(*create)(void);
    void (*destroy)(void *object);
    uint32_t needs; // allocations that it cannot do without; what follows is the C library's own, which can
} fault_creation;

#define FAULT_ENTRY(name) {#name, fault_create_##name, fault_destroy_##name, UINT32_MAX}

static const fault_creation fault_creations[] = {
    FAULT_ENTRY(ring),
    FAULT_ENTRY(slab),
    FAULT_ENTRY(lane),
    FAULT_ENTRY(spsc),
    FAULT_ENTRY(mpsc),
    FAULT_ENTRY(gate),
    FAULT_ENTRY(overflow),
    FAULT_ENTRY(histogram),
    FAULT_ENTRY(times),
    FAULT_ENTRY(lines),
    FAULT_ENTRY(striped),
    FAULT_ENTRY(set),
    FAULT_ENTRY(mask),
    FAULT_ENTRY(manual),
    FAULT_ENTRY(timer),
    FAULT_ENTRY(dispatch),
    FAULT_ENTRY(seat),
    // qsort sorts in place when it gets no memory.
    {"clock", fault_create_clock, fault_destroy_clock, 1},
    {"kernel clock", fault_create_kernel, fault_destroy_kernel, 1},
    // A file's buffer may be missing: then it is read byte by byte.
    {"quota", fault_create_quota, fault_destroy_quota, 1},
};

const char *fault_creation_name(uint32_t creation) {
    if (creation >= sizeof fault_creations / sizeof fault_creations[0]) return NULL;
    return fault_creations[creation].name;
}

fault_creation_result fault_creation_try(uint32_t creation, uint32_t nth) {
    fault_creation_result result = {0};
    fault_allocations_begin(nth);
    void *object = fault_creations[creation].create();
    result.allocations = fault_allocations_end();
    result.created = object != NULL;
    result.wrong = fault_missed > 0 || (object != NULL && nth != 0 && nth <= fault_creations[creation].needs);
    fault_missed = 0;
    if (object != NULL) fault_creations[creation].destroy(object);
    result.live = fault_allocations_live();
    return result;
}
