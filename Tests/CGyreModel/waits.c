// waits.c: gate, waiters and order line on the checker: who is told, once, and what he sees then.

#define GYRE_GATE_STRIPES 2u

#include "gyre_gate.h"
#include "gyre_order.h"
#include "gyre_waiters.h"
#include "model.h"

#include <string.h>

static uint64_t data[4];
static uint32_t results[4];


// ---------------------------------------------------------------------------------------------------------
// Gate: after the wait nobody is inside, and everything that was done inside is seen.

static gyre_gate gate;

static void setup_gate(void) {
    memset(&gate, 0xaa, sizeof gate);
    gyre_gate_init(&gate);
    memset(results, 0, sizeof results);
}

static void drain(uint32_t i) {
    if (i < 2) {
        if (!gyre_gate_enter(&gate, 0)) {
            MODEL_CHECK(!gyre_gate_enter(&gate, 0));
            return;
        }
        gyre_plain_write(data[i], 1);
        gyre_gate_leave(&gate, 0);
        return;
    }
    results[2] = gyre_gate_close(&gate);
    MODEL_CHECK(gyre_gate_is_closed(&gate));
    MODEL_CHECK(gyre_gate_wait(&gate, GYRE_FUTEX_NO_DEADLINE));
    for (uint32_t thread = 0; thread < 2; thread++) gyre_plain_write(data[thread], 2);
    MODEL_CHECK(!gyre_gate_enter(&gate, 0));
}

/// Two stripes, one thread on each; somebody goes in on one of them twice.
static void drain_stripes(uint32_t i) {
    if (i == 2) return drain(2);
    for (uint32_t turn = 0; turn < 2 - i; turn++) {
        if (!gyre_gate_enter(&gate, i)) return;
        gyre_plain_write(data[i], 1);
        gyre_gate_leave(&gate, i);
    }
}

/// Two who close and wait; one of them is first.
static void drain_twice(uint32_t i) {
    if (i == 0) {
        if (!gyre_gate_enter(&gate, 1)) return;
        gyre_plain_write(data[0], 1);
        gyre_gate_leave(&gate, 1);
        return;
    }
    results[i] = gyre_gate_close(&gate);
    MODEL_CHECK(gyre_gate_wait(&gate, GYRE_FUTEX_NO_DEADLINE));
    (void)gyre_plain_read(data[0]);
}

static void check_gate(void) {
    MODEL_CHECK(gyre_gate_inside(&gate) == 0);
    MODEL_CHECK(results[1] + results[2] == 1);
}

/// Whoever sees the gate closed is refused on every stripe.
static void look_at_gate(uint32_t i) {
    if (i == 0) {
        results[1] = gyre_gate_close(&gate);
    } else if (gyre_gate_is_closed(&gate)) {
        MODEL_CHECK(!gyre_gate_enter(&gate, 0));
        MODEL_CHECK(!gyre_gate_enter(&gate, 1));
    }
}

// ---------------------------------------------------------------------------------------------------------
// Waiters: each is called once, or told at once; either way it sees the outcome.

static gyre_waiters waiters;
static gyre_waiter nodes[2];
static uint64_t outcome;

static void called(gyre_waiter *waiter) {
    (void)gyre_plain_read(outcome);
    results[gyre_plain_read(waiter->word)] += 1;
    gyre_plain_write(waiter->next, NULL); // it may be freed: nobody reads it again
}

static void setup_waiters(void) {
    memset(&waiters, 0xaa, sizeof waiters);
    gyre_waiters_init(&waiters);
    memset(results, 0, sizeof results);
}

static void wait_for_outcome(uint32_t i) {
    if (i == 2) {
        gyre_plain_write(outcome, 1);
        gyre_waiters_settle(&waiters);
        return;
    }
    gyre_plain_write(nodes[i].word, i);
    gyre_plain_write(nodes[i].settled, called);
    if (gyre_waiters_add(&waiters, &nodes[i])) return;
    (void)gyre_plain_read(outcome);
    results[i] += 1;
}

static void look_at_outcome(uint32_t i) {
    if (i == 1) return wait_for_outcome(2);
    if (gyre_waiters_is_settled(&waiters)) (void)gyre_plain_read(outcome);
    (void)wait_for_outcome(0);
}

static void check_waiters(void) {
    MODEL_CHECK(gyre_waiters_is_settled(&waiters));
    MODEL_CHECK(results[0] == 1);
}
static void check_both_waiters(void) {
    check_waiters();
    MODEL_CHECK(results[1] == 1);
}

// ---------------------------------------------------------------------------------------------------------
// Order line: one turn at a time, every turn sees the ones before, nobody is forgotten.

static gyre_order_line line;
static gyre_order_link links[3];

static void setup_line(void) {
    memset(&line, 0xaa, sizeof line);
    memset(links, 0xaa, sizeof links);
    gyre_order_line_init(&line);
    for (uint32_t i = 0; i < 3; i++) gyre_order_link_init(&links[i]);
    memset(results, 0, sizeof results);
}

/// Has the turn of `link`, and whatever turns follow it by its leaving.
static void take_turns(gyre_order_link *link) {
    while (link != NULL) {
        uint32_t who = (uint32_t)(link - links);
        gyre_plain_write(data[0], who); // in a turn: nobody else writes
        (void)gyre_plain_read(data[who + 1]); // what its owner prepared
        results[who] += 1;
        bool removed;
        link = gyre_order_leave(&line, link, &removed);
        MODEL_CHECK(!(removed && link != NULL));
    }
}

static void line_up(uint32_t i) {
    gyre_plain_write(data[i + 1], 1);
    gyre_order_link *before = gyre_order_enter(&line, &links[i]);
    if (before == NULL || !gyre_order_follow(before, &links[i])) take_turns(&links[i]);
}

static void check_line(void) {
    MODEL_CHECK(gyre_load_relaxed(&line.tail) == 0);
}
static void check_two_turns(void) {
    check_line();
    MODEL_CHECK(results[0] == 1);
    MODEL_CHECK(results[1] == 1);
}
static void check_three_turns(void) {
    check_two_turns();
    MODEL_CHECK(results[2] == 1);
}

/// A link is initialised by its owner and found by its follower.
static void line_up_fresh(uint32_t i) {
    gyre_plain_write(nodes[i].word, 5);
    gyre_order_link *before = gyre_order_enter(&line, &links[i]);
    if (before != NULL) (void)gyre_plain_read(nodes[before - links].word);
    if (before == NULL || !gyre_order_follow(before, &links[i])) take_turns(&links[i]);
}

static void setup_line_fresh(void) {
    setup_line();
    for (uint32_t i = 0; i < 4; i++) gyre_plain_write(data[i], 0);
}

#define WAITS(title, count, start, body, last)                                                                         \
    {.name = "waits/" title, .threads = count, .setup = start, .thread = body, .check = last, .bound = MODEL_COMPLETE, \
     .chance = 10000}

static const model_test tests[] = {
    WAITS("gate, two inside of one stripe", 3, setup_gate, drain, check_gate),
    WAITS("gate, two stripes", 3, setup_gate, drain_stripes, check_gate),
    WAITS("gate, two who wait", 3, setup_gate, drain_twice, check_gate),
    WAITS("gate, a look at closed", 2, setup_gate, look_at_gate, check_gate),
    WAITS("waiters, two and a settler", 3, setup_waiters, wait_for_outcome, check_both_waiters),
    WAITS("waiters, one who looks first", 2, setup_waiters, look_at_outcome, check_waiters),
    WAITS("order, two", 2, setup_line, line_up, check_two_turns),
    WAITS("order, three", 3, setup_line, line_up, check_three_turns),
    WAITS("order, a fresh link", 2, setup_line_fresh, line_up_fresh, check_two_turns),
};

MODEL_HARNESS(waits, tests);
