// ring.c: gyre_ring.h on the checker. Loss, doubling and order of handles; exactness of full, empty, closed and
// drained; records that travel behind the handles as plain data.

#include "gyre_ring.h"
#include "model.h"

#include <string.h>

#define CAPACITY 2u

static gyre_ring ring;
static gyre_atomic_u64 slots[4];
static gyre_atomic_u32 flag;
static uint64_t records[16];
static uint8_t pushed[16]; // by handle
static uint8_t popped[16];
static uint32_t order[4][4]; // what each consumer got, in its order; 0 for nothing
static uint32_t results[4];

static void begin(uint32_t capacity, uint32_t first_lap, uint32_t held) {
    memset(&ring, 0xaa, sizeof ring);
    memset(slots, 0xaa, sizeof slots);
    gyre_ring_init(&ring, slots, capacity, first_lap);
    gyre_store_relaxed(&flag, 0);
    for (uint32_t i = 0; i < 16; i++) pushed[i] = popped[i] = 0;
    for (uint32_t i = 0; i < 4; i++) {
        results[i] = UINT32_MAX;
        for (uint32_t j = 0; j < 4; j++) order[i][j] = 0;
    }
    for (uint32_t i = 0; i < held; i++) {
        gyre_plain_write(records[15 - i], 1);
        MODEL_CHECK(gyre_ring_try_push(&ring, 15 - i) == GYRE_RING_OK);
        pushed[15 - i] = 1;
    }
}

static void setup_empty(void) { begin(CAPACITY, 0, 0); }
static void setup_one(void) { begin(CAPACITY, 0, 1); }
static void setup_full(void) { begin(CAPACITY, 0, 2); }
static void setup_three_slots(void) { begin(3, 0, 1); }

/// Just before the laps wrap at 2^31, and one handle further on.
static void setup_wrap(void) {
    begin(CAPACITY, 0x7fffffff, 0);
    uint32_t handle;
    MODEL_CHECK(gyre_ring_try_push(&ring, 1) == GYRE_RING_OK);
    MODEL_CHECK(gyre_ring_try_pop(&ring, &handle) == GYRE_RING_OK);
}

static gyre_ring_result push(uint32_t handle) {
    gyre_plain_write(records[handle], 1);
    gyre_ring_result result = gyre_ring_try_push(&ring, handle);
    if (result == GYRE_RING_OK) pushed[handle] += 1;
    return result;
}

static gyre_ring_result pop(uint32_t *handle) {
    gyre_ring_result result = gyre_ring_try_pop(&ring, handle);
    if (result != GYRE_RING_OK) return result;
    MODEL_CHECK(*handle < 16);
    (void)gyre_plain_read(records[*handle]);
    popped[*handle] += 1;
    return result;
}

/// What comes out for a push over a full ring counts as popped, by who pushed.
static gyre_ring_result push_over(uint32_t handle, uint32_t *oldest) {
    gyre_plain_write(records[handle], 1);
    gyre_ring_result result = gyre_ring_push_over(&ring, handle, oldest);
    if (result == GYRE_RING_CLOSED) return result;
    pushed[handle] += 1;
    if (result != GYRE_RING_REPLACED) return result;
    MODEL_CHECK(*oldest < 16);
    (void)gyre_plain_read(records[*oldest]);
    popped[*oldest] += 1;
    return result;
}

/// Everything that was pushed came out once, or still lies there.
static void check_all(void) {
    uint32_t handle;
    uint32_t held = 0;
    for (uint32_t i = 0; i < 16; i++) held += (uint32_t)(pushed[i] - popped[i]);
    MODEL_CHECK(gyre_ring_size_approximate(&ring) == held); // exact at rest
    while (pop(&handle) == GYRE_RING_OK) {}
    for (uint32_t i = 0; i < 16; i++) MODEL_CHECK(pushed[i] == popped[i]);
}

/// And the handles of one producer (4 p to 4 p + 3, rising) reach each consumer in order.
static void check_order(void) {
    for (uint32_t consumer = 0; consumer < 4; consumer++) {
        uint32_t last[4] = {0, 0, 0, 0};
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t handle = order[consumer][i];
            if (handle == 0) continue;
            MODEL_CHECK(handle > last[handle / 4]);
            last[handle / 4] = handle;
        }
    }
    check_all();
}

// ---------------------------------------------------------------------------------------------------------
// Producers and consumers. Producer p pushes handles 4 p + 1 and 4 p + 2.

static void produce(uint32_t producer, uint32_t count) {
    for (uint32_t i = 1; i <= count; i++) (void)push(4 * producer + i);
}

static void consume(uint32_t consumer, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) (void)pop(&order[consumer][i]);
}

static void two_one(uint32_t i) { i < 2 ? produce(i, 2) : consume(0, 2); }
static void one_two(uint32_t i) { i < 1 ? produce(0, 2) : consume(i - 1, 2); }
static void two_two(uint32_t i) { i < 2 ? produce(i, 2) : consume(i - 2, 2); }
static void two_two_once(uint32_t i) { i < 2 ? produce(i, 1) : consume(i - 2, 1); }
static void one_one(uint32_t i) { i < 1 ? produce(0, 3) : consume(0, 3); }
static void three_one(uint32_t i) { i < 3 ? produce(i, 1) : consume(0, 2); }

/// Each pushes what it pops: laps pass, and a record is written again by whoever popped its handle.
static void turn_round(uint32_t i) {
    (void)i;
    uint32_t handle;
    for (uint32_t turn = 0; turn < 2; turn++) {
        if (pop(&handle) == GYRE_RING_OK) (void)push(handle);
    }
}

/// A record that a popper gives back through the room it makes: whoever finds room in a full ring may write what was
/// in it. (R2 -> R1.)
static uint64_t given_back;
static void setup_given_back(void) {
    begin(CAPACITY, 0, 2);
    gyre_plain_write(given_back, 1);
}
static void give_back(uint32_t i) {
    uint32_t handle;
    if (i == 0) {
        gyre_plain_write(given_back, 2);
        MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
    } else if (push(1) == GYRE_RING_OK) {
        gyre_plain_write(given_back, 3);
    }
}

// ---------------------------------------------------------------------------------------------------------
// Exactness. "Full" and "empty" hold at a moment within the call, so what happened before the call counts.

/// One handle lies there. A pops it and signals; B pushes after the signal; C pushes. There is room for both, always.
static void never_full(uint32_t i) {
    uint32_t handle;
    if (i == 0) {
        MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (i == 1) {
        if (gyre_load_acquire(&flag) == 0) return;
        MODEL_CHECK(push(1) == GYRE_RING_OK);
    } else {
        MODEL_CHECK(push(2) == GYRE_RING_OK);
    }
}

/// One handle lies there. A pushes another and signals; B pops after the signal; C pops. One is there for both, always.
static void never_empty(uint32_t i) {
    uint32_t handle;
    if (i == 0) {
        MODEL_CHECK(push(1) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (i == 1) {
        if (gyre_load_acquire(&flag) == 0) return;
        MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
    } else {
        MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
    }
}

/// The same for the look that does not pop, and after a pop that happened before.
static void look_finds(uint32_t i) {
    if (i == 0) {
        uint32_t handle;
        MODEL_CHECK(push(1) == GYRE_RING_OK);
        MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (i == 1) {
        MODEL_CHECK(gyre_ring_has_item(&ring)); // one of two, whichever was popped
        MODEL_CHECK(gyre_ring_size_approximate(&ring) <= CAPACITY);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(gyre_ring_has_item(&ring));
    }
}

/// One handle lies there from the beginning, for everybody. Who reads "empty" before the other has exchanged its slot
/// was told so too early.
static void empty_in_time(uint32_t i) {
    uint32_t handle;
    if (pop(&handle) != GYRE_RING_EMPTY || i == 0) return;
    uint64_t newest;
    (void)model_memory_kernel_load(&slots[0].value, sizeof slots[0].value, &newest, __FILE__, __LINE__);
    MODEL_CHECK(gyre_ring_tag(newest) == 2);
}

/// The ring was emptied before: a look that comes after sees it.
static void look_finds_nothing(uint32_t i) {
    uint32_t handle;
    if (i == 0) {
        MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(!gyre_ring_has_item(&ring));
        MODEL_CHECK(pop(&handle) == GYRE_RING_EMPTY);
    }
}

// ---------------------------------------------------------------------------------------------------------
// Close.

static uint64_t last_words;
static void setup_close(void) {
    begin(CAPACITY, 0, 0);
    gyre_plain_write(last_words, 0);
}

/// A producer, a closer and a consumer. A push that was accepted is popped before "drained"; after "closed" nothing is
/// accepted; and who reads either sees what the closer wrote.
static void close_race(uint32_t i) {
    uint32_t handle;
    if (i == 0) {
        results[0] = push(1);
        results[1] = push(2);
        if (results[0] == GYRE_RING_CLOSED || results[1] == GYRE_RING_CLOSED) (void)gyre_plain_read(last_words);
        if (results[0] == GYRE_RING_CLOSED) MODEL_CHECK(results[1] == GYRE_RING_CLOSED);
    } else if (i == 1) {
        gyre_plain_write(last_words, 1);
        MODEL_CHECK(gyre_ring_close(&ring));
        MODEL_CHECK(gyre_ring_is_closed(&ring));
        MODEL_CHECK(push(3) == GYRE_RING_CLOSED);
    } else {
        for (uint32_t turn = 0; turn < 3; turn++) {
            results[2] = pop(&handle);
            if (results[2] != GYRE_RING_DRAINED) continue;
            (void)gyre_plain_read(last_words);
            MODEL_CHECK(!gyre_ring_has_item(&ring));
            MODEL_CHECK(gyre_ring_is_closed(&ring));
            break;
        }
    }
}

static void check_close(void) {
    uint32_t handle;
    MODEL_CHECK(gyre_ring_is_closed(&ring));
    if (results[2] == GYRE_RING_DRAINED) MODEL_CHECK(!gyre_ring_has_item(&ring));
    check_all();
    MODEL_CHECK(pop(&handle) == GYRE_RING_DRAINED);
    MODEL_CHECK(push(9) == GYRE_RING_CLOSED);
    MODEL_CHECK(!gyre_ring_close(&ring));
}

/// Two closers of a full ring, one of which is first; a consumer makes room meanwhile.
static void close_twice(uint32_t i) {
    uint32_t handle;
    if (i < 2) {
        if (i == 0) gyre_plain_write(last_words, 1);
        results[i] = gyre_ring_close(&ring);
        if (i == 1 && results[1] == 0) (void)gyre_plain_read(last_words); // the other was first
    }
    else for (uint32_t turn = 0; turn < 2; turn++) MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
}

static void check_close_twice(void) {
    uint32_t handle;
    MODEL_CHECK(results[0] + results[1] == 1);
    MODEL_CHECK(pop(&handle) == GYRE_RING_DRAINED);
    check_all();
}

/// The closer signals after closing: whoever comes after the signal is refused, wherever its hint pointed.
static void closed_is_final(uint32_t i) {
    uint32_t handle;
    if (i == 0) {
        MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
        gyre_plain_write(last_words, 1);
        MODEL_CHECK(gyre_ring_close(&ring));
        gyre_store_release(&flag, 1);
    } else if (i == 1) {
        results[0] = push(1);
        if (gyre_ring_is_closed(&ring)) {
            (void)gyre_plain_read(last_words);
            MODEL_CHECK(push(2) == GYRE_RING_CLOSED);
        }
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(gyre_ring_is_closed(&ring));
        MODEL_CHECK(!gyre_ring_close(&ring));
    }
}

// ---------------------------------------------------------------------------------------------------------
// Pushes over a full ring.

/// Producers 0 and 1 push over what is there, the consumer pops: every handle comes out once.
static void over_and_pop(uint32_t i) {
    uint32_t handle;
    if (i == 2) return consume(0, 2);
    for (uint32_t n = 1; n <= 2; n++) (void)push_over(4 * i + n, &handle);
}

/// One producer over a full ring: what comes out is the oldest, whoever takes it.
static void over_in_order(uint32_t i) {
    if (i == 1) return consume(1, 2);
    for (uint32_t n = 1; n <= 3; n++) (void)push_over(n, &order[0][n]);
}
static void setup_rising(void) {
    begin(CAPACITY, 0, 0);
    for (uint32_t handle = 13; handle <= 14; handle++) MODEL_CHECK(push(handle) == GYRE_RING_OK);
}
static void check_rising(void) {
    uint32_t handle, rank = 0;
    for (uint32_t taker = 0; taker < 2; taker++) { // 13, 14, 1, 2, 3 in this order
        rank = 0;
        for (uint32_t j = 0; j < 4; j++) {
            handle = order[taker][j];
            if (handle == 0) continue;
            MODEL_CHECK((handle + 3) % 16 + 1 > rank);
            rank = (handle + 3) % 16 + 1;
        }
    }
    rank = 0;
    while (pop(&handle) == GYRE_RING_OK) {
        MODEL_CHECK((handle + 3) % 16 + 1 > rank);
        rank = (handle + 3) % 16 + 1;
    }
    for (uint32_t i = 0; i < 16; i++) MODEL_CHECK(pushed[i] == popped[i]);
}

/// A plain push and a push over a ring that is not empty: a pop always finds something.
static void over_never_empty(uint32_t i) {
    uint32_t handle;
    if (i == 0) (void)push(1);
    else if (i == 1) (void)push_over(2, &handle);
    else MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
}

/// As never_full, with a push over in the middle: there is room for it, and for the one after.
static void over_never_full(uint32_t i) {
    uint32_t handle;
    if (i == 0) {
        MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (i == 1) {
        if (gyre_load_acquire(&flag) == 0) return;
        MODEL_CHECK(push_over(1, &handle) == GYRE_RING_OK);
    } else {
        MODEL_CHECK(push(2) == GYRE_RING_OK);
    }
}

/// The room that a popper makes, and the record that it gives back, taken by a push over. (R2 -> R1.)
static void over_given_back(uint32_t i) {
    uint32_t handle;
    if (i == 0) {
        gyre_plain_write(given_back, 2);
        MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
    } else if (push_over(1, &handle) == GYRE_RING_OK) {
        gyre_plain_write(given_back, 3);
    }
}

/// A closed ring is not pushed over, full or not, and who is refused sees what the closer wrote.
static void over_and_close(uint32_t i) {
    uint32_t handle;
    if (i == 0) {
        gyre_plain_write(last_words, 1);
        MODEL_CHECK(gyre_ring_close(&ring));
        MODEL_CHECK(push_over(1, &handle) == GYRE_RING_CLOSED);
    } else if (i == 1) {
        if (push_over(2, &handle) == GYRE_RING_CLOSED) (void)gyre_plain_read(last_words);
    } else {
        MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
    }
}

static void check_close_over(void) {
    uint32_t handle;
    check_all();
    MODEL_CHECK(pop(&handle) == GYRE_RING_DRAINED);
}

/// The ring held two before and two after: a push over, and nobody else.
static void over_stays_full(uint32_t i) {
    uint32_t handle;
    MODEL_CHECK(push_over(1 + i, &handle) == GYRE_RING_REPLACED);
}
static void check_full(void) {
    uint32_t handle;
    MODEL_CHECK(gyre_ring_size_approximate(&ring) == CAPACITY);
    MODEL_CHECK(push(9) == GYRE_RING_FULL);
    MODEL_CHECK(pop(&handle) == GYRE_RING_OK);
    MODEL_CHECK(push(9) == GYRE_RING_OK);
    check_all();
}

#define RING(title, count, begin_with, body, last, preemptions, by_chance)                                            \
    {.name = "ring/" title, .threads = count, .setup = begin_with, .thread = body, .check = last,                      \
     .bound = preemptions, .chance = by_chance}

static const model_test tests[] = {
    RING("never full after a pop", 3, setup_one, never_full, check_all, MODEL_COMPLETE, 4000),
    RING("never empty after a push", 3, setup_one, never_empty, check_all, MODEL_COMPLETE, 4000),
    RING("a look finds what is there", 3, setup_one, look_finds, check_all, MODEL_COMPLETE, 4000),
    RING("empty not before it is", 2, setup_one, empty_in_time, check_all, MODEL_COMPLETE, 4000),
    RING("a look finds nothing", 2, setup_one, look_finds_nothing, check_all, MODEL_COMPLETE, 4000),
    RING("room is given back", 2, setup_given_back, give_back, check_all, MODEL_COMPLETE, 4000),
    RING("close, push and pop", 3, setup_close, close_race, check_close, MODEL_COMPLETE, 10000),
    RING("two closers of a full ring", 3, setup_full, close_twice, check_close_twice, MODEL_COMPLETE, 4000),
    RING("closed is final", 3, setup_full, closed_is_final, check_all, MODEL_COMPLETE, 4000),
    RING("over a full ring, in order", 2, setup_rising, over_in_order, check_rising, MODEL_COMPLETE, 10000),
    RING("over a full ring stays full", 2, setup_full, over_stays_full, check_full, MODEL_COMPLETE, 4000),
    RING("over and over, and a pop", 3, setup_one, over_and_pop, check_all, 2, 40000),
    RING("over it, never empty", 3, setup_one, over_never_empty, check_all, MODEL_COMPLETE, 4000),
    RING("over it, never full after a pop", 3, setup_one, over_never_full, check_all, MODEL_COMPLETE, 4000),
    RING("over it, room is given back", 2, setup_given_back, over_given_back, check_all, MODEL_COMPLETE, 4000),
    RING("over it and close", 3, setup_full, over_and_close, check_close_over, MODEL_COMPLETE, 10000),
    RING("over the wrap of the laps", 2, setup_wrap, over_in_order, check_all, MODEL_COMPLETE, 10000),
    RING("1 to 1, three each", 2, setup_empty, one_one, check_order, MODEL_COMPLETE, 10000),
    RING("2 to 1, two each", 3, setup_empty, two_one, check_order, MODEL_COMPLETE, 10000),
    RING("1 to 2, two each", 3, setup_empty, one_two, check_order, MODEL_COMPLETE, 10000),
    RING("3 to 1, fills", 4, setup_one, three_one, check_order, MODEL_COMPLETE, 10000),
    RING("2 to 2, one each, wraps the laps", 4, setup_wrap, two_two_once, check_order, MODEL_COMPLETE, 10000),
    RING("handles go round, two laps", 2, setup_full, turn_round, check_all, MODEL_COMPLETE, 40000),
    RING("handles go round, three slots", 3, setup_three_slots, turn_round, check_all, 1, 40000),
    {.name = "ring/2 to 2, two each", .threads = 4, .setup = setup_empty, .thread = two_two, .check = check_order,
     .bound = 2, .chance = 200000, .stale = 1},
};

MODEL_HARNESS(ring, tests);
