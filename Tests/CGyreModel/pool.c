// pool.c: gyre_park.h and gyre_dispatch.c on the checker: submit and wake against workers that look, sleep, pass the
// wake on and leave; close against submit; seats that change owners; full own queues that move chunks.

#include "pool.h"
#include "token.h"

// ---------------------------------------------------------------------------------------------------------
// Nobody sleeps while there is something. Workers stay asleep at the end; whatever was submitted must have run.

static void setup_one_one(void) { setup_with(1, 1); }
static void setup_two_one(void) { setup_with(2, 1); }
static void setup_one_two(void) { setup_with(1, 2); }

static void wake_own_queue(uint32_t i) {
    if (i < pool.worker_count) return work(i, true);
    gyre_seat *seat = sit();
    MODEL_CHECK(submit(seat, 1, GYRE_LANE_NORMAL));
    if (pool.worker_count == 1) MODEL_CHECK(submit(seat, 2, GYRE_LANE_NORMAL));
}

static void wake_waiting_body(uint32_t i) {
    if (i < 2) return work(i, true);
    gyre_seat *seat = sit();
    MODEL_CHECK(submit(seat, 1, GYRE_LANE_NORMAL));
    MODEL_CHECK(submit(seat, 2, GYRE_LANE_NORMAL));
}

/// The same by a guest, who wakes nobody beside who searches.
static void wake_waiting_body_guest(uint32_t i) {
    if (i < 2) return work(i, true);
    MODEL_CHECK(submit(NULL, 1, GYRE_LANE_NORMAL));
    MODEL_CHECK(submit(NULL, 2, GYRE_LANE_NORMAL));
}

static void wake_injector(uint32_t i) {
    if (i < pool.worker_count) return work(i, false);
    MODEL_CHECK(submit(NULL, 1, GYRE_LANE_NORMAL));
    MODEL_CHECK(submit(NULL, 2, GYRE_LANE_NORMAL));
}

static void wake_two_submitters(uint32_t i) {
    if (i == 0) return work(0, true);
    MODEL_CHECK(submit(i == 1 ? sit() : NULL, i, i == 1 ? GYRE_LANE_NORMAL : GYRE_LANE_HIGH));
}

static void wake_overflow(uint32_t i) {
    if (i == 0) return work(0, true);
    gyre_overflow_item item = {NULL, {1, 0}, 0};
    gyre_plain_write(plain[1], 1);
    accepted[1] = 1;
    gyre_overflow_push(&overflow, &item);
    (void)gyre_dispatch_wake(&pool, NULL);
}

/// What overflowed is not counted as queued a second time.
static void check_overflow(void) {
    gyre_dispatch_count(&pool, NULL, GYRE_COUNT_QUEUED, 1);
    check();
}

/// Two threads without a seat.
static void wake_two_guests(uint32_t i) {
    if (i == 0) return work(0, false);
    MODEL_CHECK(submit(NULL, i, GYRE_LANE_LOW));
}

/// Thread 1 wants to wake somebody and finds nobody idle; what came meanwhile relied on its token.
static void wake_looks_again(uint32_t i) {
    if (i == 0) return work(0, false);
    if (i == 1) gyre_dispatch_wake_slow(&pool);
    else MODEL_CHECK(submit(NULL, 1, GYRE_LANE_NORMAL));
}

/// A body that waits for the task behind it hides it from nobody: the wake is passed on before the body runs.
static void setup_waiting_body(void) {
    setup_with(2, 1);
    first_waits = true;
}

/// Each submit that finds two items and somebody searching wakes the other worker beside it: two workers share the
/// token and give it up one after the other.
static void setup_stalled(void) {
    setup_with(2, 1);
    time_now = 0;
    seats[2].clock = &hasty_clock;
}

static void wake_beside(uint32_t i) {
    if (i < 2) return work(i, true);
    gyre_seat *seat = sit();
    for (uint32_t word = 1; word <= 3; word++) MODEL_CHECK(submit(seat, word, GYRE_LANE_NORMAL));
}

/// A worker that took the token and never runs again, which is what one that the system stops looks like meanwhile: the
/// other one is woken as soon as there are two items. Only the youngest item may lie there, alone: no submit has come
/// after it.
static void setup_stopped(void) {
    setup_stalled();
    MODEL_CHECK(gyre_park_start_search(&pool.park));
}

static void wake_around_stopped(uint32_t i) {
    if (i == 0) work(1, true);
    else wake_beside(2);
}

static void check_around_stopped(void) {
    MODEL_CHECK(ran[1] == 1);
    MODEL_CHECK(ran[2] == 1);
    MODEL_CHECK(ran[3] <= 1);
}

/// Two share the token while bodies wait for each other: each item finds a worker of its own.
static void setup_stalled_waiting(void) {
    setup_stalled();
    first_waits = true;
}

/// Two threads take a seat each: a worker about to sleep looks at both.
static void wake_two_seats(uint32_t i) {
    if (i == 0) return work(0, false);
    MODEL_CHECK(submit(sit(), i, GYRE_LANE_NORMAL));
}

/// Each turn begins at another source.
static void wake_fair(uint32_t i) {
    if (i == 0) return work_while(0, false, true, always);
    gyre_seat *seat = sit();
    MODEL_CHECK(submit(seat, 1, GYRE_LANE_LOW));
    MODEL_CHECK(submit(seat, 2, GYRE_LANE_NORMAL));
    MODEL_CHECK(submit(seat, 3, GYRE_LANE_BACKGROUND));
}

/// A spare that nobody needs leaves after it was woken, and passes on what it was woken for.
static bool never(void) { return false; }
static void spare_leaves(uint32_t i) {
    if (i == 0) return work(0, false);
    if (i == 1) return work_while(1, false, false, never);
    MODEL_CHECK(submit(sit(), 1, GYRE_LANE_NORMAL));
}

/// What snapshots and those who wait for room ask for meanwhile.
static void ask_meanwhile(uint32_t i) {
    if (i < 2) return wake_own_queue(i);
    bool was_busy = gyre_dispatch_seat_count(&pool, 0, GYRE_COUNT_FINISHED) > 0;
    MODEL_CHECK(gyre_dispatch_sum(&pool, GYRE_COUNT_QUEUED) <= 2);
    MODEL_CHECK(!gyre_dispatch_worker_sits(&pool, 0)); // workers' seats are not taken here
    MODEL_CHECK(gyre_dispatch_has_room(&pool));
    (void)gyre_dispatch_worker_sleeps(&pool, 0);
    gyre_thread_home = &pool;
    gyre_dispatch_ask_to_stop(&pool);
    MODEL_CHECK(gyre_thread_is_asked_to_stop());
    gyre_thread_home = NULL;
    if (was_busy) MODEL_CHECK(gyre_dispatch_seat_count(&pool, 0, GYRE_COUNT_FINISHED) > 0);
}

/// A chunk in `work` keeps a worker awake though every other queue is empty.
static void setup_only_work(void) {
    setup_with(1, 1);
    uint32_t id = gyre_depot_take_chunk(&pool.depot);
    (void)gyre_ring_try_push(pool.work, id);
}

static void look_at_work(uint32_t i) {
    bool holds_token = false;
    if (i == 0) MODEL_CHECK(gyre_dispatch_prepare_sleep(&pool, 0, &holds_token) == GYRE_IDLE_FOUND);
}

static void no_check(void) {}

// ---------------------------------------------------------------------------------------------------------
// Close.

static void close_race(uint32_t i) {
    if (i == 0) {
        work(0, false);
        return leave();
    }
    if (i == 1) (void)submit(sit(), 1, GYRE_LANE_NORMAL);
    else gyre_dispatch_close(&pool);
}

/// The first task was accepted, so it is not what the second submit takes back.
static void close_race_two(uint32_t i) {
    if (i != 1) return close_race(i);
    gyre_seat *seat = sit();
    (void)submit(seat, 1, GYRE_LANE_NORMAL);
    (void)submit(seat, 2, GYRE_LANE_NORMAL);
}

/// Who sees the pool closed sees what the closer did before.
static uint64_t last_words;
static void setup_last_words(void) {
    setup_with(1, 1);
    gyre_plain_write(last_words, 0);
}
static void see_closed(uint32_t i) {
    if (i == 0) {
        gyre_plain_write(last_words, 1);
        gyre_dispatch_close(&pool);
    } else if (gyre_dispatch_is_closed(&pool)) {
        (void)gyre_plain_read(last_words);
    }
}

static void close_race_guest(uint32_t i) {
    if (i == 0) {
        work(0, true);
        return leave();
    }
    if (i == 1) (void)submit(NULL, 1, GYRE_LANE_LOW);
    else gyre_dispatch_close(&pool);
}

static void close_two_workers(uint32_t i) {
    if (i < 2) {
        work(i, true);
        return leave();
    }
    (void)submit(sit(), 1, GYRE_LANE_NORMAL);
    gyre_dispatch_close(&pool);
    MODEL_CHECK(!submit(NULL, 2, GYRE_LANE_NORMAL));
}

/// A worker whose body waits is replaced by a spare, as WorkerPool+Threads.swift has it; the pool closes meanwhile. The
/// spare may have left when it is needed, and stays then; what was accepted runs.
static bool is_needed(void) { return gyre_load_acquire(&blocked) == 1; }
static void close_with_spare(uint32_t i) {
    if (i == 0) {
        work(0, false);
        return leave();
    }
    if (i == 1) {
        while (gyre_load_acquire(&blocked) == 0) gyre_pause(); // not started yet
        do work_while(1, false, false, is_needed);
        while (is_needed() && !gyre_dispatch_is_closed(&pool));
        return leave();
    }
    gyre_seat *seat = sit();
    MODEL_CHECK(submit(seat, 1, GYRE_LANE_NORMAL));
    MODEL_CHECK(submit(seat, 2, GYRE_LANE_NORMAL));
    gyre_dispatch_close(&pool);
}

/// Who takes an item back comes after all that the last worker did, and may free it.
static uint32_t left_behind;
static void setup_retract(void) { // an earlier one lies there too, left by a drain that gave workers up
    setup_last_words();
    gyre_seat *seat = sit();
    MODEL_CHECK(submit(seat, 1, GYRE_LANE_NORMAL));
    MODEL_CHECK(submit(seat, 2, GYRE_LANE_NORMAL));
    MODEL_CHECK(gyre_runq_peek(&seat->runq, 1, &left_behind));
}

static void retract(uint32_t i) {
    if (i == 0) {
        gyre_plain_write(last_words, 1);
        return leave();
    }
    MODEL_CHECK(gyre_dispatch_retract(&pool, &seats[1], left_behind));
    gyre_plain_write(last_words, 2);
}

static void check_retract(void) {
    uint32_t handle;
    MODEL_CHECK(gyre_runq_pop(&seats[1].runq, &handle));
    MODEL_CHECK(handle != left_behind);
    MODEL_CHECK(!gyre_dispatch_has_item(&pool));
    MODEL_CHECK(gyre_dispatch_sum(&pool, GYRE_COUNT_QUEUED) == 1);
}

// ---------------------------------------------------------------------------------------------------------
// Seats and chunks.

/// Two threads use one seat after another: what the first has left there is the second's to use.
static void inherit(uint32_t i) {
    if (i == 0) {
        for (uint32_t turn = 0; turn < 3; turn++) {
            uint32_t handle = gyre_dispatch_next(&pool, &seats[0]);
            if (handle != GYRE_HANDLE_NONE) run(&seats[0], handle);
        }
        return;
    }
    gyre_seat *seat = sit();
    if (seat == NULL) return;
    gyre_plain_write(seat->cursor, i);
    (void)submit(seat, i, GYRE_LANE_NORMAL);
    gyre_plain_write(seat->cursor, i);
    gyre_seat_release(seat);
}

static void check_inherit(void) {
    uint32_t handle;
    while ((handle = gyre_dispatch_next(&pool, &seats[0])) != GYRE_HANDLE_NONE) run(&seats[0], handle);
    check();
}

/// The own queue overflows: two of its handles go through `work`, and whoever takes the chunk spreads it.
static void setup_overflows(void) {
    setup_with(1, 1);
    gyre_seat *seat = sit();
    for (uint32_t word = 1; word <= 4; word++) MODEL_CHECK(submit(seat, word, GYRE_LANE_NORMAL));
}

static void move_chunks(uint32_t i) {
    if (i == 1) {
        for (uint32_t word = 5; word <= 8; word++) (void)submit(&seats[1], word, GYRE_LANE_NORMAL);
        return;
    }
    for (uint32_t turn = 0; turn < 2; turn++) {
        uint32_t handle = gyre_dispatch_next_elsewhere(&pool, &seats[0]);
        if (handle != GYRE_HANDLE_NONE) run(&seats[0], handle);
    }
}

/// Quiet is said only when everything that was queued before is done, and seen.
static uint64_t done;
static void setup_quiet(void) {
    setup_with(1, 1);
    gyre_plain_write(done, 0);
}

static void quiet(uint32_t i) {
    if (i == 0) {
        uint32_t handle = gyre_dispatch_next(&pool, &seats[0]);
        if (handle == GYRE_HANDLE_NONE) return;
        gyre_plain_write(done, 1);
        run(&seats[0], handle);
    } else if (i == 1) {
        (void)submit(sit(), 1, GYRE_LANE_NORMAL);
        if (gyre_dispatch_is_quiet(&pool)) (void)gyre_plain_read(done);
    }
}

/// Quiet is not said while a worker has a task in hand, whatever comes and goes meanwhile.
static uint32_t in_hand;
static void setup_in_hand(void) {
    setup_with(2, 1);
    MODEL_CHECK(submit(sit(), 1, GYRE_LANE_NORMAL));
    in_hand = gyre_dispatch_next(&pool, &seats[0]);
    MODEL_CHECK(in_hand != GYRE_HANDLE_NONE);
}

static void never_quiet(uint32_t i) {
    if (i == 0) {
        uint32_t handle = gyre_dispatch_next(&pool, &seats[1]);
        if (handle != GYRE_HANDLE_NONE) run(&seats[1], handle);
    } else if (i == 1) {
        MODEL_CHECK(submit(&seats[2], 2, GYRE_LANE_NORMAL));
    } else {
        MODEL_CHECK(!gyre_dispatch_is_quiet(&pool));
    }
}

static void never_quiet_injector(uint32_t i) {
    if (i == 1) MODEL_CHECK(submit(NULL, 2, GYRE_LANE_HIGH));
    else never_quiet(i);
}

static void check_in_hand(void) {
    run(&seats[0], in_hand);
    check_inherit();
}

// ---------------------------------------------------------------------------------------------------------
// The task that kept the pool ends before the submit of its job has: who frees the pool comes after that.

static uint64_t memory_of_pool;

static void end_of_pool(uint32_t i, gyre_seat *seat) {
    if (i == 1) {
        gyre_dispatch_enter(&pool, seat);
        MODEL_CHECK(submit(seat, 1, GYRE_LANE_NORMAL));
        (void)gyre_plain_read(memory_of_pool);
        gyre_dispatch_exit(&pool, seat);
        return;
    }
    uint32_t handle = gyre_dispatch_next(&pool, &seats[0]);
    if (handle == GYRE_HANDLE_NONE) return; // it came too early to end anything
    run(&seats[0], handle);
    gyre_dispatch_await_exits(&pool);
    gyre_plain_write(memory_of_pool, 1);
}
static void end_of_pool_seat(uint32_t i) { end_of_pool(i, &seats[1]); }
static void end_of_pool_guest(uint32_t i) { end_of_pool(i, NULL); }

static void setup_end_of_pool(void) {
    setup_with(1, 1);
    (void)sit();
    memory_of_pool = 0;
}

#define POOL(title, count, start, body, last, preemptions, by_chance, ...)                                            \
    {.name = "pool/" title, .threads = count, .setup = start, .thread = body, .check = last, .bound = preemptions, \
     .chance = by_chance, .locations = 320, .stale = 1, __VA_ARGS__}

static const model_test tests[] = {
    POOL("the token in a waker's hands", 3, token_setup, token_thread, token_check, 3, 40000, .may_sleep = false),
    POOL("1 worker, own queue", 2, setup_one_one, wake_own_queue, check, 2, 20000, .may_sleep = true),
    POOL("2 workers, own queue", 3, setup_two_one, wake_own_queue, check, 1, 20000, .may_sleep = true),
    POOL("2 workers, injector", 3, setup_two_one, wake_injector, check, 1, 20000, .may_sleep = true),
    POOL("1 worker, 2 submitters", 3, setup_one_two, wake_two_submitters, check, 1, 40000, .may_sleep = true),
    POOL("1 worker, overflow", 2, setup_one_one, wake_overflow, check_overflow, 2, 20000, .may_sleep = true),
    POOL("1 worker, 2 guests", 3, setup_one_two, wake_two_guests, check, 0, 20000, .may_sleep = true),
    POOL("a waker looks again", 3, setup_one_one, wake_looks_again, check, 1, 20000, .may_sleep = true),
    POOL("1 worker, 2 seats", 3, setup_one_two, wake_two_seats, check, 1, 40000, .may_sleep = true),
    POOL("1 worker, fair turns", 2, setup_one_one, wake_fair, check, 1, 20000, .may_sleep = true),
    POOL("a spare leaves", 3, setup_two_one, spare_leaves, check, 1, 20000, .may_sleep = true),
    POOL("asked meanwhile", 3, setup_one_one, ask_meanwhile, check, 0, 20000, .may_sleep = true),
    POOL("close with a spare", 3, setup_waiting_body, close_with_spare, check, 0, 40000, .may_sleep = false),
    POOL("close against submit", 3, setup_one_one, close_race, check, 1, 40000, .may_sleep = false),
    POOL("a body waits for the next task", 3, setup_waiting_body, wake_waiting_body, check, 0, 40000,
         .may_sleep = true),
    POOL("a body waits for a guest's next task", 3, setup_waiting_body, wake_waiting_body_guest, check, 0, 40000,
         .may_sleep = true),
    POOL("a worker beside a stalled search", 3, setup_stalled, wake_beside, check, 0, 40000, .may_sleep = true),
    POOL("a worker around a stopped search", 2, setup_stopped, wake_around_stopped, check_around_stopped, 1, 40000,
         .may_sleep = true),
    POOL("a worker beside, and a body waits", 3, setup_stalled_waiting, wake_waiting_body, check, 0, 40000,
         .may_sleep = true),
    POOL("work is looked at", 1, setup_only_work, look_at_work, no_check, MODEL_COMPLETE, 4, .may_sleep = false),
    POOL("close against two submits", 3, setup_one_one, close_race_two, check, 1, 40000, .may_sleep = false),
    POOL("closed is seen with what was before", 2, setup_last_words, see_closed, no_check, MODEL_COMPLETE, 4000,
         .may_sleep = false),
    POOL("close against a guest", 3, setup_one_one, close_race_guest, check, 1, 40000, .may_sleep = false),
    POOL("close with 2 workers", 3, setup_two_one, close_two_workers, check, 0, 40000, .may_sleep = false),
    POOL("one of two wakers has the token", 2, token_setup_idle, token_wake_both, token_check_won, MODEL_COMPLETE, 4000,
         .may_sleep = false),
    POOL("one of two searches", 2, token_setup, token_search_both, token_check_won, MODEL_COMPLETE, 4000,
         .may_sleep = false),
    POOL("who is woken sees why, asleep", 3, token_setup_held, token_woken_asleep, no_check, MODEL_COMPLETE, 4000,
         .may_sleep = true),
    POOL("who is woken sees why, awake", 3, token_setup_held, token_woken_awake, no_check, MODEL_COMPLETE, 4000,
         .may_sleep = false),
    POOL("an item is taken back after the end", 2, setup_retract, retract, check_retract, MODEL_COMPLETE, 4000,
         .may_sleep = false),
    POOL("a seat is inherited", 3, setup_one_one, inherit, check_inherit, 1, 20000, .may_sleep = false),
    POOL("a chunk moves", 2, setup_overflows, move_chunks, check_inherit, 1, 20000, .may_sleep = false),
    POOL("quiet is not said, own queue", 3, setup_in_hand, never_quiet, check_in_hand, 1, 20000, .may_sleep = false),
    POOL("quiet is not said, injector", 3, setup_in_hand, never_quiet_injector, check_in_hand, 1, 20000,
         .may_sleep = false),
    POOL("freed after the submit, own queue", 2, setup_end_of_pool, end_of_pool_seat, no_check, 2, 20000,
         .may_sleep = false),
    POOL("freed after the submit, injector", 2, setup_end_of_pool, end_of_pool_guest, no_check, 2, 20000,
         .may_sleep = false),
    POOL("quiet is true", 2, setup_quiet, quiet, check_inherit, 2, 20000, .may_sleep = false),
};

MODEL_HARNESS(pool, tests);
