// timer.c: gyre_timer.c on the checker: a timer fires or is cancelled, once; one thread at a time turns the wheel; who
// sleeps until next_due is woken for what is earlier.

#include "gyre_event.h"
#include "gyre_timer.c"
#include "model.h"

#include <string.h>

#define CAPACITY 3u
#define CAPACITY_MAX 4u
#define NOW 1000u

static gyre_timer_wheel wheel;
static gyre_timer_record records[CAPACITY_MAX + 1];
static gyre_event event;
static gyre_atomic_u64 tokens[4]; // 0: not inserted yet
static gyre_timer_token written[4];      // by an insert, before anybody can see the timer
static gyre_atomic_u32 turning;   // threads in a sink
static uint8_t inserted[4];
static uint8_t fired[4];
static uint8_t cancelled[4];
static uint64_t payload[4];
static uint64_t last_due; // of those that fired
static uint64_t last_word;
static uint64_t end; // the latest instant of the test

static void setup_capacity(uint32_t capacity) {
    memset(&wheel, 0, sizeof wheel);
    memset(records, 0, sizeof records);
    gyre_timer_init(&wheel, records, capacity, 0);
    gyre_event_init(&event);
    gyre_store_relaxed(&turning, 0);
    end = NOW;
    last_due = last_word = 0;
    for (uint32_t i = 0; i < 4; i++) {
        gyre_store_relaxed(&tokens[i], 0);
        inserted[i] = fired[i] = cancelled[i] = 0;
        written[i] = 0;
    }
}

static void sink(void *context, const gyre_timer_fired *timer) {
    (void)context;
    MODEL_CHECK(gyre_fetch_add_relaxed(&turning, 1) == 0);
    MODEL_CHECK(timer->due <= end);
    MODEL_CHECK(gyre_plain_read(written[timer->word0]) != 0); // N1
    (void)gyre_plain_read(payload[timer->word0]);
    fired[timer->word0] += 1;
    MODEL_CHECK(timer->lateness <= GYRE_TIMER_NEVER - timer->due); // not early
    last_due = timer->due;
    last_word = timer->word0;
    (void)gyre_fetch_sub_relaxed(&turning, 1);
}

/// A sink for timers that are on the wheel before any is due: in order, and of those that are due together the one that
/// was inserted first.
static void sink_in_order(void *context, const gyre_timer_fired *timer) {
    MODEL_CHECK(timer->due >= last_due);
    MODEL_CHECK(timer->due > last_due || timer->word0 > last_word);
    sink(context, timer);
}

static gyre_timer_turn advance(uint64_t now) { return gyre_timer_advance(&wheel, now, sink, NULL); }

/// True when there was room. `*wake` says that a sleeper must be woken.
static bool insert(uint32_t id, uint64_t due, bool *wake) {
    gyre_plain_write(payload[id], 1);
    if (!gyre_timer_insert(&wheel, due, NULL, id, 0, &written[id], wake)) return false;
    inserted[id] += 1;
    gyre_store_relaxed(&tokens[id], written[id]); // relaxed: T1 -> T2 must do
    return true;
}

static void cancel(uint32_t id) {
    uint64_t token = gyre_load_relaxed(&tokens[id]);
    if (token == 0 || !gyre_timer_cancel(&wheel, token)) return;
    gyre_plain_write(payload[id], 2); // what its words stand for is the canceller's
    cancelled[id] += 1;
}

static void setup(void) { setup_capacity(CAPACITY); }
static void setup_small(void) { setup_capacity(1); }

static void setup_two(void) { setup_capacity(2); }

static void setup_one(void) {
    setup_capacity(2);
    bool wake;
    MODEL_CHECK(insert(0, 500, &wake));
}

/// One that was due lies on the wheel, another in the inbox.
static void setup_placed(void) {
    setup_capacity(CAPACITY);
    bool wake;
    MODEL_CHECK(insert(0, NOW, &wake));
    (void)advance(10);
    MODEL_CHECK(insert(1, NOW, &wake));
}

/// Everything that was inserted fired or was cancelled, and every record is free again.
static void check(void) {
    (void)advance(end);
    (void)advance(end); // gives back what was cancelled before it was seen
    for (uint32_t i = 0; i < 4; i++) MODEL_CHECK(inserted[i] == fired[i] + cancelled[i]);
    MODEL_CHECK(gyre_timer_waiting(&wheel) == 0);
    MODEL_CHECK(gyre_timer_bytes(&wheel) <= sizeof wheel + sizeof records);
    MODEL_CHECK(gyre_timer_next_due(&wheel) == GYRE_TIMER_NEVER || inserted[0] + inserted[1] + inserted[2] > 0);
    bool wake;
    gyre_timer_token token;
    for (uint32_t i = 0; i < wheel.capacity; i++) {
        MODEL_CHECK(gyre_timer_insert(&wheel, 5000, NULL, 3, 0, &token, &wake));
    }
    MODEL_CHECK(!gyre_timer_insert(&wheel, 5000, NULL, 3, 0, &token, &wake));
}

static void insert_two(uint32_t i) {
    bool wake;
    if (i < 2) MODEL_CHECK(insert(i, 100 + i, &wake));
    else (void)advance(NOW);
}

static void insert_and_cancel(uint32_t i) {
    bool wake;
    if (i == 0) MODEL_CHECK(insert(0, 100, &wake));
    else if (i == 1) cancel(0);
    else (void)advance(NOW);
}

/// Two cancels and a turn, over one timer on the wheel and one in the inbox.
static void cancel_two(uint32_t i) {
    if (i < 2) cancel(i);
    else (void)advance(NOW);
}

/// Two cancel the same timer while it may fire.
static void cancel_same(uint32_t i) {
    if (i < 2) cancel(0);
    else (void)advance(NOW);
}

/// Slots of the wheel: two timers in one of them, one in another on a higher level.
#define TICK (1ull << GYRE_TIMER_TICK_SHIFT)
static void setup_slots(void) {
    setup_capacity(CAPACITY);
    end = 70 * TICK;
    bool wake;
    MODEL_CHECK(insert(0, 2 * TICK + 5, &wake));
    MODEL_CHECK(insert(1, 2 * TICK + 3, &wake));
    MODEL_CHECK(insert(2, 70 * TICK, &wake));
    (void)advance(10);
    MODEL_CHECK(gyre_timer_next_due(&wheel) == 2 * TICK + 3);
}

static void turn_slots(uint32_t i) {
    if (i < 2) return cancel(i);
    (void)advance(2 * TICK + 4);
    (void)advance(end);
}

/// A slot of the second level that begins with one of the first; the youngest of the one in front is due before all.
static void setup_together(void) {
    setup_capacity(CAPACITY_MAX);
    end = 128 * TICK + 20;
    bool wake;
    MODEL_CHECK(insert(0, 128 * TICK + 8, &wake));
    (void)advance(10 * TICK);
    (void)advance(100 * TICK);
    MODEL_CHECK(insert(1, 128 * TICK + 9, &wake));
    MODEL_CHECK(insert(2, 128 * TICK + 9, &wake));
    (void)advance(101 * TICK);
    MODEL_CHECK(insert(3, 128 * TICK + 7, &wake));
    (void)advance(101 * TICK);
    MODEL_CHECK(gyre_timer_next_due(&wheel) == 128 * TICK + 7);
    MODEL_CHECK(gyre_timer_waiting(&wheel) == 4);
}

static void turn_together(uint32_t i) {
    if (i == 1) return cancel(0);
    if (i == 2) return cancel(1);
    MODEL_CHECK(gyre_timer_advance(&wheel, 128 * TICK + 6, sink_in_order, NULL).fired == 0);
    MODEL_CHECK(gyre_timer_advance(&wheel, 128 * TICK + 7, sink_in_order, NULL).fired == 1);
    MODEL_CHECK(fired[3] == 1);
    MODEL_CHECK(gyre_timer_advance(&wheel, end, sink_in_order, NULL).next_due == GYRE_TIMER_NEVER);
    MODEL_CHECK(fired[2] == 1);
}

/// Four that are due together, in two turns: they fire in the order of their inserts.
static void setup_equal(void) {
    setup_capacity(CAPACITY_MAX);
    end = 100 * TICK;
    bool wake;
    MODEL_CHECK(insert(0, end, &wake));
    (void)advance(10 * TICK);
    for (uint32_t id = 1; id < 4; id++) MODEL_CHECK(insert(id, end, &wake));
}

static void turn_equal(uint32_t i) {
    if (i == 1) return cancel(2);
    MODEL_CHECK(gyre_timer_advance(&wheel, end, sink_in_order, NULL).fired >= 3);
}

/// The only one of a slot is cancelled: the slot is empty, whoever has the record next.
static void setup_left(void) {
    setup_capacity(1);
    end = 300 * TICK;
    bool wake;
    MODEL_CHECK(insert(0, 200 * TICK, &wake));
    (void)advance(10 * TICK);
}

static void turn_left(uint32_t i) {
    if (i == 1) return cancel(0);
    (void)advance(20 * TICK);
}

static void check_left(void) {
    (void)advance(21 * TICK);
    bool wake;
    MODEL_CHECK(insert(1, end, &wake));
    (void)advance(22 * TICK);
    MODEL_CHECK(gyre_timer_next_due(&wheel) == end);
    check();
}

/// One that is 64 slots of its level ahead, and so on the next level, not where the present slot is.
static void setup_far(void) {
    setup_capacity(CAPACITY_MAX);
    end = 4096 * TICK + 1;
    bool wake;
    (void)advance(63 * TICK);
    MODEL_CHECK(insert(0, end, &wake));
    MODEL_CHECK(insert(1, 64 * TICK + 1, &wake));
    (void)advance(63 * TICK);
    MODEL_CHECK(gyre_timer_next_due(&wheel) == 64 * TICK + 1);
}

static void turn_far(uint32_t i) {
    if (i == 1) return cancel(1);
    MODEL_CHECK(gyre_timer_advance(&wheel, 64 * TICK + 1, sink_in_order, NULL).next_due == end);
    MODEL_CHECK(gyre_timer_advance(&wheel, end - 1, sink_in_order, NULL).fired == 0);
    MODEL_CHECK(gyre_timer_advance(&wheel, end, sink_in_order, NULL).fired == 1);
    MODEL_CHECK(fired[0] == 1);
}

/// A cancel, and a turn that may be left to another: either way the record is free then, which its one successor shows.
static void setup_only(void) {
    setup_capacity(1);
    bool wake;
    MODEL_CHECK(insert(0, 5000, &wake));
}

static void free_it(uint32_t i) {
    if (i == 1) cancel(0);
    (void)advance(NOW);
}

static void check_free(void) {
    bool wake;
    MODEL_CHECK(cancelled[0] == 1);
    MODEL_CHECK(insert(1, 5000, &wake));
}

/// Inserts alone: the earliest is the next that is due.
static void insert_only(uint32_t i) {
    bool wake;
    MODEL_CHECK(insert(i, 200 - 100 * i, &wake));
}

static void check_earliest(void) {
    MODEL_CHECK(gyre_timer_next_due(&wheel) == 100);
    check();
}

/// An insert that found next_due early enough, while a turn was about to publish a later one: it is on the wheel or in
/// the inbox when both have ended, and next_due knows it (I5). Whoever lowered it was told to wake.
static bool lowered[2];
static void setup_late(void) {
    setup_capacity(CAPACITY);
    bool wake;
    MODEL_CHECK(insert(0, 20, &wake));
    MODEL_CHECK(insert(1, 500, &wake));
    lowered[0] = lowered[1] = false;
}

static uint64_t told_due;
static void insert_late(uint32_t i) {
    if (i == 1) {
        MODEL_CHECK(insert(2, 100, &lowered[1]));
        return;
    }
    gyre_timer_turn turn = advance(50);
    lowered[0] = turn.wake;
    told_due = turn.next_due;
}

static void check_late(void) {
    MODEL_CHECK(gyre_timer_next_due(&wheel) == 100);
    MODEL_CHECK(told_due == 100 || lowered[1]);
    check();
}

/// The same while a third reads next_due and goes to sleep: whoever made it earlier than that was told to wake (I5).
static uint64_t slept_until;
static void insert_late_to_sleeper(uint32_t i) {
    if (i < 2) return insert_late(i);
    slept_until = gyre_timer_next_due(&wheel);
}

static void check_slept(void) {
    MODEL_CHECK(slept_until <= 100 || lowered[0] || lowered[1]);
    check_late();
}

static void setup_later(void) {
    setup_one();
    lowered[0] = lowered[1] = false;
}

/// Three turn; of those who are turned away the latest instant is kept.
static void turn_three(uint32_t i) { (void)advance(i == 1 ? NOW : 10 + i); }

static void check_three(void) {
    MODEL_CHECK(fired[0] == 1);
    check();
}

/// Two turn; whoever is turned away is turned for, with the later of the two instants.
static gyre_atomic_u32 turned_away;
static void setup_turners(void) {
    setup();
    gyre_store_relaxed(&turned_away, 0);
}

static void turn_both(uint32_t i) {
    bool wake;
    MODEL_CHECK(insert(i, i == 0 ? 100 : 900, &wake));
    (void)advance(i == 0 ? 200 : NOW);
}

/// The last instants before the end of time leave no room for a request.
static void turn_at_end(uint32_t i) {
    bool wake;
    MODEL_CHECK(insert(i, i == 0 ? 100 : 900, &wake));
    (void)advance(GYRE_TIMER_NEVER - 1 - i);
}

static void check_turners(void) { // both are due at the later instant, and both inserts came before their turns
    MODEL_CHECK(fired[0] == 1);
    MODEL_CHECK(fired[1] == 1);
    check();
}

/// One record, used again and again.
static void reuse(uint32_t i) {
    bool wake;
    if (i == 0) {
        if (!insert(0, 100, &wake)) return;
        cancel(0);
    } else {
        (void)advance(NOW);
        if (insert(1, 100, &wake)) (void)advance(NOW);
    }
}

static void take_and_give(uint32_t i) {
    uint32_t index = gyre_timer_record_take(&wheel);
    if (index == 0) return;
    gyre_plain_write(records[index].due, i);
    gyre_timer_record_give(&wheel, index);
    index = gyre_timer_record_take(&wheel);
    if (index == 0) return;
    gyre_plain_write(records[index].due, i);
    gyre_timer_record_give(&wheel, index);
}

static void check_records(void) {
    for (uint32_t i = 0; i < wheel.capacity; i++) MODEL_CHECK(gyre_timer_record_take(&wheel) != 0);
    MODEL_CHECK(gyre_timer_record_take(&wheel) == 0);
}

/// A sleeper turns the wheel whenever something may be due, and sleeps otherwise. An insert that lowers next_due wakes
/// it; one that is not told to relies on the sleeper having seen an earlier time. A lost wake-up is a deadlock.
static void sleep_until_due(uint32_t i) {
    if (i > 0) {
        bool wake;
        MODEL_CHECK(insert(i, 100 * i, &wake));
        if (wake) gyre_event_notify_all(&event);
        return;
    }
    uint32_t expected = model.test->threads - 1;
    for (;;) {
        gyre_timer_turn turn = advance(NOW);
        MODEL_CHECK(!turn.busy);
        uint32_t done = fired[1] + fired[2];
        if (done == expected) return;
        uint32_t key = gyre_event_prepare(&event);
        if (gyre_timer_wants_advance(&wheel, NOW)) gyre_event_cancel(&event);
        else (void)gyre_event_wait(&event, key, GYRE_FUTEX_NO_DEADLINE);
    }
}

#define TIMER(title, count, start, body, last, preemptions, by_chance)                                              \
    {.name = "timer/" title, .threads = count, .setup = start, .thread = body, .check = last, .bound = preemptions, \
     .chance = by_chance, .stale = 1}

static const model_test tests[] = {
    TIMER("two inserts and a turn", 3, setup, insert_two, check, MODEL_COMPLETE, 20000),
    TIMER("insert, cancel and a turn", 3, setup, insert_and_cancel, check, MODEL_COMPLETE, 20000),
    TIMER("cancel on the wheel and in the inbox", 3, setup_placed, cancel_two, check, MODEL_COMPLETE, 20000),
    TIMER("two cancel the same", 3, setup_one, cancel_same, check, MODEL_COMPLETE, 20000),
    TIMER("slots of the wheel", 3, setup_slots, turn_slots, check, MODEL_COMPLETE, 20000),
    TIMER("slots that begin together", 3, setup_together, turn_together, check, MODEL_COMPLETE, 4000),
    TIMER("due together", 2, setup_equal, turn_equal, check, MODEL_COMPLETE, 4000),
    TIMER("a slot that is left", 2, setup_left, turn_left, check_left, MODEL_COMPLETE, 4000),
    TIMER("a slot that is far", 2, setup_far, turn_far, check, MODEL_COMPLETE, 4000),
    TIMER("a turn left to another gives back", 2, setup_only, free_it, check_free, MODEL_COMPLETE, 20000),
    TIMER("two inserts, the earliest is due", 2, setup, insert_only, check_earliest, MODEL_COMPLETE, 4000),
    TIMER("an insert while next_due is published", 2, setup_late, insert_late, check_late, MODEL_COMPLETE, 20000),
    TIMER("a sleeper while next_due is published", 3, setup_late, insert_late_to_sleeper, check_slept, 2, 4000),
    TIMER("a sleeper while nothing is due", 3, setup_later, insert_late_to_sleeper, check_slept, MODEL_COMPLETE, 4000),
    TIMER("three turn", 3, setup_one, turn_three, check_three, MODEL_COMPLETE, 20000),
    TIMER("two turn", 2, setup_turners, turn_both, check_turners, MODEL_COMPLETE, 20000),
    TIMER("two turn at the end of time", 2, setup_turners, turn_at_end, check_turners, MODEL_COMPLETE, 4000),
    TIMER("one record again and again", 2, setup_small, reuse, check, MODEL_COMPLETE, 20000),
    TIMER("records are taken and given", 2, setup_two, take_and_give, check_records, MODEL_COMPLETE, 20000),
    TIMER("records go round, 3 threads", 3, setup, take_and_give, check_records, 1, 40000),
    TIMER("sleeping until the next is due", 2, setup, sleep_until_due, check, MODEL_COMPLETE, 20000),
    TIMER("two inserts wake a sleeper", 3, setup, sleep_until_due, check, 1, 40000),
};

MODEL_HARNESS(timer, tests);
