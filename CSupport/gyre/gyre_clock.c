// gyre_clock.c: the sources of gyre_clock.h that are not inlined, and the creation of clocks.

#define _GNU_SOURCE
#include "gyre_clock.h"

#include "gyre_clock_parts.h"
#include "gyre_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define GYRE_CLOCK_SAMPLES 16
#define GYRE_CLOCK_CALIBRATION_NS UINT64_C(2000000)
#define GYRE_CLOCK_LEAD_NS UINT64_C(100000000)
#define GYRE_CLOCK_FIRST_REFINE_NS UINT64_C(120000000)
#define GYRE_CLOCK_STEP_READS 1025

// ---------------------------------------------------------------------------------------------------------
// Reading the two clocks.

static uint64_t gyre_clock_monotonic(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time); // cannot fail: the clock exists and the pointer is good
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static bool gyre_clock_is_injected(const gyre_clock *clock) { return clock->source == GYRE_CLOCK_INJECTED; }

uint64_t gyre_clock_reference(const gyre_clock *clock) {
    return gyre_clock_is_injected(clock) ? clock->hooks.reference(clock->hooks.context) : gyre_clock_monotonic();
}

uint64_t gyre_clock_counter_in_order(const gyre_clock *clock) {
    if (gyre_clock_is_injected(clock)) return clock->hooks.counter(clock->hooks.context);
#if defined(__x86_64__)
    __builtin_ia32_lfence();
    uint64_t ticks = gyre_clock_counter();
    __builtin_ia32_lfence();
    return ticks;
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
    uint64_t ticks = gyre_clock_counter();
    __asm__ __volatile__("isb" ::: "memory");
    return ticks;
#else
    return gyre_clock_counter();
#endif
}

gyre_clock_source gyre_clock_block_source(const gyre_clock *clock, uint32_t index) {
    return (gyre_clock_source)gyre_plain_read(clock->blocks[index].source);
}

uint64_t gyre_clock_time_of(const gyre_clock *clock, uint64_t ticks, uint32_t index) {
    if (gyre_clock_block_source(clock, index) == GYRE_CLOCK_MONOTONIC) ticks = gyre_clock_reference(clock);
    for (;;) {
        const gyre_clock_block *block = &clock->blocks[index];
        int64_t since = (int64_t)(ticks - gyre_plain_read(block->base_ticks));
        bool is_first = index == 0 || gyre_plain_read(block->source) == GYRE_CLOCK_MONOTONIC;
        if (since < 0 && !is_first) {
            index -= 1; // I2: this reading belongs to the block before
            continue;
        }
        if (since < 0) since = 0; // I4
        return gyre_plain_read(block->base_ns) + gyre_clock_scale((uint64_t)since, gyre_plain_read(block->multiplier));
    }
}

uint64_t gyre_clock_now_slow(const gyre_clock *clock) {
    if (clock->source == GYRE_CLOCK_MANUAL) return gyre_load_acquire(&clock->manual_ns); // M2
    uint64_t ticks = 0;
    if (gyre_clock_is_injected(clock)) ticks = clock->hooks.counter(clock->hooks.context); // I2: before the index
    return gyre_clock_time_of(clock, ticks, gyre_load_acquire(&clock->current));           // C2
}

// ---------------------------------------------------------------------------------------------------------
// Whom to trust.

static bool gyre_clock_has_word(const char *text, const char *word) {
    size_t length = strlen(word);
    while (*text) {
        text += strspn(text, " \n");
        size_t here = strcspn(text, " \n");
        if (here == length && memcmp(text, word, length) == 0) return true;
        text += here;
    }
    return false;
}

bool gyre_clock_counter_is_trusted(bool invariant, const char *current, const char *available) {
    if (!invariant) return false;
    if (gyre_clock_has_word(current, "tsc")) return true;
    if (gyre_clock_has_word(current, "arch_sys_counter")) return true;
    return gyre_clock_has_word(current, "kvm-clock") && gyre_clock_has_word(available, "tsc");
}

static bool gyre_clock_processor_says_invariant(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8)) != 0;
#elif defined(__aarch64__)
    return true; // by architecture: the generic timer runs at one rate
#else
    return false;
#endif
}

static bool gyre_clock_kernel_trusts_counter(void) {
    char current[64], available[256];
    gyre_text_read("/sys/devices/system/clocksource/clocksource0/current_clocksource", current, sizeof current);
    gyre_text_read("/sys/devices/system/clocksource/clocksource0/available_clocksource", available,
                         sizeof available);
    return gyre_clock_counter_is_trusted(gyre_clock_processor_says_invariant(), current, available);
}

bool gyre_clock_is_trusted(const gyre_clock *clock) {
    return gyre_clock_is_injected(clock) ? clock->hooks.trusted(clock->hooks.context)
                                         : gyre_clock_kernel_trusts_counter();
}

// ---------------------------------------------------------------------------------------------------------
// Measuring.

uint64_t gyre_clock_rate(uint64_t ticks, uint64_t nanoseconds) {
    if ((int64_t)ticks <= 0 || (int64_t)nanoseconds <= 0) return 0;
    __uint128_t rate = ((__uint128_t)nanoseconds << GYRE_CLOCK_SHIFT) / ticks;
    return rate >> 62 ? 0 : (uint64_t)rate; // below 60 kHz it is no clock
}

gyre_clock_sample gyre_clock_take_sample(const gyre_clock *clock, uint64_t multiplier) {
    gyre_clock_sample best = {0, 0, UINT64_MAX};
    for (int turn = 0; turn < GYRE_CLOCK_SAMPLES; ++turn) {
        uint64_t before = gyre_clock_counter_in_order(clock);
        uint64_t reference = gyre_clock_reference(clock);
        uint64_t width = gyre_clock_counter_in_order(clock) - before;
        if (width >= best.width_ns) continue;
        best = (gyre_clock_sample){before + width / 2, reference, width};
    }
    if (multiplier) best.width_ns = gyre_clock_scale(best.width_ns, multiplier);
    return best;
}

static int gyre_clock_compare_words(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/// See gyre_clock_step_ns. Readings that are equal, or one tick apart because the processor makes every read differ,
/// say nothing about the step; hence not the smallest difference but one an eighth up the distribution. (A clock on an
/// injected counter is measured after it fell back only: a counter that a test moves has no step.)
uint64_t gyre_clock_measure_step(const gyre_clock *clock, uint32_t index) {
    uint64_t reads[GYRE_CLOCK_STEP_READS];
    bool is_counter = gyre_clock_block_source(clock, index) != GYRE_CLOCK_MONOTONIC;
    for (int turn = 0; turn < GYRE_CLOCK_STEP_READS; ++turn) {
        reads[turn] = is_counter ? gyre_clock_counter() : gyre_clock_reference(clock);
    }
    int count = 0;
    for (int turn = 1; turn < GYRE_CLOCK_STEP_READS; ++turn) {
        uint64_t difference = reads[turn] - reads[turn - 1];
        if (difference) reads[count++] = difference; // count < turn: nothing is overwritten that is still needed
    }
    if (count == 0) return 1;
    qsort(reads, (size_t)count, sizeof reads[0], gyre_clock_compare_words);
    // Half a nanosecond is added for rounding.
    __uint128_t scaled = (__uint128_t)reads[count / 8] * clock->blocks[index].multiplier;
    uint64_t step = (uint64_t)((scaled + ((__uint128_t)1 << (GYRE_CLOCK_SHIFT - 1))) >> GYRE_CLOCK_SHIFT);
    return step ? step : 1;
}

double gyre_clock_read_cost_ns(const gyre_clock *clock) {
    enum { runs = 5, reads = 1000 };
    uint64_t best = UINT64_MAX;
    for (int run = 0; run < runs; ++run) {
        uint64_t begin = gyre_clock_monotonic();
        for (int turn = 0; turn < reads; ++turn) {
            uint64_t now = gyre_clock_now(clock);
            __asm__ __volatile__("" ::"r"(now)); // a value that is wanted is computed
        }
        uint64_t took = gyre_clock_monotonic() - begin;
        if (took < best) best = took;
    }
    return (double)best / reads;
}

// ---------------------------------------------------------------------------------------------------------
// Creating.

static void gyre_clock_pause(const gyre_clock *clock, uint64_t nanoseconds) {
    if (gyre_clock_is_injected(clock)) {
        clock->hooks.pause(clock->hooks.context, nanoseconds);
        return;
    }
    struct timespec rest = {0, (long)nanoseconds};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, &rest) == EINTR) {}
}

/// Finds the counter's rate and begins block 0. False when the counter does not run like a clock.
static bool gyre_clock_calibrate(gyre_clock *clock) {
    gyre_clock_sample first = gyre_clock_take_sample(clock, 0);
    gyre_clock_pause(clock, GYRE_CLOCK_CALIBRATION_NS);
    gyre_clock_sample second = gyre_clock_take_sample(clock, 0);
    uint64_t span = second.reference - first.reference;
    uint64_t rate = gyre_clock_rate(second.ticks - first.ticks, span);
    if (rate == 0) return false;
    clock->rate_error_ns = gyre_clock_scale(first.width_ns + second.width_ns, rate);
    clock->rate_span_ns = span;
    second.width_ns = gyre_clock_scale(second.width_ns, rate);
    clock->created = clock->refined = clock->settled = clock->checked = second;
    clock->trust_asked = second.reference;
    clock->next_refine_ns = clock->hooks.first_refine_ns;
    clock->blocks[0] = (gyre_clock_block){second.ticks, clock->start_ns, rate, clock->source};
    return true;
}

static void gyre_clock_begin_monotonic(gyre_clock *clock) {
    clock->source = GYRE_CLOCK_MONOTONIC;
    clock->blocks[0] = (gyre_clock_block){gyre_clock_monotonic(), clock->start_ns,
                                          UINT64_C(1) << GYRE_CLOCK_SHIFT, GYRE_CLOCK_MONOTONIC};
}

static gyre_clock *gyre_clock_allocate(gyre_clock_source source, uint64_t start_ns, const gyre_clock_hooks *hooks) {
    gyre_clock *clock = aligned_alloc(GYRE_CACHE_LINE_BYTES, sizeof(gyre_clock));
    if (!clock) return NULL; // errno is ENOMEM
    memset(clock, 0, sizeof *clock);
    clock->source = source;
    clock->start_ns = start_ns;
    clock->hooks.lead_ns = GYRE_CLOCK_LEAD_NS;
    clock->hooks.first_refine_ns = GYRE_CLOCK_FIRST_REFINE_NS;
    if (hooks) clock->hooks = *hooks;
    // Relaxed, here and for the step: whoever hands the clock to another thread publishes them with it.
    gyre_store_relaxed(&clock->manual_ns, start_ns);
    gyre_store_relaxed(&clock->step_ns, 1);
    return clock;
}

static gyre_clock_source gyre_clock_native_source(void) {
#if defined(__x86_64__)
    return GYRE_CLOCK_TSC;
#elif defined(__aarch64__)
    return GYRE_CLOCK_CNTVCT;
#else
    return GYRE_CLOCK_MONOTONIC;
#endif
}

gyre_clock *gyre_clock_create(gyre_clock_source source, uint64_t start_ns) {
    if (source == GYRE_CLOCK_MANUAL) return gyre_clock_allocate(source, start_ns, NULL);
    if (source > GYRE_CLOCK_MANUAL || start_ns > UINT64_C(1) << 62) {
        errno = EINVAL; // so much head room keeps every reading from wrapping for a century
        return NULL;
    }
    bool is_counter_wanted = source == GYRE_CLOCK_TSC || source == GYRE_CLOCK_CNTVCT;
    if (source == GYRE_CLOCK_AUTO) source = gyre_clock_native_source();
    bool is_counter = source != GYRE_CLOCK_MONOTONIC;
    if (is_counter && (source != gyre_clock_native_source() || !gyre_clock_kernel_trusts_counter())) {
        if (is_counter_wanted) {
            errno = ENOTSUP;
            return NULL;
        }
        is_counter = false;
    }
    gyre_clock *clock = gyre_clock_allocate(source, start_ns, NULL);
    if (!clock) return NULL;
    if (is_counter && !gyre_clock_calibrate(clock)) {
        if (is_counter_wanted) {
            free(clock);
            errno = ENOTSUP;
            return NULL;
        }
        is_counter = false;
    }
    if (!is_counter) gyre_clock_begin_monotonic(clock);
    gyre_store_relaxed(&clock->step_ns, gyre_clock_measure_step(clock, 0));
    return clock;
}

gyre_clock *gyre_clock_create_injected(const gyre_clock_hooks *hooks, uint64_t start_ns) {
    GYRE_ASSERT(hooks->first_refine_ns > hooks->lead_ns);
    gyre_clock *clock = gyre_clock_allocate(GYRE_CLOCK_INJECTED, start_ns, hooks);
    if (!clock) return NULL;
    if (gyre_clock_calibrate(clock)) return clock;
    free(clock);
    errno = ENOTSUP;
    return NULL;
}

void gyre_clock_destroy(gyre_clock *clock) { free(clock); }

// ---------------------------------------------------------------------------------------------------------
// Manual time, and what a clock says of itself.

uint64_t gyre_clock_advance(gyre_clock *clock, uint64_t nanoseconds) {
    if (clock->source != GYRE_CLOCK_MANUAL) return gyre_clock_now(clock);
    uint64_t now = gyre_load_relaxed(&clock->manual_ns); // the exchange decides and acquires
    uint64_t next;
    do {
        if (__builtin_add_overflow(now, nanoseconds, &next)) next = UINT64_MAX;
    } while (!gyre_cas_acq_rel_relaxed(&clock->manual_ns, &now, next)); // M1, M2; fails only when another has advanced
    return next;
}

gyre_clock_source gyre_clock_present_source(const gyre_clock *clock) {
    if (clock->source == GYRE_CLOCK_MANUAL) return GYRE_CLOCK_MANUAL;
    return gyre_clock_block_source(clock, gyre_load_acquire(&clock->current)); // C2
}

const char *gyre_clock_source_name(const gyre_clock *clock) {
    switch (gyre_clock_present_source(clock)) {
    case GYRE_CLOCK_TSC: return "tsc";
    case GYRE_CLOCK_CNTVCT: return "cntvct";
    case GYRE_CLOCK_MONOTONIC: return "monotonic";
    case GYRE_CLOCK_MANUAL: return "manual";
    case GYRE_CLOCK_INJECTED: return "injected";
    case GYRE_CLOCK_AUTO: break;
    }
    return "";
}

uint64_t gyre_clock_step_ns(const gyre_clock *clock) { return gyre_load_relaxed(&clock->step_ns); }

int64_t gyre_clock_drift_ppb(const gyre_clock *clock) { return (int64_t)gyre_load_relaxed(&clock->drift_ppb); }

uint32_t gyre_clock_refinements(const gyre_clock *clock) {
    if (clock->source == GYRE_CLOCK_MANUAL) return 0;
    uint32_t index = gyre_load_acquire(&clock->current); // C2
    bool has_fallen = index > 0 && gyre_clock_block_source(clock, index) == GYRE_CLOCK_MONOTONIC;
    return has_fallen ? index - 1 : index;
}
