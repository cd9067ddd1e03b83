// lane.c: gyre_lane.h on the checker. Elements are plain data: a chunk that is written while somebody still moves
// elements out of it is a race. Threads 0 and 1 have numbers, others share chunks.

#define GYRE_SPARES_OWN 2u
#define GYRE_SPARES_SHARED 2u

#include "gyre_lane.h"
#include "model.h"

#define CAPACITY 2u
#define CHUNKS (CAPACITY + GYRE_SPARES_PLACES)

static gyre_lane lane;
static gyre_ring ring;
static gyre_atomic_u64 slots[CAPACITY];
static gyre_atomic_u32 left[CHUNKS];
static uint64_t elements[CHUNKS][4];
static gyre_atomic_u32 flag;
static uint32_t pushed[16], popped[16], got[4][4];
static gyre_ring_result results[4];

static uint32_t number_of(uint32_t i) { return i < GYRE_SPARES_OWN ? i : GYRE_THREAD_NONE; }

static gyre_ring_result push(uint32_t number, uint32_t first, uint32_t count) {
    uint32_t chunk;
    if (!gyre_lane_take_as(&lane, number, &chunk)) return GYRE_RING_FULL;
    MODEL_CHECK(chunk < CHUNKS);
    for (uint32_t i = 0; i < count; i++) gyre_plain_write(elements[chunk][i], first + i);
    gyre_ring_result result = gyre_lane_push_as(&lane, number, chunk, count);
    if (result != GYRE_RING_OK) gyre_lane_give_as(&lane, number, chunk);
    for (uint32_t i = 0; result == GYRE_RING_OK && i < count; i++) pushed[first + i] += 1;
    return result;
}

static gyre_ring_result pop(uint32_t number, uint32_t max, uint32_t *into) {
    gyre_batch batch;
    gyre_ring_result result = gyre_lane_pop_as(&lane, number, max, &batch);
    if (result != GYRE_RING_OK) return result;
    MODEL_CHECK(batch.chunk < CHUNKS);
    MODEL_CHECK(batch.count >= 1 && batch.count <= max && batch.offset + batch.count <= 4);
    for (uint32_t i = 0; i < batch.count; i++) {
        into[i] = (uint32_t)gyre_plain_read(elements[batch.chunk][batch.offset + i]);
        gyre_plain_write(elements[batch.chunk][batch.offset + i], 0); // moved out
        MODEL_CHECK(into[i] < 16);
        popped[into[i]] += 1;
    }
    gyre_lane_finish_as(&lane, number, &batch);
    return result;
}

static void begin(uint32_t first_lap) {
    gyre_ring_init(&ring, slots, CAPACITY, first_lap);
    gyre_lane_init(&lane, &ring, left);
    gyre_store_relaxed(&flag, 0);
    for (uint32_t i = 0; i < CHUNKS; i++) gyre_store_relaxed(&left[i], 0);
    for (uint32_t i = 0; i < CHUNKS * 4; i++) gyre_plain_write(elements[i / 4][i % 4], 0);
    for (uint32_t i = 0; i < 16; i++) pushed[i] = popped[i] = got[i / 4][i % 4] = 0;
    for (uint32_t i = 0; i < 4; i++) results[i] = GYRE_RING_OK;
}

static void setup_empty(void) { begin(0x7fffffff); }
static void setup_three(void) {
    begin(0);
    MODEL_CHECK(push(GYRE_THREAD_NONE, 1, 3) == GYRE_RING_OK);
}
static void setup_full(void) {
    setup_three();
    MODEL_CHECK(push(GYRE_THREAD_NONE, 4, 2) == GYRE_RING_OK);
}

/// Everything that was pushed comes out once, and every chunk is somewhere, once.
static void check_all(void) {
    uint32_t into[4], have[CHUNKS] = {0};
    while (pop(GYRE_THREAD_NONE, 2, into) == GYRE_RING_OK) {}
    for (uint32_t i = 0; i < 16; i++) MODEL_CHECK(pushed[i] == popped[i]);
    for (uint32_t i = 0; i < CAPACITY; i++) {
        have[gyre_lane_chunk((uint32_t)gyre_load_relaxed(&slots[i]) & GYRE_RING_HANDLE_MAX)] += 1;
    }
    for (uint32_t i = 0; i < GYRE_SPARES_OWN; i++) {
        uint32_t own = gyre_plain_read(lane.spares.own[i].place);
        if (own != 0) have[own - 1] += 1;
    }
    for (uint32_t i = 0; i < GYRE_SPARES_PLACES; i++) {
        uint32_t chunk = gyre_load_relaxed(&lane.spares.shared[i]);
        if (chunk != 0) have[chunk - 1] += 1;
    }
    for (uint32_t i = 0; i < CHUNKS; i++) MODEL_CHECK(have[i] == 1);
}

/// And each consumer's elements rise: there is one producer, whose elements do.
static void check_order(void) {
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t last = 0;
        for (uint32_t j = 0; j < 4; j++) {
            if (got[i][j] == 0) continue;
            MODEL_CHECK(got[i][j] > last);
            last = got[i][j];
        }
    }
    check_all();
}

static void whole(uint32_t i) {
    if (i == 0) {
        (void)push(0, 1, 2);
        (void)push(0, 3, 1);
        (void)push(0, 4, 1);
    } else {
        (void)pop(1, 4, &got[1][0]);
        (void)pop(1, 4, &got[1][2]);
    }
}

/// A batch of three is split between two, and between them and a producer who wants the chunks again.
static void split(uint32_t i) {
    if (i == 2) {
        (void)push(GYRE_THREAD_NONE, 6, 1);
        return;
    }
    (void)pop(i, 1, &got[i][0]);
    (void)pop(i, 2, &got[i][1]);
}

/// A batch is split as soon as it is pushed: what is left of its chunk is counted from the beginning.
static void split_at_once(uint32_t i) {
    if (i == 0) {
        (void)push(0, 1, 2);
    } else {
        (void)pop(1, 1, &got[1][0]);
        (void)pop(1, 1, &got[1][1]);
    }
}

/// Three take one each of three: none finds the lane empty.
static void one_for_each(uint32_t i) { MODEL_CHECK(pop(number_of(i), 1, &got[i][0]) == GYRE_RING_OK); }

/// Who splits and who comes after both push what they got: chunks are written again while others move out.
static void turn_round(uint32_t i) {
    for (uint32_t turn = 0; turn < 2; turn++) {
        uint32_t into[4] = {0};
        if (pop(number_of(i), 2, into) != GYRE_RING_OK) continue;
        uint32_t count = into[1] == into[0] + 1 ? 2 : 1;
        (void)push(number_of(i), into[0], count);
        if (count == 1 && into[1] != 0) (void)push(number_of(i), into[1], 1);
    }
}

/// A part is taken before the signal: what is left is there for whoever comes after it, and nothing more.
static void rest_is_there(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(pop(0, 2, &got[0][0]) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(pop(1, 4, &got[1][0]) == GYRE_RING_OK);
        MODEL_CHECK(got[1][0] == 3 && got[1][1] == 0);
        MODEL_CHECK(pop(1, 4, &got[1][2]) == GYRE_RING_EMPTY);
    }
}

/// A batch lies there. A pushes another and signals; B pops after the signal; C pops. One is there for both, always.
static void never_empty(uint32_t i, uint32_t max) {
    if (i == 0) {
        MODEL_CHECK(push(0, 8, 1) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (i == 1) {
        if (gyre_load_acquire(&flag) == 1) MODEL_CHECK(pop(1, 4, &got[1][0]) == GYRE_RING_OK);
    } else {
        MODEL_CHECK(pop(GYRE_THREAD_NONE, max, &got[2][0]) == GYRE_RING_OK);
    }
}
static void never_empty_whole(uint32_t i) { never_empty(i, 4); }
static void never_empty_part(uint32_t i) { never_empty(i, 1); }

/// A full lane: a producer gets the chunks that the consumer moved elements out of.
static void refill(uint32_t i) {
    for (uint32_t turn = 0; turn < 3; turn++) {
        uint32_t into[4];
        if (i == 0) (void)push(0, 6 + 2 * turn, 2);
        else (void)pop(1, 4, into);
    }
}

/// The seal comes onto a slot that is being split, and stays there.
static void close_split(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(gyre_ring_close(&ring));
        MODEL_CHECK(push(0, 8, 1) == GYRE_RING_CLOSED);
    } else {
        (void)pop(1, 2, &got[1][0]);
        (void)pop(1, 2, &got[1][2]);
    }
}
static void check_closed(void) {
    uint32_t into[4];
    check_all();
    MODEL_CHECK(pop(0, 1, into) == GYRE_RING_DRAINED);
}

#define LANE(title, count, begin_with, body, last, preemptions, by_chance)                                            \
    {.name = "lane/" title, .threads = count, .setup = begin_with, .thread = body, .check = last,                      \
     .bound = preemptions, .chance = by_chance}

static const model_test tests[] = {
    LANE("whole batches", 2, setup_empty, whole, check_order, MODEL_COMPLETE, 10000),
    LANE("what is left is there", 2, setup_three, rest_is_there, check_all, MODEL_COMPLETE, 4000),
    LANE("whole batches, from full", 2, setup_full, refill, check_all, MODEL_COMPLETE, 20000),
    LANE("never empty after a push", 3, setup_three, never_empty_whole, check_all, MODEL_COMPLETE, 10000),
    LANE("never empty after a push, for a part", 3, setup_three, never_empty_part, check_all, MODEL_COMPLETE, 10000),
    LANE("one for each", 3, setup_three, one_for_each, check_order, 2, 20000),
    LANE("a batch is split at once", 2, setup_empty, split_at_once, check_order, MODEL_COMPLETE, 2000),
    LANE("a batch is split", 2, setup_full, split, check_order, MODEL_COMPLETE, 20000),
    LANE("a batch is split, and a producer", 3, setup_full, split, check_order, 1, 60000),
    LANE("batches go round", 2, setup_three, turn_round, check_all, 2, 40000),
    LANE("close while a batch is split", 2, setup_full, close_split, check_closed, MODEL_COMPLETE, 10000),
};

MODEL_HARNESS(lane, tests);
