// cached.c: gyre_cached.h on the checker. Entries are reached through a word that orders nothing: the table's own edges
// are not the header's to rely on.

#include "gyre_cached.h"
#include "model.h"

#include <string.h>

static gyre_cached cached;
static gyre_atomic_u32 found; // whether a reader finds the entry
static uint64_t content;
static uint32_t claims[4], used[4];

static void begin(void) {
    memset(&cached, 0xaa, sizeof cached);
    gyre_store_relaxed(&cached.marks, 0);
    gyre_store_relaxed(&found, 0);
    gyre_plain_write(content, 0);
    for (uint32_t i = 0; i < 4; i++) claims[i] = used[i] = 0;
}

/// What is written before an entry opens is seen by who sees it open. (E1 -> E2.)
static void open_and_read(uint32_t i) {
    if (i == 0) {
        gyre_plain_write(content, 7);
        gyre_cached_open(&cached, 10, false);
        gyre_store_relaxed(&found, 1);
    } else if (gyre_load_relaxed(&found) == 1) {
        if (gyre_cached_is_open(&cached)) MODEL_CHECK(gyre_plain_read(content) == 7);
    }
}
static void check_open(void) {
    MODEL_CHECK(gyre_cached_is_open(&cached));
    MODEL_CHECK(!gyre_cached_is_due(&cached, 9));
    MODEL_CHECK(gyre_cached_is_due(&cached, 10));
    MODEL_CHECK(!gyre_cached_sweep(&cached));
}

static void begin_open(void) {
    begin();
    gyre_cached_open(&cached, 10, false);
}
static void begin_visited(void) {
    begin();
    gyre_cached_open(&cached, GYRE_CACHED_NEVER, true);
}

/// Two use it and one sweeps: a use is swept or still there, and never makes the entry anything but open.
static void use_and_sweep(uint32_t i) {
    if (i < 2) gyre_cached_touch(&cached);
    else used[0] = gyre_cached_sweep(&cached);
}
static void check_used(void) {
    MODEL_CHECK(gyre_cached_is_open(&cached));
    used[1] = gyre_cached_sweep(&cached);
    MODEL_CHECK(used[0] + used[1] >= 1);
    MODEL_CHECK(!gyre_cached_sweep(&cached));
    MODEL_CHECK(gyre_cached_is_open(&cached));
}

/// Two sweepers: one of them finds the use.
static void sweep_twice(uint32_t i) { used[i] = gyre_cached_sweep(&cached); }
static void check_swept(void) { MODEL_CHECK(used[0] + used[1] == 1); }

/// Three who come in the same window: one refreshes.
static void claim_once(uint32_t i) { claims[i] = gyre_cached_claim(&cached, 10 + i, 20 + i); }
static void check_once(void) {
    MODEL_CHECK(claims[0] + claims[1] + claims[2] == 1);
    MODEL_CHECK(!gyre_cached_is_due(&cached, 19));
}

/// Two in one window, one of whom comes again in the next: a claim for each window at most, and the last is found.
static void claim_twice(uint32_t i) {
    claims[i] = gyre_cached_claim(&cached, 10, 20);
    if (i == 1) claims[2] = gyre_cached_claim(&cached, 20, 30);
}
static void check_twice(void) {
    MODEL_CHECK(claims[0] + claims[1] <= 1);
    MODEL_CHECK(claims[0] + claims[1] + claims[2] >= 1);
    MODEL_CHECK(gyre_cached_is_due(&cached, claims[2] ? 30 : 20));
    MODEL_CHECK(!gyre_cached_is_due(&cached, claims[2] ? 29 : 19));
}

/// Nobody claims what is not due, or never.
static void claim_early(uint32_t i) { claims[i] = gyre_cached_claim(&cached, 9, 20); }
static void claim_never(uint32_t i) { claims[i] = gyre_cached_claim(&cached, 1u << 30, UINT64_MAX - 1); }
static void check_none(void) { MODEL_CHECK(claims[0] + claims[1] == 0); }

#define CACHED(title, count, begin_with, body, last)                                                                  \
    {.name = "cached/" title, .threads = count, .setup = begin_with, .thread = body, .check = last,                    \
     .bound = MODEL_COMPLETE, .chance = 4000}

static const model_test tests[] = {
    CACHED("an open entry is written", 2, begin, open_and_read, check_open),
    CACHED("a use is swept once", 3, begin_open, use_and_sweep, check_used),
    CACHED("one of two sweepers finds a use", 2, begin_visited, sweep_twice, check_swept),
    CACHED("one refresh in a window", 3, begin_open, claim_once, check_once),
    CACHED("one refresh in each window", 2, begin_open, claim_twice, check_twice),
    CACHED("no refresh before it is due", 2, begin_open, claim_early, check_none),
    CACHED("no refresh of what is never due", 2, begin_visited, claim_never, check_none),
};

MODEL_HARNESS(cached, tests);
