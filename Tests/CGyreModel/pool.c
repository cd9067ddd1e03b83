// pool.c: gyre_park.h and gyre_dispatch.c on the checker: submit and wake against workers that look, sleep, pass the
// wake on and leave; close against submit; seats that change owners; full own queues that move chunks.
//
// The overflow queue of liburcu is replaced by a small one, of one item: what is checked of it here is that a worker
// finds it and that its item's fields travel. Threads are fibers of one thread, so seats are handed in and the
// functions that look for the calling thread's own seat are not used.

#define GYRE_RUNQ_SLOTS 4u
#define GYRE_CHUNK_HANDLES 2u

// overflow.c has the shipped ones.
#define gyre_overflow_create pool_overflow_create
#define gyre_overflow_destroy pool_overflow_destroy
#define gyre_overflow_has_item pool_overflow_has_item
#define gyre_overflow_push pool_overflow_push
#define gyre_overflow_pop pool_overflow_pop

#include "gyre_dispatch.h"

static gyre_ring *gyre_ring_create(uint32_t capacity);
static void gyre_ring_destroy(gyre_ring *ring);

#include "gyre_dispatch.c"
#include "model.h"
#include "token.h"

static gyre_ring *gyre_ring_create(uint32_t capacity) { return capacity == 0 ? NULL : NULL; }
static void gyre_ring_destroy(gyre_ring *ring) { (void)ring; }

struct gyre_overflow {
    gyre_atomic_u32 written;
    gyre_overflow_item item;
};

static struct gyre_overflow overflow;

gyre_overflow *gyre_overflow_create(void) { return &overflow; }
void gyre_overflow_destroy(gyre_overflow *queue) { (void)queue; }
bool gyre_overflow_has_item(gyre_overflow *queue) { return gyre_load_acquire(&queue->written) != 0; }
void gyre_overflow_push(gyre_overflow *queue, const gyre_overflow_item *item) {
    gyre_plain_write(queue->item, *item);
    gyre_store_release(&queue->written, 1);
}
bool gyre_overflow_pop(gyre_overflow *queue, gyre_overflow_item *item) {
    uint32_t written = 1;
    if (!gyre_cas_acquire_relaxed(&queue->written, &written, 2)) return false;
    *item = gyre_plain_read(queue->item);
    gyre_store_release(&queue->written, 0);
    return true;
}

#define RECORDS 16u
#define SEATS 4u
#define WORKERS 2u

static gyre_dispatch pool;
static gyre_record records[RECORDS];
static gyre_seat seats[SEATS];
static gyre_parker parkers[WORKERS];
static gyre_chunk chunks[16];
static struct {
    gyre_ring ring;
    gyre_atomic_u64 slots[RECORDS];
} rings[GYRE_LANES + 2];

static uint8_t accepted[RECORDS]; // by the record's word
static uint8_t ran[RECORDS];
static gyre_atomic_u32 workers_left;
static uint64_t plain[RECORDS]; // what a task hands over
static gyre_atomic_u32 second_ran; // what the body of task 1 waits for, in one configuration
static bool first_waits;

static gyre_ring *ring_at(uint32_t index, uint32_t capacity) {
    gyre_ring_init(&rings[index].ring, rings[index].slots, capacity, 0);
    return &rings[index].ring;
}

static void setup_with(uint32_t workers, uint32_t submitters) {
    memset(&pool, 0, sizeof pool);
    memset(seats, 0, sizeof seats);
    memset(records, 0, sizeof records);
    memset(accepted, 0, sizeof accepted);
    memset(ran, 0, sizeof ran);
    first_waits = false;
    gyre_store_relaxed(&second_ran, 0);
    pool.id = 1;
    pool.records = records;
    pool.seats = seats;
    pool.parkers = parkers;
    pool.chunks = chunks;
    pool.overflow = &overflow;
    pool.worker_count = workers;
    pool.seat_count = workers + submitters;
    pool.record_count = RECORDS - 2;
    pool.guest_count = 2;
    for (uint32_t lane = 0; lane < GYRE_LANES; lane++) pool.injectors[lane] = ring_at(lane, 2);
    pool.work = ring_at(GYRE_LANES, 12);
    pool.guests = ring_at(GYRE_LANES + 1, 2);
    (void)gyre_ring_try_push(pool.guests, RECORDS - 2);
    (void)gyre_ring_try_push(pool.guests, RECORDS - 1);
    gyre_store_relaxed(&overflow.written, 0);
    gyre_depot_init(&pool.depot, chunks, gyre_depot_chunks_needed(pool.record_count, pool.seat_count),
                    pool.record_count);
    gyre_park_init(&pool.park, parkers, workers);
    gyre_store_relaxed(&pool.seats_used, workers);
    gyre_store_relaxed(&pool.stopping, 0);
    gyre_store_relaxed(&pool.stopped, 0);
    gyre_store_relaxed(&workers_left, 0);
    for (uint32_t i = 0; i < RECORDS; i++) gyre_store_relaxed(&records[i].state, 0);
    for (uint32_t i = 0; i < SEATS; i++) {
        seats[i].dispatch = &pool;
        seats[i].index = i;
        gyre_store_relaxed(&seats[i].taken, 0);
        for (uint32_t j = 0; j < GYRE_COUNTS; j++) gyre_store_relaxed(&seats[i].counts[j / 8].words[j % 8], 0);
        gyre_runq_init(&seats[i].runq, 0);
    }
}

static void run(gyre_seat *seat, uint32_t handle) {
    gyre_record *record = &records[handle];
    MODEL_CHECK(gyre_record_start(record));
    uint64_t word = gyre_plain_read(record->words[0]);
    MODEL_CHECK(word < RECORDS);
    (void)gyre_plain_read(plain[word]);
    ran[word] += 1;
    if (first_waits && word == 2) gyre_store_release(&second_ran, 1);
    if (first_waits && word == 1) while (gyre_load_acquire(&second_ran) == 0) gyre_pause();
    (void)gyre_dispatch_give(&pool, seat, record);
    gyre_dispatch_count_finished(seat);
}

/// The loop of a worker's thread, as Worker.swift has it, until the pool is closed.
static void work(uint32_t index, bool searches) {
    gyre_seat *seat = &seats[index];
    bool holds_token = false;
    for (;;) {
        uint32_t handle = gyre_dispatch_next(&pool, seat);
        if (handle != GYRE_HANDLE_NONE) {
            if (holds_token) {
                holds_token = false;
                (void)gyre_dispatch_pass_wake_on(&pool);
            }
            run(seat, handle);
            continue;
        }
        if (searches && !holds_token) holds_token = gyre_park_start_search(&pool.park);
        if (searches && holds_token && gyre_dispatch_has_item(&pool)) continue;
        gyre_idle_result result = gyre_dispatch_prepare_sleep(&pool, index, &holds_token);
        if (result == GYRE_IDLE_LEAVE) break;
        if (result == GYRE_IDLE_SLEEP) holds_token = gyre_park_sleep(&pool.park, index, GYRE_FUTEX_NO_DEADLINE);
    }
    if (holds_token) (void)gyre_dispatch_pass_wake_on(&pool);
}

/// What join does when the last thread has left.
static void leave(void) {
    uint32_t before = gyre_fetch_add_acq_rel(&workers_left, 1);
    if (before + 1 == pool.worker_count) gyre_dispatch_stopped(&pool);
}

/// True when the pool took the task on.
static bool submit(gyre_seat *seat, uint32_t word, uint32_t lane) {
    gyre_record *record = gyre_dispatch_take(&pool, seat);
    if (record == NULL) return false;
    (void)gyre_record_begin(record, false);
    gyre_plain_write(plain[word], 1);
    gyre_plain_write(record->words[0], word);
    if (gyre_dispatch_submit(&pool, seat, record, lane) == GYRE_RING_OK) {
        accepted[word] += 1;
        return true;
    }
    gyre_plain_write(record->words[0], 99); // it is the caller's again
    (void)gyre_dispatch_give(&pool, seat, record);
    return false;
}

static gyre_seat *sit(uint32_t index) {
    if (!gyre_seat_try_take(&seats[index])) return NULL;
    uint32_t used = gyre_load_relaxed(&pool.seats_used);
    while (used < index + 1 && !gyre_cas_relaxed_relaxed(&pool.seats_used, &used, index + 1)) {}
    return &seats[index];
}

static void check(void) {
    for (uint32_t i = 0; i < RECORDS; i++) MODEL_CHECK(accepted[i] == ran[i]);
    MODEL_CHECK(!gyre_dispatch_has_item(&pool));
}

// ---------------------------------------------------------------------------------------------------------
// Nobody sleeps while there is something. Workers stay asleep at the end; whatever was submitted must have run.

static void setup_one_one(void) { setup_with(1, 1); }
static void setup_two_one(void) { setup_with(2, 1); }
static void setup_one_two(void) { setup_with(1, 2); }

static void wake_own_queue(uint32_t i) {
    if (i < pool.worker_count) return work(i, true);
    gyre_seat *seat = sit(pool.worker_count);
    MODEL_CHECK(submit(seat, 1, GYRE_LANE_NORMAL));
    if (pool.worker_count == 1) MODEL_CHECK(submit(seat, 2, GYRE_LANE_NORMAL));
}

static void wake_waiting_body(uint32_t i) {
    if (i < 2) return work(i, true);
    gyre_seat *seat = sit(2);
    MODEL_CHECK(submit(seat, 1, GYRE_LANE_NORMAL));
    MODEL_CHECK(submit(seat, 2, GYRE_LANE_NORMAL));
}

static void wake_injector(uint32_t i) {
    if (i < pool.worker_count) return work(i, false);
    MODEL_CHECK(submit(NULL, 1, GYRE_LANE_NORMAL));
    MODEL_CHECK(submit(NULL, 2, GYRE_LANE_NORMAL));
}

static void wake_two_submitters(uint32_t i) {
    if (i == 0) return work(0, true);
    MODEL_CHECK(submit(i == 1 ? sit(1) : NULL, i, i == 1 ? GYRE_LANE_NORMAL : GYRE_LANE_HIGH));
}

static void wake_overflow(uint32_t i) {
    if (i == 0) return work(0, true);
    gyre_overflow_item item = {NULL, {1, 0}, 0};
    gyre_plain_write(plain[1], 1);
    accepted[1] = 1;
    gyre_overflow_push(&overflow, &item);
    (void)gyre_dispatch_wake(&pool);
}

/// A body that waits for the task behind it hides it from nobody: the wake is passed on before the body runs.
static void setup_waiting_body(void) {
    setup_with(2, 1);
    first_waits = true;
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
    if (i == 1) (void)submit(sit(1), 1, GYRE_LANE_NORMAL);
    else gyre_dispatch_close(&pool);
}

/// The first task was accepted, so it is not what the second submit takes back.
static void close_race_two(uint32_t i) {
    if (i != 1) return close_race(i);
    gyre_seat *seat = sit(1);
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
    (void)submit(sit(2), 1, GYRE_LANE_NORMAL);
    gyre_dispatch_close(&pool);
    MODEL_CHECK(!submit(NULL, 2, GYRE_LANE_NORMAL));
}

/// Who takes an item back comes after all that the last worker did, and may free it.
static uint32_t left_behind;
static void setup_retract(void) {
    setup_last_words();
    gyre_record *record = gyre_dispatch_take(&pool, sit(1));
    left_behind = gyre_dispatch_handle(&pool, record);
    (void)gyre_record_begin(record, false);
    MODEL_CHECK(gyre_runq_push(&seats[1].runq, left_behind));
}

static void retract(uint32_t i) {
    if (i == 0) {
        gyre_plain_write(last_words, 1);
        return leave();
    }
    MODEL_CHECK(gyre_dispatch_retract(&pool, &seats[1], left_behind));
    gyre_plain_write(last_words, 2);
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
    gyre_seat *seat = sit(1);
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
    gyre_seat *seat = sit(1);
    for (uint32_t word = 1; word <= 4; word++) MODEL_CHECK(submit(seat, word, GYRE_LANE_NORMAL));
}

static void move_chunks(uint32_t i) {
    if (i == 1) {
        (void)submit(&seats[1], 5, GYRE_LANE_NORMAL);
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
        (void)submit(sit(1), 1, GYRE_LANE_NORMAL);
        if (gyre_dispatch_is_quiet(&pool)) (void)gyre_plain_read(done);
    }
}

#define POOL(title, count, start, body, last, preemptions, by_chance, ...)                                            \
    {.name = "pool/" title, .threads = count, .setup = start, .thread = body, .check = last, .bound = preemptions, \
     .chance = by_chance, .locations = 320, .stale = 1, __VA_ARGS__}

static const model_test tests[] = {
    POOL("1 worker, own queue", 2, setup_one_one, wake_own_queue, check, 2, 20000, .may_sleep = true),
    POOL("2 workers, own queue", 3, setup_two_one, wake_own_queue, check, 1, 20000, .may_sleep = true),
    POOL("2 workers, injector", 3, setup_two_one, wake_injector, check, 1, 20000, .may_sleep = true),
    POOL("1 worker, 2 submitters", 3, setup_one_two, wake_two_submitters, check, 1, 40000, .may_sleep = true),
    POOL("1 worker, overflow", 2, setup_one_one, wake_overflow, check, 2, 20000, .may_sleep = true),
    POOL("close against submit", 3, setup_one_one, close_race, check, 1, 40000, .may_sleep = false),
    POOL("a body waits for the next task", 3, setup_waiting_body, wake_waiting_body, check, 0, 40000,
         .may_sleep = true),
    POOL("work is looked at", 1, setup_only_work, look_at_work, no_check, MODEL_COMPLETE, 4, .may_sleep = false),
    POOL("close against two submits", 3, setup_one_one, close_race_two, check, 1, 40000, .may_sleep = false),
    POOL("closed is seen with what was before", 2, setup_last_words, see_closed, no_check, MODEL_COMPLETE, 4000,
         .may_sleep = false),
    POOL("close against a guest", 3, setup_one_one, close_race_guest, check, 1, 40000, .may_sleep = false),
    POOL("close with 2 workers", 3, setup_two_one, close_two_workers, check, 0, 40000, .may_sleep = false),
    POOL("the token in a waker's hands", 3, token_setup, token_thread, token_check, 3, 40000, .may_sleep = false),
    POOL("who is woken sees why, asleep", 3, token_setup_held, token_woken_asleep, no_check, MODEL_COMPLETE, 4000,
         .may_sleep = true),
    POOL("who is woken sees why, awake", 3, token_setup_held, token_woken_awake, no_check, MODEL_COMPLETE, 4000,
         .may_sleep = false),
    POOL("an item is taken back after the end", 2, setup_retract, retract, no_check, MODEL_COMPLETE, 4000,
         .may_sleep = false),
    POOL("a seat is inherited", 3, setup_one_one, inherit, check_inherit, 2, 20000, .may_sleep = false),
    POOL("a chunk moves", 2, setup_overflows, move_chunks, check_inherit, 2, 20000, .may_sleep = false),
    POOL("quiet is true", 2, setup_quiet, quiet, check_inherit, 2, 20000, .may_sleep = false),
};

MODEL_HARNESS(pool, tests);
