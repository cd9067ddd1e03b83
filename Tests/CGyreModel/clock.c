// clock.c: gyre_clock.c and gyre_clock_check.c on the checker: readers while a rate is published or the counter is
// given up, two who check at once, manual time.
//
// Every thread has a counter and a reference clock of its own, which stand where the test puts them, so that what a
// thread reads does not hang on who ran before. The lead of a new rate is therefore a matter of numbers, not of time: a
// reader may be asked for an instant behind the base of a rate that it does not see yet, and then reads the old line.

#include "gyre_clock.h"
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static gyre_clock memory;
#define aligned_alloc(alignment, bytes) ((void)(alignment), (void)(bytes), &memory)
#define free(pointer) ((void)(pointer))
#include "gyre_clock.c"
#include "gyre_clock_check.c"
#include "gyre_text.c"
#undef aligned_alloc
#undef free

#define CREATED UINT64_C(2000000)     // both clocks, when the calibration ends
#define CHECKED UINT64_C(1000000000)  // the counter at the check
#define LATER UINT64_C(3000000000)    // and at the next one
#define LEAD UINT64_C(100000000)
#define BASE (CHECKED + LEAD)         // where the new rate begins
#define SLEW UINT64_C(500000)         // what the counter lost up to the check: half of what is tolerated
#define LOST UINT64_C(5000000)        // five times that

static gyre_clock *watch;
static uint64_t ticks[MODEL_THREADS]; // of each thread
static uint64_t truth[MODEL_THREADS];
static gyre_atomic_u32 flag;
static uint64_t data[2];
static uint32_t results[4];

static uint64_t counter_of(void *context) { return (void)context, ticks[model.current]; }
static uint64_t truth_of(void *context) { return (void)context, truth[model.current]; }
static bool is_trusted(void *context) { return context == NULL; }
static void pause_of(void *context, uint64_t nanoseconds) {
    (void)context;
    ticks[model.current] += nanoseconds;
    truth[model.current] += nanoseconds;
}

uint64_t gyre_clock_counter(void) { return ticks[model.current]; }

static void put(uint64_t counter, uint64_t reference) {
    ticks[model.current] = counter;
    truth[model.current] = reference;
}

static void setup(void) {
    static const gyre_clock_hooks hooks = {counter_of, truth_of, is_trusted, pause_of, NULL, LEAD, LEAD + 1};
    put(0, 0);
    watch = gyre_clock_create_injected(&hooks, 0);
    MODEL_CHECK(watch != NULL);
    gyre_store_relaxed(&flag, 0);
    memset(results, 0, sizeof results);
}

// ---------------------------------------------------------------------------------------------------------
// A better rate. What lies before its base is on the old line for everybody, what lies behind it on the new one for
// whoever sees it.

static uint64_t old_line(uint64_t counter) { return counter - CREATED; }
static uint64_t new_line(uint64_t counter) {
    return old_line(BASE) + (counter - BASE) * (CHECKED + SLEW - CREATED) / (CHECKED - CREATED);
}
static bool is_near(uint64_t a, uint64_t b) { return a - b + 1 <= 2; } // rounded

static uint64_t now_at(uint64_t counter) {
    put(counter, counter);
    return gyre_clock_now(watch);
}

static void read_rate(bool has_told) {
    MODEL_CHECK(now_at(BASE - 1000) == old_line(BASE - 1000));
    uint64_t behind = now_at(BASE + LEAD);
    bool is_new = is_near(behind, new_line(BASE + LEAD));
    MODEL_CHECK(is_new || behind == old_line(BASE + LEAD));
    if (has_told) MODEL_CHECK(is_new);
    if (is_new) MODEL_CHECK(is_near(now_at(BASE + 2 * LEAD), new_line(BASE + 2 * LEAD)));
    MODEL_CHECK(now_at(BASE - 1000) == old_line(BASE - 1000));
}

static void refine(uint32_t i) {
    if (i > 0) return read_rate(i == 2 && gyre_load_acquire(&flag) == 1);
    put(CHECKED, CHECKED + SLEW);
    MODEL_CHECK(gyre_clock_check(watch) == GYRE_CLOCK_CHECK_REFINED);
    gyre_store_release(&flag, 1);
}

/// The same through the read that callers inline, of the processor's own counter.
static void setup_inline(void) {
    setup();
    watch->source = GYRE_CLOCK_TSC;
    watch->blocks[0].source = GYRE_CLOCK_TSC;
}

static void refine_inline(uint32_t i) {
    if (i > 0) return read_rate(i == 2 && gyre_load_acquire(&flag) == 1);
    uint64_t rate = gyre_clock_rate(CHECKED - CREATED, CHECKED + SLEW - CREATED);
    gyre_clock_publish(watch, (gyre_clock_block){BASE, old_line(BASE), rate, GYRE_CLOCK_TSC});
    gyre_store_release(&flag, 1);
}

static void check_rate(void) {
    MODEL_CHECK(gyre_clock_refinements(watch) == 1);
    MODEL_CHECK(gyre_clock_step_ns(watch) == 1);
    read_rate(true);
}

// ---------------------------------------------------------------------------------------------------------
// The counter is given up: time goes on from where it is truly, on the reference clock.

static void give_up(uint32_t i) {
    if (i == 0) {
        put(CHECKED, CHECKED + LOST);
        MODEL_CHECK(gyre_clock_check(watch) == GYRE_CLOCK_CHECK_FELL_BACK);
        MODEL_CHECK(gyre_clock_check(watch) == GYRE_CLOCK_CHECK_NOT_NEEDED);
        gyre_store_release(&flag, 1);
        return;
    }
    uint32_t has_told = gyre_load_acquire(&flag);
    put(LATER, LATER + 3 * LOST);
    uint64_t now = gyre_clock_now(watch);
    bool is_true = now == LATER + 3 * LOST - CREATED;
    MODEL_CHECK(is_true || now == old_line(LATER));
    if (has_told) MODEL_CHECK(is_true);
    if (is_true) MODEL_CHECK(gyre_clock_now(watch) == now);
}

static void check_given_up(void) {
    MODEL_CHECK(gyre_clock_present_source(watch) == GYRE_CLOCK_MONOTONIC);
    MODEL_CHECK(gyre_clock_refinements(watch) == 0);
}

/// What a clock says of itself meanwhile.
static void ask(uint32_t i) {
    if (i == 0) return give_up(0);
    if (i == 1) {
        gyre_clock_source source = gyre_clock_present_source(watch);
        MODEL_CHECK(source == GYRE_CLOCK_INJECTED || source == GYRE_CLOCK_MONOTONIC);
    } else {
        MODEL_CHECK(gyre_clock_refinements(watch) == 0);
    }
}

// ---------------------------------------------------------------------------------------------------------
// Two check at once: one of them refines the rate, and the other, if it is not sent away, continues from there.

static void check_both(uint32_t i) {
    put(CHECKED, CHECKED + SLEW);
    results[i] = gyre_clock_check(watch);
    MODEL_CHECK(results[i] != GYRE_CLOCK_CHECK_NOT_NEEDED);
    MODEL_CHECK(results[i] != GYRE_CLOCK_CHECK_FELL_BACK);
}

static void check_checked(void) {
    MODEL_CHECK((results[0] == GYRE_CLOCK_CHECK_REFINED) + (results[1] == GYRE_CLOCK_CHECK_REFINED) == 1);
    MODEL_CHECK(gyre_clock_refinements(watch) == 1);
    put(LATER, LATER + 3 * SLEW);
    MODEL_CHECK(gyre_clock_check(watch) == GYRE_CLOCK_CHECK_REFINED); // nobody holds it any more
    for (uint64_t check = 2; check < 5; check++) { // what drift there is shows once a rate is kept
        put(check * LATER, check * (LATER + 3 * SLEW));
        MODEL_CHECK(gyre_clock_check(watch) != GYRE_CLOCK_CHECK_BUSY);
    }
    MODEL_CHECK(gyre_clock_drift_ppb(watch) < 1000);
    MODEL_CHECK(gyre_clock_drift_ppb(watch) > -1000);
}

// ---------------------------------------------------------------------------------------------------------
// Manual time: who sees it moved sees what was done before.

static void setup_manual(void) {
    watch = gyre_clock_create(GYRE_CLOCK_MANUAL, 4);
    MODEL_CHECK(watch != NULL);
}

static void see_moves(uint64_t now, uint32_t own) {
    MODEL_CHECK(now >= 4);
    MODEL_CHECK(now <= 7);
    for (uint32_t i = 0; i < 2; i++) {
        if (i != own && (now - 4) >> i & 1) (void)gyre_plain_read(data[i]);
    }
}

static void move(uint32_t i) {
    if (i == 2) return see_moves(gyre_clock_now(watch), 2);
    gyre_plain_write(data[i], 1);
    see_moves(gyre_clock_advance(watch, 1ull << i), i);
}

static void check_moved(void) { MODEL_CHECK(gyre_clock_now(watch) == 7); }

#define CLOCK(title, count, start, body, last)                                                                     \
    {.name = "clock/" title, .threads = count, .setup = start, .thread = body, .check = last, .bound = MODEL_COMPLETE, \
     .chance = 4000}

static const model_test tests[] = {
    CLOCK("a rate is published", 3, setup, refine, check_rate),
    CLOCK("a rate is published, read inline", 3, setup_inline, refine_inline, check_rate),
    CLOCK("the counter is given up", 3, setup, give_up, check_given_up),
    CLOCK("asked while the counter is given up", 3, setup, ask, check_given_up),
    CLOCK("two check at once", 2, setup, check_both, check_checked),
    CLOCK("manual time", 3, setup_manual, move, check_moved),
};

MODEL_HARNESS(clock, tests);
