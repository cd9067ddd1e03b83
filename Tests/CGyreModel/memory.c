// memory.c: what a load may return, and what happens before what.
//
// The model is the one of C11 in the form of views (as in "A promising semantics", POPL 2017, without promises; release
// sequences as in C++20). Every store leaves a message in the history of its location. A thread may read any message
// that is not older, in the modification order of the location, than what its view demands. Views travel:
//
//      release store   leaves the thread's view in the message      acquire load   takes the message's view over
//      relaxed store   leaves that of the last release fence        relaxed load   keeps it for an acquire fence
//      exchange        passes on what the message before it left    seq_cst fence  joins with all earlier such fences
//
// A seq_cst access reads no less than the last seq_cst store or fence has published for its location.
// Left out: load buffering, that is a load that returns what is stored later by an effect of itself.
//
// The modification order is the order of execution, unless the test says `reorders`: then a store may also land before
// messages that the thread has not seen.

#include "model.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 16384u
#define HISTORY_MAX 512u
#define CANDIDATES_MAX 16u
#define PLACE_FIRST (1u << 16)
#define PLACE_STEP (1u << 10) // room for stores that land between two others

typedef struct message {
    uint64_t value;
    uint32_t place; // in the modification order
    uint32_t born;  // in the order of execution, from 1
    bool exchanged; // by an exchange, which nothing may come before
    model_clock clock;
    uint32_t *view; // NULL for what was there before all: it says nothing of other locations
} message;

typedef struct location {
    _Alignas(64) const void *address; // with the first of its history in one line: most locations have few
    uint64_t execution;               // the last one that used it
    unsigned bytes;
    uint32_t count;
    uint32_t history[HISTORY_MAX]; // messages, by place
} location;

static message messages[MESSAGES_MAX];
static uint32_t *message_views;
static location locations[MODEL_LOCATIONS_MAX];
static model_entry location_table[MODEL_TABLE_SIZE];
static uint32_t width; // words that a view has room for; beyond the known locations all of them are 0
static uint32_t *sequential; // the view of all seq_cst fences and stores so far

// ---------------------------------------------------------------------------------------------------------
// Views and clocks.

static void view_join(uint32_t *restrict into, const uint32_t *restrict from) {
    if (from == NULL) return;
    for (uint32_t i = 0; i < model.locations; i++) into[i] = into[i] > from[i] ? into[i] : from[i];
}

static void view_copy(uint32_t *restrict into, const uint32_t *restrict from) {
    memcpy(into, from, model.locations * 4);
}

static void clock_join(model_clock *into, const model_clock *from) {
    for (uint32_t i = 0; i < MODEL_THREADS; i++) into->at[i] = into->at[i] > from->at[i] ? into->at[i] : from->at[i];
}

static model_thread *self(void) { return &model.threads[model.current]; }
static bool acquires(int order) { return order == GYRE_ACQUIRE || order == GYRE_ACQ_REL || order == GYRE_SEQ_CST; }
static bool releases(int order) { return order == GYRE_RELEASE || order == GYRE_ACQ_REL || order == GYRE_SEQ_CST; }

// ---------------------------------------------------------------------------------------------------------
// Locations.

static message *message_add(uint64_t value, uint32_t place) {
    if (model.messages + 1 >= MESSAGES_MAX) {
        gyre_model_fail("more stores than an execution may have", __FILE__, __LINE__);
    }
    message *added = &messages[model.messages++];
    added->value = value;
    added->place = place;
    added->born = model.messages;
    added->exchanged = false;
    added->view = message_views + (size_t)(added->born - 1) * width;
    return added;
}

/// A location that this execution has not touched holds what its memory holds, known to everybody.
static void location_begin(location *at) {
    at->execution = model.execution;
    uint64_t value = 0;
    memcpy(&value, at->address, at->bytes); // little-endian, as both targets are
    message *first = message_add(value, PLACE_FIRST);
    memset(&first->clock, 0, sizeof first->clock);
    first->view = NULL;
    at->history[0] = first->born - 1;
    at->count = 1;
}

static uint32_t location_of(const void *address, unsigned bytes) {
    model_entry *known = model_find(location_table, address);
    if (known->address == NULL) {
        if (model.locations == width) {
            fprintf(stderr, "model: %s uses more than %u locations; say so in its table\n", model.test->name, width);
            abort();
        }
        known->address = address;
        known->index = model.locations++;
        locations[known->index].address = address;
        locations[known->index].bytes = bytes;
        locations[known->index].execution = 0;
    }
    location *at = &locations[known->index];
    if (at->bytes != bytes) gyre_model_fail("a location of another width", __FILE__, __LINE__);
    if (at->execution != model.execution) location_begin(at);
    return known->index;
}

static message *history_at(location *at, uint32_t index) { return &messages[at->history[index]]; }

uint32_t model_memory_number(const void *address, unsigned bytes) { return location_of(address, bytes); }

uint32_t model_memory_kernel_load(const void *address, unsigned bytes, uint64_t *value, const char *file, int line) {
    uint32_t number = location_of(address, bytes);
    model_yield(MODEL_WAIT, number, GYRE_RELAXED, file, line);
    location *at = &locations[number];
    message *newest = history_at(at, at->count - 1); // it compares under its lock, after all that was stored
    model.threads[model.current].view[number] = newest->place;
    *value = newest->value;
    return number;
}

// ---------------------------------------------------------------------------------------------------------
// Reading and writing.

/// What a choice is made among: indices into a history, newest first.
typedef struct candidates {
    uint32_t count;
    uint32_t index[CANDIDATES_MAX];
} candidates;

/// Room for a store right behind message `index`.
static bool has_room(location *at, uint32_t index) {
    if (index == at->count - 1) return true;
    message *after = history_at(at, index + 1);
    return !after->exchanged && after->place - history_at(at, index)->place >= 2;
}

static uint32_t floor_of(uint32_t number, int order) {
    uint32_t floor = self()->view[number];
    if (order == GYRE_SEQ_CST && sequential[number] > floor) floor = sequential[number];
    return floor;
}

/// The messages that the step may read (or, for a store, land behind). `expected` is that of a compare-and-swap.
static candidates candidates_of(uint32_t number, model_kind kind, int order, const uint64_t *expected) {
    location *at = &locations[number];
    model_thread *thread = self();
    uint32_t floor = floor_of(number, order);
    uint32_t budget = model.test->stale == 0 ? 2 : model.test->stale;
    bool may_be_old = model.current != 0 && thread->stale[number] < budget;
    candidates found = {0, {0}};
    for (uint32_t back = 0; back < at->count && found.count < CANDIDATES_MAX; back++) {
        uint32_t index = at->count - 1 - back;
        message *seen = history_at(at, index);
        if (back > 0 && seen->place < floor) break;
        bool writes = kind == MODEL_STORE || (kind == MODEL_EXCHANGE && (expected == NULL || seen->value == *expected));
        bool allowed = back == 0;
        if (back > 0 && model.current != 0) {
            allowed = writes ? model.test->reorders && has_room(at, index) : may_be_old;
        }
        if (allowed && seen->born > thread->fresh) found.index[found.count++] = index;
        if (model.current == 0) break;
    }
    thread->fresh = 0;
    return found;
}

/// Chooses among candidates; without any the execution repeats others.
static uint32_t choose(const candidates *found) {
    if (found->count == 0) model_discard();
    return found->index[found->count == 1 ? 0 : model_choose(found->count)];
}

static void take_over(uint32_t number, const message *seen, int order) {
    model_thread *thread = self();
    if (seen->place > thread->view[number]) thread->view[number] = seen->place;
    if (acquires(order)) {
        clock_join(&thread->clock, &seen->clock);
        view_join(thread->view, seen->view);
    } else {
        clock_join(&thread->unacquired, &seen->clock);
        view_join(thread->unacquired_view, seen->view);
    }
}

static void count_stale(uint32_t number, bool is_newest) {
    uint8_t *stale = &self()->stale[number];
    if (!is_newest) self()->read_old = true;
    if (is_newest) *stale = 0;
    else if (*stale < UINT8_MAX) *stale += 1;
}

/// Puts a message behind that at `index`. `before` is what an exchange has read, else NULL.
static void leave(uint32_t number, uint32_t index, uint64_t value, int order, const message *before) {
    location *at = &locations[number];
    model_thread *thread = self();
    if (model.current == 0 && !model.checking) { // nobody else is there: the store replaces what was
        history_at(at, 0)->value = value;
        return;
    }
    if (at->count == HISTORY_MAX) gyre_model_fail("more stores than a location may have", __FILE__, __LINE__);
    uint32_t place = history_at(at, index)->place;
    place = index == at->count - 1 ? place + PLACE_STEP : place + (history_at(at, index + 1)->place - place) / 2;
    message *left = message_add(value, place);
    left->exchanged = before != NULL;
    thread->view[number] = place;
    left->clock = releases(order) ? thread->clock : thread->released;
    view_copy(left->view, releases(order) ? thread->view : thread->released_view);
    left->view[number] = place;
    if (before != NULL) { // continues the release sequence
        clock_join(&left->clock, &before->clock);
        view_join(left->view, before->view);
    }
    if (order == GYRE_SEQ_CST && place > sequential[number]) sequential[number] = place;
    memmove(&at->history[index + 2], &at->history[index + 1], (at->count - index - 1) * sizeof at->history[0]);
    at->history[index + 1] = left->born - 1;
    at->count += 1;
    thread->clock.at[model.current] += 1; // what follows is not published by this
}

static uint64_t masked(uint64_t value, unsigned bytes) {
    return bytes == 8 ? value : value & ((1ull << bytes * 8) - 1);
}

uint64_t gyre_model_load(const void *address, unsigned bytes, int order, const char *file, int line) {
    uint32_t number = location_of(address, bytes);
    model_yield(MODEL_LOAD, number, order, file, line);
    candidates found = candidates_of(number, MODEL_LOAD, order, NULL);
    uint32_t index = choose(&found);
    message *seen = history_at(&locations[number], index);
    bool is_newest = index == locations[number].count - 1;
    take_over(number, seen, order);
    count_stale(number, is_newest);
    if (model.trace) model_trace("load", order, number, seen->value, seen->value, is_newest ? "" : "old", file, line);
    return seen->value;
}

void gyre_model_store(void *address, unsigned bytes, uint64_t value, int order, const char *file, int line) {
    uint32_t number = location_of(address, bytes);
    model_yield(MODEL_STORE, number, order, file, line);
    candidates found = candidates_of(number, MODEL_STORE, order, NULL);
    uint32_t index = choose(&found);
    bool is_last = index == locations[number].count - 1;
    uint64_t before = history_at(&locations[number], index)->value;
    leave(number, index, masked(value, bytes), order, NULL);
    if (model.trace) {
        model_trace("store", order, number, before, masked(value, bytes), is_last ? "" : "lands earlier", file, line);
    }
}

static uint64_t result_of(int operation, uint64_t value, uint64_t operand) {
    switch (operation) {
    case GYRE_RMW_EXCHANGE: return operand;
    case GYRE_RMW_ADD: return value + operand;
    case GYRE_RMW_SUB: return value - operand;
    case GYRE_RMW_AND: return value & operand;
    default: return value | operand;
    }
}

uint64_t gyre_model_rmw(void *address, unsigned bytes, int operation, uint64_t operand, int order, const char *file,
                        int line) {
    static const char *const names[] = {"exchange", "add", "sub", "and", "or"};
    uint32_t number = location_of(address, bytes);
    model_yield(MODEL_EXCHANGE, number, order, file, line);
    candidates found = candidates_of(number, MODEL_EXCHANGE, order, NULL);
    uint32_t index = choose(&found);
    message *before = history_at(&locations[number], index);
    uint64_t seen = before->value;
    uint64_t after = masked(result_of(operation, seen, operand), bytes);
    take_over(number, before, order);
    count_stale(number, true);
    leave(number, index, after, order, before);
    if (model.trace) model_trace(names[operation], order, number, seen, after, "", file, line);
    return seen;
}

bool gyre_model_cas(void *address, unsigned bytes, void *expected, uint64_t desired, int success, int failure,
                    const char *file, int line) {
    uint32_t number = location_of(address, bytes);
    uint64_t wanted = 0;
    memcpy(&wanted, expected, bytes);
    model_yield(MODEL_EXCHANGE, number, success, file, line);
    candidates found = candidates_of(number, MODEL_EXCHANGE, success, &wanted);
    uint32_t index = choose(&found);
    message *before = history_at(&locations[number], index);
    bool is_newest = index == locations[number].count - 1;
    uint64_t seen = before->value;
    bool exchanged = seen == wanted;
    take_over(number, before, exchanged ? success : failure);
    count_stale(number, is_newest || exchanged);
    if (exchanged) {
        leave(number, index, masked(desired, bytes), success, before);
        if (model.trace) model_trace("cas", success, number, seen, masked(desired, bytes), "", file, line);
    } else {
        memcpy(expected, &seen, bytes);
        const char *note = is_newest ? "fails" : "fails, old";
        if (model.trace) model_trace("cas", failure, number, seen, seen, note, file, line);
    }
    return exchanged;
}

void gyre_model_fence(int order, const char *file, int line) {
    model_yield(MODEL_FENCE, 0, order, file, line);
    model_thread *thread = self();
    if (acquires(order)) {
        clock_join(&thread->clock, &thread->unacquired);
        view_join(thread->view, thread->unacquired_view);
    }
    if (order == GYRE_SEQ_CST) {
        view_join(thread->view, sequential);
        view_copy(sequential, thread->view);
    }
    if (releases(order)) {
        thread->released = thread->clock;
        view_copy(thread->released_view, thread->view);
        thread->clock.at[model.current] += 1;
    }
    if (model.trace) model_trace("fence", order, UINT32_MAX, 0, 0, "", file, line);
}

// ---------------------------------------------------------------------------------------------------------
// The beginning and the end of an execution.

static void *zeroed(void *old, size_t bytes) {
    free(old); // large memory that is new costs nothing until it is used
    void *room = calloc(1, bytes);
    if (room == NULL) abort();
    return room;
}

void model_memory_forget(void) {
    memset(location_table, 0, sizeof location_table);
    model.locations = 0;
    model_races_forget();
    width = model.test->locations == 0 ? 64 : model.test->locations;
    GYRE_ASSERT(width <= MODEL_LOCATIONS_MAX);
    message_views = zeroed(message_views, (size_t)MESSAGES_MAX * width * 4);
    sequential = zeroed(sequential, width * 4);
    for (uint32_t i = 0; i < MODEL_THREADS; i++) {
        model_thread *thread = &model.threads[i];
        thread->view = zeroed(thread->view, width * 4);
        thread->unacquired_view = zeroed(thread->unacquired_view, width * 4);
        thread->released_view = zeroed(thread->released_view, width * 4);
        thread->stale = zeroed(thread->stale, width);
    }
}

static void thread_begin(uint32_t number, const model_clock *clock, const uint32_t *view) {
    model_thread *thread = &model.threads[number];
    thread->clock = *clock;
    memset(&thread->unacquired, 0, sizeof thread->unacquired);
    thread->released = *clock;
    thread->released.at[number] = 0; // nothing of its own
    if (view == NULL) memset(thread->view, 0, model.locations * 4);
    else view_copy(thread->view, view);
    memset(thread->unacquired_view, 0, model.locations * 4);
    view_copy(thread->released_view, thread->view);
    memset(thread->stale, 0, model.locations);
    thread->fresh = 0;
    thread->read_old = false;
}

void model_memory_begin(void) {
    model.execution += 1;
    model.messages = 0;
    memset(sequential, 0, model.locations * 4);
    model_clock clock = {{1}};
    thread_begin(0, &clock, NULL);
}

void model_memory_threads_begin(void) {
    model_thread *first = &model.threads[0];
    for (uint32_t i = 1; i <= model.test->threads; i++) {
        model_clock clock = first->clock;
        clock.at[i] = 1;
        thread_begin(i, &clock, first->view);
    }
    first->clock.at[0] += 1;
}

void model_memory_threads_end(void) {
    for (uint32_t i = 1; i <= model.test->threads; i++) {
        clock_join(&model.threads[0].clock, &model.threads[i].clock);
        view_join(model.threads[0].view, model.threads[i].view);
    }
}
