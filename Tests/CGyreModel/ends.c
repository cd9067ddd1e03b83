// ends.c: gyre_spsc.h and gyre_mpsc.h on the checker. Elements are plain data: a place that both sides have is a race.

#define GYRE_SPARES_OWN 2u
#define GYRE_SPARES_SHARED 1u

#include "gyre_mpsc.h"
#include "gyre_spsc.h"
#include "model.h"

#define CAPACITY 2u
#define PLACES (CAPACITY + GYRE_SPARES_PLACES + 1)

static gyre_spsc spsc;
static gyre_mpsc mpsc;
static gyre_ring ring;
static gyre_atomic_u64 slots[CAPACITY];
static uint64_t elements[PLACES];
static gyre_atomic_u32 flag;
static uint64_t last_words;
static uint32_t pushed[16], popped[16], last;
static gyre_ring_result results[4];

static void begin(void) {
    gyre_store_relaxed(&flag, 0);
    gyre_plain_write(last_words, 0);
    for (uint32_t i = 0; i < PLACES; i++) gyre_plain_write(elements[i], 0);
    for (uint32_t i = 0; i < 16; i++) pushed[i] = popped[i] = 0;
    for (uint32_t i = 0; i < 4; i++) results[i] = GYRE_RING_OK;
    last = 0;
}

static void moved_out(uint32_t place) {
    uint32_t element = (uint32_t)gyre_plain_read(elements[place]);
    gyre_plain_write(elements[place], 0);
    MODEL_CHECK(element < 16);
    popped[element] += 1;
    last = element;
}

static void check_all(void) {
    for (uint32_t i = 0; i < 16; i++) MODEL_CHECK(pushed[i] == popped[i]);
}

// ---------------------------------------------------------------------------------------------------------
// One to one.

/// Pushes `first` and what follows, as many as there is room for; returns how many.
static uint32_t spsc_push(uint32_t first, uint32_t max) {
    uint32_t index, count;
    if (gyre_spsc_room(&spsc, max, &index, &count) != GYRE_RING_OK) return 0;
    MODEL_CHECK(count >= 1 && count <= max && index + count <= CAPACITY);
    for (uint32_t i = 0; i < count; i++) {
        gyre_plain_write(elements[index + i], first + i);
        pushed[first + i] += 1;
    }
    gyre_spsc_publish(&spsc, count);
    return count;
}

static gyre_ring_result spsc_pop(uint32_t max) {
    uint32_t index, count, before = last;
    gyre_ring_result result = gyre_spsc_stock(&spsc, max, &index, &count);
    if (result != GYRE_RING_OK) return result;
    MODEL_CHECK(count >= 1 && count <= max && index + count <= CAPACITY);
    for (uint32_t i = 0; i < count; i++) {
        moved_out(index + i);
        MODEL_CHECK(last > before); // in order
        before = last;
    }
    gyre_spsc_release(&spsc, count);
    return result;
}

static void setup_spsc_from(uint64_t first) {
    begin();
    gyre_spsc_init(&spsc, CAPACITY, first);
}
static void setup_spsc(void) { setup_spsc_from((1ull << 63) - 2); }
/// When this one closes after another push its tail is not 0, which would look like none.
static void setup_spsc_closing(void) {
    setup_spsc_from((1ull << 63) - 1);
    MODEL_CHECK(spsc_push(1, 1) == 1);
}
static void setup_spsc_full(void) {
    setup_spsc();
    MODEL_CHECK(spsc_push(1, 2) == 2);
}
static void check_spsc(void) {
    MODEL_CHECK(gyre_spsc_size_approximate(&spsc) <= CAPACITY);
    while (spsc_pop(1) == GYRE_RING_OK) {}
    MODEL_CHECK(gyre_spsc_size_approximate(&spsc) == 0);
    check_all();
}

static void spsc_stream(uint32_t i) {
    if (i == 0) {
        uint32_t next = 1;
        for (uint32_t turn = 0; turn < 3; turn++) next += spsc_push(next, turn == 1 ? 2 : 1);
    } else {
        for (uint32_t turn = 0; turn < 3; turn++) (void)spsc_pop(turn == 1 ? 2 : 1);
    }
}

/// Two lie there: a producer that finds room writes where an element was moved out.
static void spsc_refill(uint32_t i) {
    for (uint32_t turn = 0, next = 3; turn < 2; turn++) {
        if (i == 0) next += spsc_push(next, 2);
        else (void)spsc_pop(1);
    }
}

static void spsc_room_is_there(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(spsc_pop(1) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(spsc_push(3, 1) == 1);
    }
}

static void spsc_stock_is_there(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(spsc_push(1, 1) == 1);
        gyre_store_release(&flag, 1);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(spsc_pop(1) == GYRE_RING_OK);
    }
}

/// The producer knows of room for one, and finds the room for two that there is.
static void setup_spsc_known_room(void) {
    setup_spsc_full();
    MODEL_CHECK(spsc_pop(1) == GYRE_RING_OK);
    uint32_t index, count;
    MODEL_CHECK(gyre_spsc_room(&spsc, 2, &index, &count) == GYRE_RING_OK && count == 1);
}

static void spsc_all_room(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(spsc_pop(1) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(spsc_push(3, 2) == 2);
    }
}

/// The consumer knows of one, and finds the two that there are.
static void setup_spsc_known_stock(void) {
    setup_spsc();
    MODEL_CHECK(spsc_push(1, 1) == 1);
    uint32_t index, count;
    MODEL_CHECK(gyre_spsc_stock(&spsc, 2, &index, &count) == GYRE_RING_OK && count == 1);
}

static void spsc_all_stock(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(spsc_push(2, 1) == 1);
        gyre_store_release(&flag, 1);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(spsc_pop(2) == GYRE_RING_OK);
        MODEL_CHECK(popped[1] + popped[2] == 2);
    }
}

/// "Drained" comes after the last element, and whoever is told so sees what the closer wrote.
static void spsc_closes(uint32_t i) {
    if (i == 0) {
        (void)spsc_push(2, 2);
        gyre_plain_write(last_words, 1);
        MODEL_CHECK(gyre_spsc_close(&spsc));
        MODEL_CHECK(!gyre_spsc_close(&spsc));
        MODEL_CHECK(spsc_push(4, 1) == 0);
    } else if (i == 1) {
        for (uint32_t turn = 0; turn < 3; turn++) results[turn] = spsc_pop(2);
        for (uint32_t turn = 0; turn < 3; turn++) {
            if (results[turn] != GYRE_RING_DRAINED) continue;
            (void)gyre_plain_read(last_words);
            check_all();
        }
    } else if (gyre_spsc_is_closed(&spsc)) {
        (void)gyre_plain_read(last_words);
    }
}
static void check_spsc_closed(void) {
    check_spsc();
    MODEL_CHECK(spsc_pop(1) == GYRE_RING_DRAINED);
}

// ---------------------------------------------------------------------------------------------------------
// Many to one. Thread 2 is the consumer.

static gyre_ring_result mpsc_push(uint32_t number, uint32_t element) {
    uint32_t place;
    gyre_ring_result result = gyre_mpsc_take_as(&mpsc, number, &place);
    if (result != GYRE_RING_OK) return result;
    MODEL_CHECK(place < PLACES);
    gyre_plain_write(elements[place], element);
    result = gyre_mpsc_push_as(&mpsc, number, place);
    if (result == GYRE_RING_OK) pushed[element] += 1;
    else gyre_mpsc_give_as(&mpsc, number, place);
    return result;
}

static gyre_ring_result mpsc_pop(void) {
    uint32_t place;
    gyre_ring_result result = gyre_mpsc_pop(&mpsc, &place);
    if (result != GYRE_RING_OK) return result;
    moved_out(place);
    gyre_mpsc_release(&mpsc, place);
    return result;
}

static void setup_mpsc_held(uint32_t held) {
    begin();
    gyre_ring_init(&ring, slots, CAPACITY, 0x7fffffff);
    gyre_mpsc_init(&mpsc, &ring);
    for (uint32_t i = 0; i < held; i++) MODEL_CHECK(mpsc_push(GYRE_THREAD_NONE, 14 + i) == GYRE_RING_OK);
}
static void setup_mpsc(void) { setup_mpsc_held(0); }
static void setup_mpsc_one(void) { setup_mpsc_held(1); }
static void setup_mpsc_full(void) { setup_mpsc_held(2); }

/// Every element came out once, and every place is somewhere, once.
static void check_mpsc(void) {
    uint32_t have[PLACES] = {0};
    MODEL_CHECK(gyre_ring_size_approximate(&ring) <= CAPACITY);
    while (mpsc_pop() == GYRE_RING_OK) {}
    check_all();
    for (uint32_t i = 0; i < CAPACITY; i++) have[gyre_load_relaxed(&slots[i]) & GYRE_RING_HANDLE_MAX] += 1;
    for (uint32_t i = 0; i < GYRE_SPARES_OWN; i++) have[gyre_plain_read(mpsc.slab.spares.own[i].place) - 1] += 1;
    for (uint32_t i = 0; i < GYRE_SPARES_PLACES; i++) {
        uint32_t place = gyre_load_relaxed(&mpsc.slab.spares.shared[i]);
        if (place != 0) have[place - 1] += 1;
    }
    have[gyre_plain_read(mpsc.spare)] += 1;
    for (uint32_t i = 0; i < PLACES; i++) MODEL_CHECK(have[i] == 1);
}

static void mpsc_stream(uint32_t i) {
    for (uint32_t turn = 1; turn <= 2; turn++) {
        if (i < 2) (void)mpsc_push(i, 4 * i + turn);
        else (void)mpsc_pop();
    }
}

/// A full ring: a producer that finds room writes where an element was moved out.
static void mpsc_refill(uint32_t i) {
    for (uint32_t turn = 1; turn <= 2; turn++) {
        if (i == 0) (void)mpsc_push(0, turn);
        else (void)mpsc_pop();
    }
}

static void mpsc_stock_is_there(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(mpsc_push(0, 1) == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (i == 1) {
        (void)mpsc_push(1, 5);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(mpsc_pop() == GYRE_RING_OK);
    }
}

static void mpsc_room_is_there(uint32_t i) {
    if (i == 1) {
        MODEL_CHECK(mpsc_pop() == GYRE_RING_OK);
        gyre_store_release(&flag, 1);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(mpsc_push(0, 1) == GYRE_RING_OK);
    }
}

/// A producer, a closer and the consumer. What was accepted is popped before "drained"; nothing is accepted after it;
/// and whoever is told sees what the closer wrote.
static void mpsc_closes(uint32_t i) {
    if (i == 0) {
        results[0] = mpsc_push(0, 1);
        results[1] = mpsc_push(0, 2);
        if (results[0] == GYRE_RING_CLOSED) MODEL_CHECK(results[1] == GYRE_RING_CLOSED);
        if (results[1] == GYRE_RING_CLOSED) (void)gyre_plain_read(last_words);
    } else if (i == 1) {
        gyre_plain_write(last_words, 1);
        MODEL_CHECK(gyre_mpsc_close(&mpsc));
        MODEL_CHECK(gyre_mpsc_is_closed(&mpsc));
        MODEL_CHECK(mpsc_push(1, 5) == GYRE_RING_CLOSED);
    } else {
        for (uint32_t turn = 0; turn < 3 && results[2] != GYRE_RING_DRAINED; turn++) results[2] = mpsc_pop();
        if (results[2] != GYRE_RING_DRAINED) return;
        (void)gyre_plain_read(last_words);
        MODEL_CHECK(gyre_mpsc_is_closed(&mpsc));
    }
}
static void check_mpsc_closed(void) {
    if (results[2] == GYRE_RING_DRAINED) check_all(); // before anything else is popped
    check_mpsc();
    MODEL_CHECK(mpsc_pop() == GYRE_RING_DRAINED);
    MODEL_CHECK(mpsc_push(0, 9) == GYRE_RING_CLOSED);
    MODEL_CHECK(gyre_mpsc_push_as(&mpsc, 0, 0) == GYRE_RING_CLOSED); // who looked at the flag long ago meets the seal
}

/// Two closers, one of which is first; the second sees what it wrote, and whoever looks is refused.
static void mpsc_closes_twice(uint32_t i) {
    if (i == 0) gyre_plain_write(last_words, 1);
    if (i < 2) {
        results[i] = gyre_mpsc_close(&mpsc) ? 1 : 0;
        if (i == 1 && results[1] == 0) (void)gyre_plain_read(last_words);
    } else if (gyre_mpsc_is_closed(&mpsc)) {
        MODEL_CHECK(mpsc_push(1, 1) == GYRE_RING_CLOSED);
    }
}
static void check_mpsc_closed_twice(void) { MODEL_CHECK(results[0] + results[1] == 1); }

/// One closer, and a look that finds the ring closed.
static void mpsc_look(uint32_t i) {
    if (i == 0) {
        gyre_plain_write(last_words, 1);
        (void)gyre_mpsc_close(&mpsc);
    } else if (gyre_mpsc_is_closed(&mpsc)) {
        (void)gyre_plain_read(last_words);
    }
}

#define ENDS(title, count, begin_with, body, last_check, preemptions, by_chance)                                      \
    {.name = "ends/" title, .threads = count, .setup = begin_with, .thread = body, .check = last_check,                \
     .bound = preemptions, .chance = by_chance}

static const model_test tests[] = {
    ENDS("1 to 1, the counts wrap", 2, setup_spsc, spsc_stream, check_spsc, MODEL_COMPLETE, 10000),
    ENDS("1 to 1, from full", 2, setup_spsc_full, spsc_refill, check_spsc, MODEL_COMPLETE, 10000),
    ENDS("1 to 1, room is there", 2, setup_spsc_full, spsc_room_is_there, check_spsc, MODEL_COMPLETE, 2000),
    ENDS("1 to 1, stock is there", 2, setup_spsc, spsc_stock_is_there, check_spsc, MODEL_COMPLETE, 2000),
    ENDS("1 to 1, all the room", 2, setup_spsc_known_room, spsc_all_room, check_spsc, MODEL_COMPLETE, 2000),
    ENDS("1 to 1, all the stock", 2, setup_spsc_known_stock, spsc_all_stock, check_spsc, MODEL_COMPLETE, 2000),
    ENDS("1 to 1, close", 3, setup_spsc_closing, spsc_closes, check_spsc_closed, MODEL_COMPLETE, 10000),
    ENDS("2 to 1, two each", 3, setup_mpsc, mpsc_stream, check_mpsc, MODEL_COMPLETE, 10000),
    ENDS("2 to 1, from full", 3, setup_mpsc_full, mpsc_stream, check_mpsc, MODEL_COMPLETE, 10000),
    ENDS("1 of many to 1, from full", 2, setup_mpsc_full, mpsc_refill, check_mpsc, MODEL_COMPLETE, 10000),
    ENDS("2 to 1, stock is there", 3, setup_mpsc, mpsc_stock_is_there, check_mpsc, MODEL_COMPLETE, 4000),
    ENDS("2 to 1, room is there", 2, setup_mpsc_full, mpsc_room_is_there, check_mpsc, MODEL_COMPLETE, 4000),
    ENDS("2 to 1, close", 3, setup_mpsc_one, mpsc_closes, check_mpsc_closed, MODEL_COMPLETE, 20000),
    ENDS("2 to 1, two closers", 3, setup_mpsc, mpsc_closes_twice, check_mpsc_closed_twice, MODEL_COMPLETE, 4000),
    ENDS("2 to 1, a look at closed", 2, setup_mpsc, mpsc_look, check_mpsc, MODEL_COMPLETE, 2000),
};

MODEL_HARNESS(ends, tests);
