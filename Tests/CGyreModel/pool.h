// pool.h: the shipped dispatch in memory of the test, its worker and its submitter. A part of pool.c.
//
// The overflow queue of liburcu is replaced by a small one, of one item: what is checked of it here is that a worker
// finds it and that its item's fields travel (overflow.c has the shipped one). Threads are fibers of one thread, so
// seats are handed in and the functions that look for the calling thread's own seat are not used.

#ifndef GYRE_TESTS_POOL_H
#define GYRE_TESTS_POOL_H

#define GYRE_RUNQ_SLOTS 4u
#define GYRE_CHUNK_HANDLES 2u

// Two of a name cannot be in one program.
#define gyre_overflow_create pool_overflow_create
#define gyre_overflow_destroy pool_overflow_destroy
#define gyre_overflow_has_item pool_overflow_has_item
#define gyre_overflow_push pool_overflow_push
#define gyre_overflow_pop pool_overflow_pop
#define gyre_clock_now_slow pool_clock_now_slow
#define gyre_clock_time_of pool_clock_time_of
#define gyre_clock_counter pool_clock_counter

#include "gyre_dispatch.h"

static gyre_ring *gyre_ring_create(uint32_t capacity);
static void gyre_ring_destroy(gyre_ring *ring);

#include "gyre_dispatch.c"
#include "gyre_seat.c"
#include "model.h"

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

// Time is whatever comes out: at each look at the clock another worker may be woken beside one that searches.
static uint64_t time_now;
static gyre_clock hasty_clock = {.source = GYRE_CLOCK_MANUAL};
uint64_t gyre_clock_now_slow(const gyre_clock *clock) {
    (void)clock;
    return time_now += GYRE_DISPATCH_BESIDE_NANOSECONDS;
}
uint64_t gyre_clock_time_of(const gyre_clock *clock, uint64_t ticks, uint32_t index) {
    (void)ticks;
    (void)index;
    return gyre_clock_now_slow(clock);
}
uint64_t gyre_clock_counter(void) { return 0; } // not asked by a clock of this kind

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
static bool first_waits;           // the body of task 1 waits until that of task 2 has run
static gyre_atomic_u32 second_ran;
static gyre_atomic_u32 blocked;    // 1 while it waits and a spare may stand in, 2 afterwards

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
    gyre_store_relaxed(&blocked, 0);
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
    memset(&pool.park, 0xaa, sizeof pool.park);
    memset(parkers, 0xaa, sizeof parkers);
    gyre_park_init(&pool.park, parkers, workers);
    gyre_store_relaxed(&pool.seats_used, workers);
    gyre_store_relaxed(&pool.stopping, 0);
    gyre_store_relaxed(&pool.stopped, 0);
    gyre_store_relaxed(&pool.inside, 0);
    gyre_store_relaxed(&workers_left, 0);
    for (uint32_t i = 0; i < RECORDS; i++) gyre_store_relaxed(&records[i].state, 0);
    for (uint32_t i = 0; i < SEATS; i++) {
        seats[i].dispatch = &pool;
        seats[i].index = i;
        gyre_store_relaxed(&seats[i].taken, 0);
        gyre_store_relaxed(&seats[i].inside, 0);
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
    if (first_waits && word == 1) {
        gyre_store_release(&blocked, 1);
        while (gyre_load_acquire(&second_ran) == 0) gyre_pause();
        gyre_store_release(&blocked, 2);
    }
    (void)gyre_dispatch_give(&pool, seat, record);
    gyre_dispatch_count_finished(seat);
}

/// The loop of a worker's thread, as Worker.swift has it, until the pool is closed, or until it has been idle once and
/// `may_stay` says no. `fair` makes every turn one in which a rotating source comes first.
static void work_while(uint32_t index, bool searches, bool fair, bool (*may_stay)(void)) {
    gyre_seat *seat = &seats[index];
    bool holds_token = false;
    for (;;) {
        if (fair) seat->turn += GYRE_DISPATCH_FAIR_TURNS - 1;
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
        bool found = searches && gyre_dispatch_has_item(&pool); // with the token or without
        if (found && may_stay()) continue;
        if (found) break;
        gyre_idle_result result = gyre_dispatch_prepare_sleep(&pool, index, &holds_token);
        if (result == GYRE_IDLE_LEAVE) break;
        if (result == GYRE_IDLE_SLEEP) holds_token = gyre_park_sleep(&pool.park, index, GYRE_FUTEX_NO_DEADLINE);
        if (!may_stay()) break;
    }
    if (holds_token) (void)gyre_dispatch_pass_wake_on(&pool);
}

static bool always(void) { return true; }
static void work(uint32_t index, bool searches) { work_while(index, searches, false, always); }

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

static gyre_seat *sit(void) { return gyre_seat_take_vacant(&pool); }

static void check(void) {
    for (uint32_t i = 0; i < RECORDS; i++) MODEL_CHECK(accepted[i] == ran[i]);
    MODEL_CHECK(!gyre_dispatch_has_item(&pool));
    MODEL_CHECK(gyre_dispatch_is_quiet(&pool));
}

#endif
