// depot.c: gyre_depot.h on the checker, with chunks of two handles: no handle is lost or had by two, and what was done
// with a record before it was given back is seen by whoever takes it next.

#define GYRE_CHUNK_HANDLES 2u

#include "gyre_depot.h"
#include "model.h"

#define HANDLES 6u
#define CHUNKS 8u

static gyre_depot depot;
static gyre_chunk chunks[CHUNKS];
static gyre_stash stashes[4]; // the last one is for setup and check
static uint64_t records[HANDLES];
static bool seen[HANDLES];

static void begin(uint32_t handles, uint32_t spills) {
    for (uint32_t i = 0; i < 4; i++) stashes[i].count = 0;
    memset(&depot, 0xaa, sizeof depot);
    memset(chunks, 0xaa, sizeof chunks);
    MODEL_CHECK(gyre_depot_chunks_needed(handles, 3) <= CHUNKS);
    gyre_depot_init(&depot, chunks, gyre_depot_chunks_needed(handles, 3), handles);
    for (uint32_t i = 0; i < spills; i++) { // so that full chunks lie there, one on the other
        gyre_stash *stash = &stashes[3];
        while (stash->count < 2) {
            uint32_t handle = gyre_depot_take(&depot, stash);
            MODEL_CHECK(gyre_depot_give(&depot, stash, handle) == false);
        }
        gyre_depot_spill(&depot, stash);
    }
}

static void setup_fresh(void) { begin(4, 0); }
static void setup_two_chunks(void) { begin(4, 2); }
static void setup_three_chunks(void) { begin(6, 3); }

static uint32_t take(gyre_stash *stash) {
    uint32_t handle = gyre_depot_take(&depot, stash);
    if (handle != GYRE_HANDLE_NONE) gyre_plain_write(records[handle], 1);
    return handle;
}

static void give(gyre_stash *stash, uint32_t handle) {
    gyre_plain_write(records[handle], 2);
    (void)gyre_depot_give(&depot, stash, handle);
}

static void see(uint32_t handle) {
    MODEL_CHECK(handle < depot.handle_count);
    MODEL_CHECK(!seen[handle]);
    seen[handle] = true;
}

/// Every handle is in one place: a stash, a full chunk, or never taken. Every chunk is on one of the stacks.
static void check(void) {
    for (uint32_t i = 0; i < HANDLES; i++) seen[i] = false;
    uint32_t chunk_count = 0;
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t j = 0; j < stashes[i].count; j++) see(stashes[i].handle[j]);
    }
    uint32_t id;
    while ((id = gyre_depot_pop(&depot, &depot.full)) != GYRE_HANDLE_NONE) {
        for (uint32_t i = 0; i < GYRE_CHUNK_HANDLES; i++) see(gyre_plain_read(chunks[id].handle[i]));
        chunk_count += 1;
    }
    MODEL_CHECK(gyre_load_relaxed(&depot.full_count) == chunk_count); // exact at rest
    while (gyre_depot_pop(&depot, &depot.empty) != GYRE_HANDLE_NONE) chunk_count += 1;
    MODEL_CHECK(chunk_count == depot.chunk_count);
    for (uint32_t i = gyre_load_relaxed(&depot.carved); i < depot.handle_count; i++) see(i);
    for (uint32_t i = 0; i < depot.handle_count; i++) MODEL_CHECK(seen[i]);
}

/// Each takes a chunk, gives it to the depot, and takes again: a chunk goes round, which a stack without tags mistakes.
static void go_round(uint32_t i) {
    gyre_stash *stash = &stashes[i];
    uint32_t first = take(stash);
    if (first == GYRE_HANDLE_NONE) return;
    give(stash, first);
    gyre_depot_spill(&depot, stash);
    uint32_t second = take(stash);
    if (second != GYRE_HANDLE_NONE) give(stash, second);
}

/// One takes and keeps two chunks while the other gives one back.
static void take_and_give(uint32_t i) {
    gyre_stash *stash = &stashes[i];
    uint32_t handle = take(stash);
    if (handle == GYRE_HANDLE_NONE) return;
    if (i == 0) {
        uint32_t other = take(stash);
        uint32_t third = take(stash);
        if (third != GYRE_HANDLE_NONE) give(stash, third);
        if (other != GYRE_HANDLE_NONE) give(stash, other);
        give(stash, handle);
    } else {
        give(stash, handle);
        gyre_depot_spill(&depot, stash);
        uint32_t again = take(stash);
        if (again != GYRE_HANDLE_NONE) give(stash, again);
    }
}

/// One has more than a chunk's worth and spills its oldest; the other takes what comes.
static void keep_youngest(uint32_t i) {
    gyre_stash *stash = &stashes[i];
    if (i == 1) return go_round(1);
    uint32_t handles[3];
    for (uint32_t j = 0; j < 3; j++) {
        handles[j] = take(stash);
        if (handles[j] == GYRE_HANDLE_NONE) return;
    }
    for (uint32_t j = 0; j < 3; j++) give(stash, handles[j]);
    gyre_depot_spill(&depot, stash);
    MODEL_CHECK(stash->handle[stash->count - 1] == handles[2]);
}

/// Fresh handles are carved by exchange: each goes to one thread.
static void carve(uint32_t i) {
    gyre_stash *stash = &stashes[i];
    uint32_t first = take(stash);
    uint32_t second = take(stash);
    if (first != GYRE_HANDLE_NONE) give(stash, first);
    if (second != GYRE_HANDLE_NONE) give(stash, second);
}

/// A chunk is moved under its id by another way than the stacks, as full own queues are moved through `work`.
static gyre_atomic_u32 handed;
static void setup_handed(void) {
    begin(4, 1);
    gyre_store_relaxed(&handed, 0);
}
static void hand_over(uint32_t i) {
    if (i == 0) {
        uint32_t id = gyre_depot_take_chunk(&depot);
        for (uint32_t j = 0; j < GYRE_CHUNK_HANDLES; j++) gyre_plain_write(chunks[id].handle[j], 7);
        gyre_store_release(&handed, id + 1);
    } else if (i == 1) {
        uint32_t id = gyre_load_acquire(&handed);
        if (id == 0) return;
        for (uint32_t j = 0; j < GYRE_CHUNK_HANDLES; j++) MODEL_CHECK(gyre_plain_read(chunks[id - 1].handle[j]) == 7);
        gyre_depot_push(&depot, &depot.empty, id - 1);
        gyre_store_release(&handed, 0);
    } else { // fills whatever chunk is on top, perhaps the one that was just read
        uint32_t handle = take(&stashes[2]);
        if (handle == GYRE_HANDLE_NONE) return;
        give(&stashes[2], handle);
        gyre_depot_spill(&depot, &stashes[2]);
    }
}

static void check_handed(void) {
    uint32_t id = gyre_load_relaxed(&handed);
    if (id != 0) gyre_depot_push(&depot, &depot.empty, id - 1);
    check();
}

#define DEPOT(title, count, start, body, last, preemptions, by_chance)                                            \
    {.name = "depot/" title, .threads = count, .setup = start, .thread = body, .check = last, .bound = preemptions, \
     .chance = by_chance, .stale = 1}

static const model_test tests[] = {
    DEPOT("chunks go round, 2 threads", 2, setup_two_chunks, go_round, check, MODEL_COMPLETE, 20000),
    DEPOT("chunks go round, 3 threads", 3, setup_three_chunks, go_round, check, 1, 100000),
    DEPOT("one keeps what another gives", 2, setup_two_chunks, take_and_give, check, MODEL_COMPLETE, 20000),
    DEPOT("a full stash keeps its youngest", 2, setup_three_chunks, keep_youngest, check, MODEL_COMPLETE, 20000),
    DEPOT("fresh handles are carved once", 3, setup_fresh, carve, check, MODEL_COMPLETE, 20000),
    DEPOT("a chunk moves outside the stacks", 3, setup_handed, hand_over, check_handed, MODEL_COMPLETE, 40000),
};

MODEL_HARNESS(depot, tests);
