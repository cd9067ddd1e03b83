// runq.c: gyre_runq.h on the checker, with four slots: the owner pushes, pops and moves many, thieves steal half.

#define GYRE_RUNQ_SLOTS 4u

#include "gyre_runq.h"
#include "model.h"

#include <string.h>

#define HANDLES 12u

static gyre_runq queue;
static uint64_t records[HANDLES];
static uint8_t pushed[HANDLES];
static uint8_t taken[HANDLES];
static gyre_atomic_u32 flag;
// Slots are atomic, because a thief may read one too late and drops it then. Whoever takes a handle, though, has read
// its slot before the owner overwrites it (Q3 -> Q4): these words, one for each slot, show it.
static uint64_t uses[GYRE_RUNQ_SLOTS];
static uint32_t slot_of[HANDLES];
static uint64_t position; // of the next push

/// The owner has just pushed `handle`.
static void wrote(uint32_t handle) {
    slot_of[handle] = (uint32_t)position++ & (GYRE_RUNQ_SLOTS - 1);
    model_plain_write_before(&uses[slot_of[handle]], __FILE__, __LINE__);
}

static void begin(uint64_t first, uint32_t held) {
    memset(&queue, 0xaa, sizeof queue);
    gyre_runq_init(&queue, first);
    position = first;
    for (uint32_t i = 0; i < GYRE_RUNQ_SLOTS; i++) gyre_store_relaxed(&queue.slot[i], 99);
    gyre_store_relaxed(&flag, 0);
    for (uint32_t i = 0; i < HANDLES; i++) pushed[i] = taken[i] = 0;
    for (uint32_t i = 0; i < held; i++) {
        gyre_plain_write(records[8 + i], 1);
        MODEL_CHECK(gyre_runq_push(&queue, 8 + i));
        wrote(8 + i);
        pushed[8 + i] = 1;
    }
}

static void setup_empty(void) { begin(0, 0); }
static void setup_two(void) { begin(0, 2); }
static void setup_full(void) { begin(UINT64_MAX - 1, 4); } // positions wrap

static bool push(uint32_t handle) {
    gyre_plain_write(records[handle], 1);
    if (!gyre_runq_push(&queue, handle)) return false;
    wrote(handle);
    pushed[handle] += 1;
    return true;
}

static void took(uint32_t handle) {
    MODEL_CHECK(handle < HANDLES);
    model_plain_read_before(&uses[slot_of[handle]], __FILE__, __LINE__);
    (void)gyre_plain_read(records[handle]);
    taken[handle] += 1;
}

static bool pop(void) {
    uint32_t handle;
    if (!gyre_runq_pop(&queue, &handle)) return false;
    took(handle);
    return true;
}

static uint32_t steal(uint32_t limit) {
    uint32_t handles[GYRE_RUNQ_SLOTS];
    uint32_t count = gyre_runq_steal(&queue, handles, limit);
    MODEL_CHECK(count <= limit);
    for (uint32_t i = 0; i < count; i++) took(handles[i]);
    for (uint32_t i = 1; i < count; i++) MODEL_CHECK(handles[i] > handles[i - 1] || handles[i - 1] >= 8);
    return count;
}

static void check(void) {
    while (pop()) {}
    for (uint32_t i = 0; i < HANDLES; i++) MODEL_CHECK(pushed[i] == taken[i]);
}

/// The owner pushes and pops while a thief steals; the queue starts full, so slots are used again.
static void against_thief(uint32_t i) {
    if (i == 0) {
        (void)push(1);
        (void)pop();
        (void)push(2);
        (void)push(3);
    } else {
        (void)steal(4);
        (void)steal(1);
    }
}

static void against_thieves(uint32_t i) {
    if (i == 0) {
        (void)push(1);
        (void)pop();
        (void)push(2);
    } else {
        (void)steal(2);
    }
}

/// Half of a full queue goes elsewhere at once, or thieves have made room: then a push succeeds.
static void relieve(uint32_t i) {
    if (i == 0) {
        uint32_t handles[2];
        while (!push(1)) {
            if (!gyre_runq_take_many(&queue, handles, 2)) continue;
            took(handles[0]);
            took(handles[1]);
        }
        if (gyre_runq_room(&queue) >= 1) MODEL_CHECK(push(2));
    } else {
        (void)steal(4);
    }
}

/// A chunk is spread: the owner looks for room first, then pushes many.
static void spread(uint32_t i) {
    if (i == 0) {
        const uint32_t handles[2] = {1, 2};
        if (gyre_runq_room(&queue) >= 2) {
            gyre_plain_write(records[1], 1);
            gyre_plain_write(records[2], 1);
            gyre_runq_push_many(&queue, handles, 2);
            wrote(1);
            wrote(2);
            pushed[1] = pushed[2] = 1;
        }
        uint32_t ahead;
        if (gyre_runq_peek(&queue, 0, &ahead)) MODEL_CHECK(ahead < HANDLES);
        (void)pop();
    } else {
        (void)steal(4);
    }
}

/// Empty is not said of a queue that holds something all the time: two lie there, one is taken.
static void never_empty(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(push(1));
        MODEL_CHECK(pop());
        gyre_store_release(&flag, 1);
    } else if (i == 1) {
        MODEL_CHECK(gyre_runq_has_item(&queue));
        MODEL_CHECK(steal(1) == 1);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(gyre_runq_has_item(&queue));
        MODEL_CHECK(steal(1) == 1);
    }
}

/// The owner turns the queue over while one is always in: no thief is told that it is empty.
static void find_one(void) {
    MODEL_CHECK(gyre_runq_has_item(&queue));
    MODEL_CHECK(steal(1) == 1);
}

static void turn_over(uint32_t i) {
    if (i == 1) return find_one();
    for (uint32_t handle = 1; handle <= 2; handle++) {
        MODEL_CHECK(push(handle));
        MODEL_CHECK(pop());
    }
}

static void turn_over_many(uint32_t i) {
    if (i == 1) return find_one();
    uint32_t handles[2];
    MODEL_CHECK(push(1));
    MODEL_CHECK(push(2));
    if (!gyre_runq_take_many(&queue, handles, 2)) return;
    took(handles[0]);
    took(handles[1]);
}

/// Two lie there for whoever takes both, and a thief who takes one.
static void take_both(uint32_t i) {
    uint32_t handles[2];
    if (i == 1) {
        (void)steal(1);
    } else if (gyre_runq_take_many(&queue, handles, 2)) {
        took(handles[0]);
        took(handles[1]);
    }
}

/// So often that a thief's head may be more than a lap old.
static void turn_over_often(uint32_t i) {
    if (i == 1) return find_one();
    for (uint32_t handle = 1; handle <= 5; handle++) {
        MODEL_CHECK(push(handle));
        MODEL_CHECK(pop());
    }
}

/// Two lie there and a third comes; a thief takes the older half of what it sees. One is left at any time, so who loses
/// to that thief must find it: the failed exchange acquires the head, and with it the third push.
static void lose_to_a_thief(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(push(1));
    } else {
        MODEL_CHECK(steal(i == 1 ? 2 : 1) >= 1);
    }
}

/// Once emptied, and told so, a look finds nothing.
static void look_after(uint32_t i) {
    if (i == 0) {
        while (pop()) {}
        gyre_store_release(&flag, 1);
    } else if (gyre_load_acquire(&flag) == 1) {
        MODEL_CHECK(!gyre_runq_has_item(&queue));
        MODEL_CHECK(steal(4) == 0);
    }
}

#define RUNQ(title, count, start, body, preemptions)                                                                  \
    {.name = "runq/" title, .threads = count, .setup = start, .thread = body, .check = check, .bound = preemptions, \
     .chance = 20000}

static const model_test tests[] = {
    RUNQ("owner and thief, starts empty", 2, setup_empty, against_thief, MODEL_COMPLETE),
    RUNQ("owner and thief, starts full, positions wrap", 2, setup_full, against_thief, MODEL_COMPLETE),
    RUNQ("owner and two thieves", 3, setup_two, against_thieves, MODEL_COMPLETE),
    RUNQ("half of a full queue moves", 2, setup_full, relieve, MODEL_COMPLETE),
    RUNQ("a chunk is spread", 3, setup_two, spread, MODEL_COMPLETE),
    RUNQ("a chunk is spread where thieves made room", 2, setup_full, spread, MODEL_COMPLETE),
    RUNQ("never empty", 3, setup_two, never_empty, MODEL_COMPLETE),
    RUNQ("who loses to a thief finds what is left", 3, setup_two, lose_to_a_thief, MODEL_COMPLETE),
    RUNQ("never empty while it is turned over", 2, setup_two, turn_over, MODEL_COMPLETE),
    RUNQ("never empty while many are taken", 2, setup_two, turn_over_many, MODEL_COMPLETE),
    RUNQ("both are taken, or one", 2, setup_two, take_both, MODEL_COMPLETE),
    RUNQ("never empty for a head that is old", 2, setup_two, turn_over_often, 1),
    RUNQ("empty, and known to be", 2, setup_two, look_after, MODEL_COMPLETE),
};

MODEL_HARNESS(runq, tests);
