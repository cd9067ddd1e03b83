// slab.c: gyre_slab.h, gyre_spares.h and gyre_thread.h on the checker. Elements are plain data: whoever has a place in
// hands writes and reads it, so a place that is had by two is a race. Threads 0 and 1 have numbers, others share
// places.

#define GYRE_SPARES_OWN 2u
#define GYRE_SPARES_SHARED 1u

#include "gyre_slab.h"
#include "model.h"

#define CAPACITY 2u
#define PLACES (CAPACITY + GYRE_SPARES_PLACES)

static gyre_slab slab;
static gyre_ring ring;
static gyre_atomic_u64 slots[CAPACITY];
static uint64_t elements[PLACES];
static gyre_atomic_u64 taken; // numbers, in the tests about them
static gyre_atomic_u32 flag;
static uint32_t pushed[16], popped[16], got[4][4];

static uint32_t number_of(uint32_t i) { return i < GYRE_SPARES_OWN ? i : GYRE_THREAD_NONE; }

static gyre_ring_result push(uint32_t number, uint64_t element) {
    uint32_t place;
    if (!gyre_slab_take_as(&slab, number, &place)) return GYRE_RING_FULL;
    MODEL_CHECK(place < PLACES);
    gyre_plain_write(elements[place], element);
    gyre_ring_result result = gyre_slab_push_as(&slab, number, place);
    if (result == GYRE_RING_OK) pushed[element] += 1;
    else gyre_slab_give_as(&slab, number, place);
    return result;
}

static gyre_ring_result pop(uint32_t number, uint32_t *element) {
    uint32_t place;
    gyre_ring_result result = gyre_slab_pop_as(&slab, number, &place);
    if (result != GYRE_RING_OK) return result;
    *element = (uint32_t)gyre_plain_read(elements[place]);
    gyre_plain_write(elements[place], 0); // moved out
    gyre_slab_give_as(&slab, number, place);
    MODEL_CHECK(*element < 16);
    popped[*element] += 1;
    return result;
}

static gyre_ring_result push_over(uint32_t number, uint64_t element, uint32_t *oldest) {
    uint32_t place;
    if (!gyre_slab_take_as(&slab, number, &place)) return GYRE_RING_FULL;
    gyre_plain_write(elements[place], element);
    gyre_ring_result result = gyre_slab_push_over_as(&slab, number, &place);
    pushed[element] += result != GYRE_RING_CLOSED;
    if (result == GYRE_RING_OK) return result;
    *oldest = (uint32_t)gyre_plain_read(elements[place]);
    gyre_plain_write(elements[place], 0); // moved out, or what was refused
    gyre_slab_give_as(&slab, number, place);
    if (result == GYRE_RING_REPLACED) popped[*oldest] += 1;
    return result;
}

static void begin(uint32_t held) {
    gyre_ring_init(&ring, slots, CAPACITY, 0);
    gyre_slab_init(&slab, &ring);
    gyre_store_relaxed(&flag, 0);
    gyre_store_relaxed(&taken, 0);
    for (uint32_t i = 0; i < PLACES; i++) gyre_plain_write(elements[i], 0);
    for (uint32_t i = 0; i < 16; i++) pushed[i] = popped[i] = 0;
    for (uint32_t i = 0; i < 16; i++) got[i / 4][i % 4] = 0;
    for (uint32_t i = 0; i < held; i++) MODEL_CHECK(push(GYRE_THREAD_NONE, 15 - i) == GYRE_RING_OK);
}

static void setup_empty(void) { begin(0); }
static void setup_one(void) { begin(1); }
static void setup_full(void) { begin(2); }

/// Everything that was pushed comes out once, and every place is somewhere, once.
static void check_all(void) {
    uint32_t element, have[PLACES] = {0};
    while (pop(GYRE_THREAD_NONE, &element) == GYRE_RING_OK) {}
    for (uint32_t i = 0; i < 16; i++) MODEL_CHECK(pushed[i] == popped[i]);
    for (uint32_t i = 0; i < CAPACITY; i++) have[gyre_load_relaxed(&slots[i]) & GYRE_RING_HANDLE_MAX] += 1;
    for (uint32_t i = 0; i < GYRE_SPARES_OWN; i++) have[gyre_plain_read(slab.spares.own[i].place) - 1] += 1;
    for (uint32_t i = 0; i < GYRE_SPARES_PLACES; i++) {
        uint32_t place = gyre_load_relaxed(&slab.spares.shared[i]);
        if (place != 0) have[place - 1] += 1;
    }
    for (uint32_t i = 0; i < PLACES; i++) MODEL_CHECK(have[i] == 1);
}

/// And each consumer got the elements of the one producer, rising, in order.
static void check_order(void) {
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t j = 1; j < 4; j++) MODEL_CHECK(got[i][j] == 0 || got[i][j] > got[i][j - 1]);
    }
    check_all();
}

static void one_one(uint32_t i) {
    for (uint32_t n = 1; n <= 3; n++) {
        if (i == 0) (void)push(number_of(i), n);
        else (void)pop(number_of(i), &got[i][n]);
    }
}

/// Two with numbers and one without: places go round between slots, own words and shared ones.
static void turn_round(uint32_t i) {
    uint32_t element;
    if (pop(number_of(i), &element) == GYRE_RING_OK) (void)push(number_of(i), element);
    (void)pop(number_of(i), &element);
}

/// Elements that come out for others leave their place to whoever has them.
static void over(uint32_t i) {
    uint32_t element;
    if (i == 2) return (void)pop(number_of(i), &element);
    (void)push_over(number_of(i), 2 * i + 1, &element);
    (void)push_over(number_of(i), 2 * i + 2, &element);
}

/// Three without a number share one place.
static void share(uint32_t i) {
    uint32_t element;
    if (i == 0) (void)push(GYRE_THREAD_NONE, 1);
    else (void)pop(GYRE_THREAD_NONE, &element);
    (void)push(GYRE_THREAD_NONE, 2 + i);
}

/// A full ring, one element of which is popped before the signal: who has a number finds room for its push.
static void room_for_numbers(uint32_t i) {
    uint32_t element;
    if (i == 0) {
        MODEL_CHECK(pop(0, &element) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(push(1, 1) == GYRE_RING_OK);
    }
}

/// One number for two threads, one after the other: what belongs to a number belongs to whoever has it.
static void take_turns(uint32_t i) {
    uint32_t number = gyre_thread_claim(&taken, 1), element;
    MODEL_CHECK(number == 0 || number == GYRE_THREAD_NONE);
    (void)push(number, i + 1);
    (void)pop(number, &element);
    if (number == 0) gyre_thread_return(&taken, 0);
}

/// Numbers of three threads at once are three, and the third finds none of two.
static void number_each(uint32_t i) {
    got[0][i] = gyre_thread_claim(&taken, 2);
    if (i == 2 && got[0][2] != GYRE_THREAD_NONE) {
        gyre_thread_return(&taken, got[0][2]);
        got[0][2] = GYRE_THREAD_NONE;
    }
}
static void check_numbers(void) {
    MODEL_CHECK(got[0][0] == GYRE_THREAD_NONE || got[0][0] != got[0][1]);
    MODEL_CHECK(got[0][0] < 2 || got[0][1] < 2);
    uint64_t expected = 0;
    for (uint32_t i = 0; i < 2; i++) {
        if (got[0][i] != GYRE_THREAD_NONE) expected |= 1ull << got[0][i];
    }
    MODEL_CHECK(gyre_load_relaxed(&taken) == expected);
}

#define SLAB(title, count, begin_with, body, last, preemptions, by_chance)                                            \
    {.name = "slab/" title, .threads = count, .setup = begin_with, .thread = body, .check = last,                      \
     .bound = preemptions, .chance = by_chance}

static const model_test tests[] = {
    SLAB("1 to 1, three each", 2, setup_empty, one_one, check_order, MODEL_COMPLETE, 10000),
    SLAB("elements go round", 2, setup_one, turn_round, check_all, MODEL_COMPLETE, 10000),
    SLAB("elements go round, one without a number", 3, setup_full, turn_round, check_all, 1, 40000),
    SLAB("over a full ring, two by two", 2, setup_full, over, check_all, MODEL_COMPLETE, 10000),
    SLAB("over one element, and a pop", 3, setup_one, over, check_all, 1, 40000),
    SLAB("one place for three", 3, setup_one, share, check_all, 1, 40000),
    SLAB("room for whoever has a number", 2, setup_full, room_for_numbers, check_all, MODEL_COMPLETE, 4000),
    SLAB("one number in turns", 2, setup_empty, take_turns, check_all, MODEL_COMPLETE, 20000),
    SLAB("two numbers for three", 3, setup_empty, number_each, check_numbers, MODEL_COMPLETE, 10000),
};

MODEL_HARNESS(slab, tests);
