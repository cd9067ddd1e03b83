// gyre_clock.h: nanoseconds since the clock was created, from the processor's counter where it can be trusted.
//
// Source      Rate and base as in the Linux vdso; the protocol of the switch is ours (see below).
// Progress    gyre_clock_now is wait-free. gyre_clock_check never waits: a second caller at the same time is sent
//             away. gyre_clock_advance is lock-free. gyre_clock_create sleeps about 2 ms to calibrate a counter.
// Order       A counter is read without a fence: the read may slip past neighbouring instructions by some tens of
//             nanoseconds. gyre_clock_advance happens before every gyre_clock_now that returns its result (M1 -> M2).
// Allocation  In gyre_clock_create only.
//
// A counter's readings become time through a block {base_ticks, base_ns, multiplier}:
//
//      now = base_ns + (ticks - base_ticks) * multiplier / 2^48
//
// Blocks are appended to a fixed array, by gyre_clock_check, and never change after that:
//
//                   after 0.12 s      0.48 s later     1.92 s later
//      block 0 ───────────────▶ block 1 ─────▶ block 2 ─────▶ ... ─────▶ block 15
//           └──────── the counter fails ──────────┴──▶ a block whose source is CLOCK_MONOTONIC, the last one
//
// Block 15 is kept for that last one, so the rate is refined at most 14 times, the last time after four months, and
// then kept. It improves because the interval that it is measured over grows while the error of reading both clocks at
// its ends, some 50 ns, does not: about 20 ppm after creation, below 1 ppm after the first refinement, then ever less.
//
// I1  A block is written before its index is published and never again (C1 -> C2).
// I2  A block of the counter begins at a reading that lies `lead` in the future when it is published, on the line of
//     the block before. A reader takes ticks first and the index second, and uses the block before while its ticks
//     lie before base_ticks. So one reading has one time whoever computes it, and time is continuous and monotone
//     over all threads, provided that (a) the counter is: the same on all cores, never backwards; (b) the
//     publisher is not held for `lead`, 100 ms, between its last look at the counter and the store that follows.
//     If it is, readings of that overrun may be off by the overrun times the change of rate (1 us per s and ppm).
// I3  When the source changes, the new block begins where the old line stands or where CLOCK_MONOTONIC stands,
//     whichever is later. Monotone again, apart from what the counter itself did wrong.
// I4  No reading lies before the block's base: earlier ticks of block 0 read as base_ns.
// I5  The state of the check belongs to whoever holds `checking` (K1 -> K2).
// C1 -> C2  a block's words are written before a reader uses them.
// K1 -> K2  one check's state is written before the next check reads it.
// M1 -> M2  what was done before manual time moved is seen by whoever sees it moved.
//
// There is no clock of the process: a clock is a value that is passed in.

#ifndef GYRE_CLOCK_H
#define GYRE_CLOCK_H

#include "gyre_atomic.h"

#define GYRE_CLOCK_BLOCKS 16
#define GYRE_CLOCK_SHIFT 48

/// What a clock reads.
typedef enum {
    GYRE_CLOCK_AUTO = 0,      ///< TSC or CNTVCT where it can be trusted, else MONOTONIC
    GYRE_CLOCK_TSC = 1,       ///< the counter of x86-64
    GYRE_CLOCK_CNTVCT = 2,    ///< the counter of aarch64
    GYRE_CLOCK_MONOTONIC = 3, ///< clock_gettime(CLOCK_MONOTONIC)
    GYRE_CLOCK_MANUAL = 4,    ///< stands still until gyre_clock_advance moves it
    GYRE_CLOCK_INJECTED = 5,  ///< a counter made by a test
} gyre_clock_source;

/// What gyre_clock_check did.
typedef enum {
    GYRE_CLOCK_CHECK_NOT_NEEDED = 0, ///< no counter, or no longer one
    GYRE_CLOCK_CHECK_BUSY = 1,       ///< another thread is checking
    GYRE_CLOCK_CHECK_COMPARED = 2,   ///< the counter keeps its rate
    GYRE_CLOCK_CHECK_REFINED = 3,    ///< a better rate was published
    GYRE_CLOCK_CHECK_FELL_BACK = 4,  ///< the counter failed; CLOCK_MONOTONIC from now on
} gyre_clock_check_result;

/// A test's own counter and reference clock, and the time constants of the check.
typedef struct {
    uint64_t (*counter)(void *context);             ///< in place of the TSC
    uint64_t (*reference)(void *context);           ///< in place of CLOCK_MONOTONIC, nanoseconds
    bool (*trusted)(void *context);                 ///< in place of the kernel's word on the counter
    void (*pause)(void *context, uint64_t nanoseconds); ///< in place of the sleep of calibration
    void *context;
    uint64_t lead_ns;         ///< how far ahead a rate is published
    uint64_t first_refine_ns; ///< when the rate is refined for the first time, more than lead_ns
} gyre_clock_hooks;

typedef struct {
    uint64_t base_ticks;
    uint64_t base_ns;
    uint64_t multiplier; // nanoseconds per tick, times 2^48
    uint64_t source;     // a gyre_clock_source
} gyre_clock_block;

/// One reading of both clocks: `ticks` is the middle of two counter reads around the reference.
typedef struct {
    uint64_t ticks;
    uint64_t reference;
    uint64_t width_ns; // between the two counter reads
} gyre_clock_sample;

typedef struct {
    uint32_t source;                                // line 0: what it was created with, read-only
    gyre_atomic_u32 current;                        //         index of the newest block, written 15 times at most
    uint64_t start_ns;                              //         read-only
    gyre_clock_hooks hooks;                         //         read-only, line 1
    GYRE_CACHE_ALIGNED gyre_clock_block blocks[GYRE_CLOCK_BLOCKS]; // two to a line, I1
    GYRE_CACHE_ALIGNED gyre_atomic_u64 manual_ns;   // a line of its own: written by gyre_clock_advance
    GYRE_CACHE_ALIGNED gyre_atomic_u32 checking;    // control plane from here on; 1 while a thread checks
    gyre_atomic_u64 drift_ppb;                      // signed; read by anybody
    gyre_atomic_u64 step_ns;                        // read by anybody
    gyre_clock_sample created;                      // I5
    gyre_clock_sample refined;                      // I5: when the present rate was measured
    gyre_clock_sample settled;                      // I5: the first check after it took effect; drift counts from here
    gyre_clock_sample checked;                      // I5: the last check
    uint64_t next_refine_ns;                        // I5: after `refined`
    uint64_t rate_error_ns;                         // I5: of the present rate, over
    uint64_t rate_span_ns;                          // I5: this many nanoseconds
    uint64_t trust_asked;                           // I5: reference time when the kernel was asked last
} gyre_clock;

#ifdef __cplusplus
extern "C" {
#endif

/// A clock that reads `start_ns` now. NULL with errno EINVAL (`start_ns` above 2^62 for a clock that is not manual,
/// or an unknown source), ENOTSUP (the counter asked for is missing or not to be trusted) or ENOMEM.
gyre_clock *gyre_clock_create(gyre_clock_source source, uint64_t start_ns);
/// A clock on a test's counter. It is checked, refined and given up like the TSC.
gyre_clock *gyre_clock_create_injected(const gyre_clock_hooks *hooks, uint64_t start_ns);
void gyre_clock_destroy(gyre_clock *clock);

/// Compares the counter with CLOCK_MONOTONIC, records the drift, publishes a better rate when one is due, and gives
/// the counter up when it disagrees by more than 0.1 % or the kernel no longer uses it. Control plane: call it about
/// once a second, from any thread. About 1 us, 10 when it asks the kernel.
gyre_clock_check_result gyre_clock_check(gyre_clock *clock);

/// Moves manual time forward, up to 2^64 - 1, and returns where it stands. Other clocks are left alone.
uint64_t gyre_clock_advance(gyre_clock *clock, uint64_t nanoseconds);

/// What is read at present; another source than at creation once the counter has failed.
gyre_clock_source gyre_clock_present_source(const gyre_clock *clock);
/// Its name: "tsc", "cntvct", "monotonic", "manual" or "injected".
const char *gyre_clock_source_name(const gyre_clock *clock);
/// The resolution: what two reads in a row differ by, unless they are equal, taken low in their distribution
/// (seven of eight differences are as large or larger). The counter's own step, or the cost of a read if
/// that is longer. Measured when the source is chosen. 1 for manual time.
uint64_t gyre_clock_step_ns(const gyre_clock *clock);
/// How much faster than CLOCK_MONOTONIC the clock ran at the last comparison, in parts per billion.
int64_t gyre_clock_drift_ppb(const gyre_clock *clock);
/// How often a better rate was published.
uint32_t gyre_clock_refinements(const gyre_clock *clock);
/// Nanoseconds that one gyre_clock_now takes, measured now: the best of several runs, about 100 us.
double gyre_clock_read_cost_ns(const gyre_clock *clock);

/// Whether the kernel's word is enough to trust the processor's counter. `invariant` is what the processor says of
/// itself; the two texts are the contents of current_clocksource and available_clocksource.
///
///   tsc, arch_sys_counter   the kernel itself tells time by it and watches it.
///   kvm-clock               trusted while the kernel still offers `tsc` beside it: a kernel that found the TSC
///                           unstable takes it off that list. kvm-clock is the same counter, rescaled by the host
///                           for guests that may move to another one; a host that promises an invariant TSC does
///                           not need that, and if it breaks the promise, gyre_clock_check notices.
///   anything else           not trusted: xen, hyperv_clocksource_tsc_page, hpet and acpi_pm are what is used
///                           where the TSC is scaled, missing or broken.
bool gyre_clock_counter_is_trusted(bool invariant, const char *current, const char *available);

/// The long way of gyre_clock_now: any source.
uint64_t gyre_clock_now_slow(const gyre_clock *clock);
/// The time of a reading that lies before the newest block, or that belongs to a clock whose counter has failed.
uint64_t gyre_clock_time_of(const gyre_clock *clock, uint64_t ticks, uint32_t index);

#ifdef __cplusplus
}
#endif

#if defined(GYRE_MODEL)
// The harness has it: an execution that is run again must read the same.
uint64_t gyre_clock_counter(void);
#else
/// The processor's counter, without a fence. 0 where there is none.
GYRE_INLINE uint64_t gyre_clock_counter(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return 0;
#endif
}
#endif

/// Ticks to nanoseconds at the rate of `multiplier`.
GYRE_INLINE uint64_t gyre_clock_scale(uint64_t ticks, uint64_t multiplier) {
    return (uint64_t)(((__uint128_t)ticks * multiplier) >> GYRE_CLOCK_SHIFT);
}

/// Nanoseconds since the clock was created, plus what it started with.
GYRE_INLINE uint64_t gyre_clock_now(const gyre_clock *clock) {
    if (gyre_unlikely(clock->source > GYRE_CLOCK_CNTVCT)) return gyre_clock_now_slow(clock);
    uint64_t ticks = gyre_clock_counter();                    // I2: before the index
    uint32_t index = gyre_load_acquire(&clock->current);      // C2
    const gyre_clock_block *block = &clock->blocks[index];
    uint64_t since = ticks - gyre_plain_read(block->base_ticks);
    if (gyre_unlikely((int64_t)since < 0) || gyre_unlikely(gyre_plain_read(block->source) > GYRE_CLOCK_CNTVCT))
        return gyre_clock_time_of(clock, ticks, index);
    return gyre_plain_read(block->base_ns) + gyre_clock_scale(since, gyre_plain_read(block->multiplier));
}

#endif
