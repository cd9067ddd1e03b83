// token.h: the token and the idle mask of gyre_park.h over two marks in place of a pool. A part of pool.c: without the
// queues an execution is short enough for the searches that a token in a waker's hands needs.
//
// Submitters 0 and 1 each set their mark and wake as gyre_dispatch_wake does; the worker takes both marks, and idles as
// Worker.swift and gyre_dispatch_prepare_sleep do. A mark that is not taken when all others have ended is a lost wake.

#ifndef GYRE_TESTS_TOKEN_H
#define GYRE_TESTS_TOKEN_H

#include "gyre_park.h"
#include "model.h"

#include <string.h>

static gyre_park token_park;
#define TOKEN_WORKERS 2u
static gyre_parker token_parkers[TOKEN_WORKERS];
static gyre_atomic_u32 token_marks[2];
static uint32_t token_taken;

static void token_setup(void) {
    memset(&token_park, 0xaa, sizeof token_park);
    memset(token_parkers, 0xaa, sizeof token_parkers);
    gyre_park_init(&token_park, token_parkers, TOKEN_WORKERS);
    for (uint32_t i = 0; i < 2; i++) gyre_store_relaxed(&token_marks[i], 0);
    token_taken = 0;
}

static bool token_has_mark(void) {
    return gyre_load_acquire(&token_marks[0]) == 1 || gyre_load_acquire(&token_marks[1]) == 1;
}

static void token_wake(void) {
    bool look_again = false;
    do {
        if (gyre_park_wake_one(&token_park, &look_again) || !look_again) return;
    } while (gyre_park_wants_wake(&token_park) && token_has_mark());
}

static void token_submit(uint32_t i) {
    gyre_store_release(&token_marks[i], 1);
    gyre_fence_seq_cst(); // P1
    if (gyre_park_wants_wake(&token_park)) token_wake();
}

static bool token_take(void) {
    for (uint32_t i = 0; i < 2; i++) {
        if (gyre_load_acquire(&token_marks[i]) != 1) continue;
        gyre_store_relaxed(&token_marks[i], 2);
        token_taken += 1;
        return true;
    }
    return false;
}

static void token_work(void) {
    bool holds_token = false;
    while (token_taken < 2) {
        if (token_take()) {
            if (!holds_token) continue;
            holds_token = false;
            gyre_park_stop_search(&token_park);
            continue; // the only worker: there is nobody to pass the wake on to
        }
        gyre_park_prepare(&token_park, 0, holds_token);
        holds_token = false;
        if (token_has_mark()) {
            holds_token = gyre_park_withdraw(&token_park, 0) || gyre_park_start_search(&token_park);
        } else {
            holds_token = gyre_park_sleep(&token_park, 0, GYRE_FUTEX_NO_DEADLINE);
        }
    }
}

static void token_thread(uint32_t i) {
    if (i == 2) {
        token_work();
    } else {
        token_submit(i);
    }
}

static void token_check(void) { MODEL_CHECK(token_taken == 2); }

/// Thread 0 gives the token back and passes the wake on for the mark that it sees. Whoever is woken by it sees that
/// mark at its first look, whether it finds out asleep or while it takes its announcement back (E1 -> E2).
static void token_setup_held(void) {
    token_setup();
    gyre_store_relaxed(&token_park.searching, 1);
}

static void token_pass_on(void) {
    gyre_park_stop_search(&token_park);
    if (gyre_park_wants_wake(&token_park) && token_has_mark()) token_wake();
}

static void token_woken_asleep(uint32_t i) {
    if (i == 0) return token_pass_on();
    if (i == 1) return gyre_store_release(&token_marks[0], 1);
    gyre_park_prepare(&token_park, 0, false);
    MODEL_CHECK(gyre_park_sleep(&token_park, 0, GYRE_FUTEX_NO_DEADLINE));
    MODEL_CHECK(token_has_mark());
}

/// Two workers idle and two threads that want to wake one, or to search: the token goes to one of them.
static uint32_t token_won[2];
static void token_setup_idle(void) {
    token_setup();
    gyre_store_relaxed(&token_park.idle, 3);
}

static void token_wake_both(uint32_t i) {
    bool look_again;
    token_won[i] = gyre_park_wake_one(&token_park, &look_again);
}

static void token_search_both(uint32_t i) { token_won[i] = gyre_park_start_search(&token_park); }

static void token_check_won(void) { MODEL_CHECK(token_won[0] + token_won[1] == 1); }

static void token_woken_awake(uint32_t i) {
    if (i < 2) return token_woken_asleep(i);
    gyre_park_prepare(&token_park, 0, false);
    if (gyre_park_withdraw(&token_park, 0)) MODEL_CHECK(token_has_mark());
}

#endif
