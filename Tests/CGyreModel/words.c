// words.c: the pieces that are a word or two: count-down, task state, record, flag, shared word,
// counters, histogram.

#include "gyre_countdown.h"
#include "gyre_counter.h"
#include "gyre_flag.h"
#include "gyre_histogram.h"
#include "gyre_record.h"
#include "gyre_state.h"
#include "gyre_word.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>

static uint64_t data[4]; // plain, one for each thread
static uint32_t results[4];
static gyre_atomic_u32 flag;

static void begin(void) {
    memset(results, 0, sizeof results);
    gyre_flag_lower(&flag);
}

static void no_check(void) {}

// ---------------------------------------------------------------------------------------------------------
// Count-down: the last of all parents sees what every parent did.

static gyre_countdown countdown;

static void setup_countdown(void) {
    begin();
    memset(&countdown, 0xaa, sizeof countdown);
    gyre_countdown_open(&countdown, 3);
}

static void arrive(uint32_t i) {
    gyre_plain_write(data[i], 1);
    if (!gyre_countdown_arrive(&countdown)) return;
    results[i] = 1;
    for (uint32_t parent = 0; parent < 3; parent++) (void)gyre_plain_read(data[parent]);
}

/// A parent adds another before it arrives; the count cannot end in between.
static void setup_countdown_add(void) {
    begin();
    gyre_countdown_open(&countdown, 2);
}

static void arrive_and_add(uint32_t i) {
    gyre_plain_write(data[i], 1);
    if (i == 0) {
        gyre_countdown_add(&countdown, 1);
        MODEL_CHECK(gyre_countdown_pending(&countdown) >= 1);
        if (gyre_countdown_arrive(&countdown)) results[3] += 1;
    }
    if (!gyre_countdown_arrive(&countdown)) return;
    results[i] = 1;
    for (uint32_t parent = 0; parent < 2; parent++) (void)gyre_plain_read(data[parent]);
}

static void check_one_last(void) {
    MODEL_CHECK(results[0] + results[1] + results[2] + results[3] == 1);
    MODEL_CHECK(gyre_countdown_pending(&countdown) == 0);
}

// ---------------------------------------------------------------------------------------------------------
// State: one settler, and who sees the end sees the outcome.

static gyre_state state;
static uint64_t outcome;

static void setup_running(void) {
    begin();
    gyre_state_open(&state, 7, GYRE_STATE_READY);
    MODEL_CHECK(gyre_state_move(&state, 7, GYRE_STATE_READY, GYRE_STATE_RUNNING) == GYRE_MOVE_DONE);
}

static void settle(uint32_t i) {
    if (i == 2) {
        if (!gyre_state_is_terminal(gyre_state_name_of(gyre_state_load(&state)))) return;
        (void)gyre_plain_read(outcome);
        return;
    }
    uint32_t name = i == 0 ? GYRE_STATE_SUCCEEDED : GYRE_STATE_TIMED_OUT;
    if (gyre_state_claim(&state, 7) != GYRE_MOVE_DONE) return;
    results[i] = 1;
    gyre_plain_write(outcome, i);
    MODEL_CHECK(gyre_state_publish(&state, 7, name) == GYRE_MOVE_DONE);
}

static void check_settled_once(void) {
    MODEL_CHECK(results[0] + results[1] == 1);
    MODEL_CHECK(gyre_state_is_terminal(gyre_state_name_of(gyre_state_load(&state))));
}

/// The runner settles in one step; its outcome was written before. Another only tries.
static void settle_in_one(uint32_t i) {
    if (i == 0) {
        gyre_plain_write(outcome, 1);
        if (gyre_state_settle(&state, 7, GYRE_STATE_SUCCEEDED) == GYRE_MOVE_DONE) results[0] = 1;
    } else if (i == 1) {
        if (gyre_state_settle(&state, 7, GYRE_STATE_FAILED) == GYRE_MOVE_DONE) results[1] = 1;
    } else if (gyre_state_name_of(gyre_state_load(&state)) == GYRE_STATE_SUCCEEDED) {
        (void)gyre_plain_read(outcome);
    }
}

/// Movers hand a task on: each sees what the ones before it did.
static void setup_moves(void) {
    begin();
    gyre_state_open(&state, 7, GYRE_STATE_CREATED);
}

static void move_on(uint32_t i) {
    static const uint32_t from[] = {GYRE_STATE_CREATED, GYRE_STATE_ADMITTED, GYRE_STATE_READY};
    gyre_plain_write(data[i], 1);
    if (gyre_state_move(&state, 7, from[i], from[i] + 1) != GYRE_MOVE_DONE) return;
    for (uint32_t earlier = 0; earlier < i; earlier++) (void)gyre_plain_read(data[earlier]);
    if (i == 2) MODEL_CHECK(gyre_state_retry(&state, 7, true) == GYRE_MOVE_DONE);
}

/// Retry releases the attempt's data to the next runner; a cancel may come between.
static void retry(uint32_t i) {
    if (i == 0) {
        gyre_plain_write(data[0], 1);
        results[0] = gyre_state_retry(&state, 7, true) == GYRE_MOVE_DONE;
    } else if (i == 1) {
        if (gyre_state_move(&state, 7, GYRE_STATE_WAITING_RETRY, GYRE_STATE_READY) != GYRE_MOVE_DONE) return;
        (void)gyre_plain_read(data[0]);
    } else {
        gyre_plain_write(data[2], 1); // why it was cancelled
        gyre_cancel_result result = gyre_state_cancel(&state, 7);
        if (result == GYRE_CANCEL_CLAIMED) (void)gyre_plain_read(data[0]); // it was not running any more
    }
}

/// The runner that finds itself asked to stop reads why.
static void cancel_running(uint32_t i) {
    if (i == 0) {
        gyre_move_result settled = gyre_state_claim(&state, 7);
        MODEL_CHECK(settled == GYRE_MOVE_DONE);
        if (results[0] == 0 && gyre_state_publish(&state, 7, GYRE_STATE_CANCELLED) == GYRE_MOVE_DONE) results[0] = 1;
    } else {
        gyre_plain_write(data[1], 1);
        results[1] = gyre_state_cancel(&state, 7) == GYRE_CANCEL_REQUESTED;
    }
}

static void cancel_told(uint32_t i) {
    if (i == 1) return cancel_running(1);
    if (gyre_state_name_of(gyre_load_relaxed(&state.word)) != GYRE_STATE_CANCELLING) return;
    if (gyre_state_claim(&state, 7) != GYRE_MOVE_DONE) return;
    (void)gyre_plain_read(data[1]); // the claim acquired the cancel
}

/// One claims while another settles in one step.
static void claim_or_settle(uint32_t i) {
    if (i == 0) return settle(0);
    gyre_plain_write(data[1], 1);
    results[1] = gyre_state_settle(&state, 7, GYRE_STATE_FAILED) == GYRE_MOVE_DONE;
}

/// A generation ends and the next begins, while others still name the old one: whatever they try, it is not the new
/// one that they move.
static void reopen(void) {
    MODEL_CHECK(gyre_state_settle(&state, 7, GYRE_STATE_CANCELLED) == GYRE_MOVE_DONE);
    MODEL_CHECK(gyre_state_reopen(&state, GYRE_STATE_READY) == 8);
}

static void reopen_and_claim(uint32_t i) {
    if (i == 0) return reopen();
    if (gyre_state_name_of(gyre_state_load(&state)) != GYRE_STATE_READY) return;
    if (gyre_state_generation_of(gyre_state_load(&state)) != 8) return;
    MODEL_CHECK(gyre_state_settle(&state, 7, GYRE_STATE_CANCELLED) == GYRE_MOVE_STALE);
    MODEL_CHECK(gyre_state_cancel(&state, 7) == GYRE_CANCEL_STALE);
    MODEL_CHECK(gyre_state_claim(&state, 7) == GYRE_MOVE_STALE);
    MODEL_CHECK(gyre_state_retry(&state, 7, true) == GYRE_MOVE_STALE);
    MODEL_CHECK(gyre_state_publish(&state, 7, GYRE_STATE_FAILED) == GYRE_MOVE_STALE);
    MODEL_CHECK(gyre_state_move(&state, 7, GYRE_STATE_READY, GYRE_STATE_RUNNING) == GYRE_MOVE_STALE);
}

static void check_reopened(void) {
    uint64_t word = gyre_state_load(&state);
    MODEL_CHECK(gyre_state_generation_of(word) == 8);
    MODEL_CHECK(gyre_state_name_of(word) == GYRE_STATE_READY);
    MODEL_CHECK(gyre_state_attempt_of(word) == 0);
}

/// A settle that follows a cancel has acquired it; one that follows a retry too.
static void settle_told(uint32_t i) {
    if (i == 1) return cancel_running(1);
    if (gyre_state_name_of(gyre_load_relaxed(&state.word)) != GYRE_STATE_CANCELLING) return;
    if (gyre_state_settle(&state, 7, GYRE_STATE_CANCELLED) == GYRE_MOVE_DONE) (void)gyre_plain_read(data[1]);
}

/// A retry after a move by another: it acquires what that one did.
static void setup_ready(void) {
    begin();
    gyre_state_open(&state, 7, GYRE_STATE_READY);
}

static void retry_told(uint32_t i) {
    if (i == 0) {
        gyre_plain_write(data[0], 1);
        (void)gyre_state_move(&state, 7, GYRE_STATE_READY, GYRE_STATE_RUNNING);
    } else if (gyre_state_retry(&state, 7, false) == GYRE_MOVE_DONE) {
        (void)gyre_plain_read(data[0]);
    }
}

static void cancel_after_move(uint32_t i) {
    if (i == 0) {
        gyre_plain_write(data[0], 1);
        (void)gyre_state_move(&state, 7, GYRE_STATE_READY, GYRE_STATE_RUNNING);
    } else if (gyre_state_cancel(&state, 7) == GYRE_CANCEL_REQUESTED) {
        (void)gyre_plain_read(data[0]);
    }
}

// ---------------------------------------------------------------------------------------------------------
// Record: a start or a cancel, never both; a stale token meets the next generation.

static gyre_record record;

static void setup_record(void) {
    begin();
    gyre_store_relaxed(&record.state, 3 << 8);
    MODEL_CHECK(gyre_record_begin(&record, true) == 3);
}

static void start_or_cancel(uint32_t i) {
    if (i == 0) {
        results[0] = gyre_record_start(&record);
        gyre_record_end(&record);
        MODEL_CHECK(gyre_record_begin(&record, true) == 4);
    } else {
        results[i] = gyre_record_cancel(&record, 3);
        MODEL_CHECK(!gyre_record_cancel(&record, 3));
        if (!gyre_record_is_current(&record, 3)) MODEL_CHECK(!gyre_record_cancel(&record, 3));
    }
}

static void check_record(void) {
    MODEL_CHECK(results[0] + results[1] + results[2] == 1);
    MODEL_CHECK(gyre_record_is_current(&record, 4));
    MODEL_CHECK(gyre_record_start(&record));
}

// ---------------------------------------------------------------------------------------------------------
// Flag: the first reason stays.

static void raise_once(uint32_t i) {
    gyre_flag_raise(&flag, i + 1);
    results[i] = gyre_flag_read(&flag);
    MODEL_CHECK(results[i] != 0);
}

static void check_flag(void) { MODEL_CHECK(results[0] == results[1]); }

// ---------------------------------------------------------------------------------------------------------
// Shared word: one permit, taken and given back. Who has it sees what the one before did with it.

static gyre_atomic_u64 permits;
static uint64_t guarded;

static void setup_permit(void) {
    begin();
    gyre_plain_write(guarded, 0);
    gyre_word_init(&permits, 1);
}

static void take_permit(uint32_t i) {
    uint64_t found = gyre_word_read(&permits);
    do {
        if (found == 0) return;
    } while (!gyre_word_move(&permits, &found, found - 1));
    results[i] = 1;
    gyre_plain_write(guarded, gyre_plain_read(guarded) + 1);
    found = gyre_word_read(&permits);
    while (!gyre_word_move(&permits, &found, found + 1)) {}
}

static void check_permit(void) {
    MODEL_CHECK(gyre_word_read(&permits) == 1);
    MODEL_CHECK(guarded == results[0] + results[1] + results[2]);
}

/// A move that fails says what it found.
static void move_on_by_one(uint32_t i) {
    uint64_t found = gyre_word_read(&permits);
    while (!gyre_word_move(&permits, &found, found + 1)) MODEL_CHECK(found > 1);
    results[i] = (uint32_t)found;
}

static void check_moves(void) {
    MODEL_CHECK(gyre_word_read(&permits) == 4);
    MODEL_CHECK(results[0] + results[1] + results[2] == 1 + 2 + 3); // I1
}

// ---------------------------------------------------------------------------------------------------------
// Counters: sums hold what came before, never go back, and are exact at the end.

static union {
    gyre_counter_line lines[2];
    char bytes[(1 + 2) * GYRE_CACHE_LINE_BYTES];
} counter_memory[2];
static uint32_t counters_made;

static void *counter_memory_take(size_t bytes) {
    MODEL_CHECK(counters_made < 2);
    MODEL_CHECK(bytes <= sizeof counter_memory[0]);
    return memset(&counter_memory[counters_made++], 0xaa, bytes);
}

#define aligned_alloc(alignment, bytes) ((void)(alignment), counter_memory_take(bytes))
#include "gyre_counter.c"
#undef aligned_alloc

static gyre_counter_line *lines;
static gyre_striped *striped;

static void setup_counters(void) {
    begin();
    counters_made = 0;
    lines = gyre_counter_lines_create(2);
    striped = gyre_striped_create(2);
}

static void count(uint32_t i) {
    if (i < 2) {
        gyre_counter_add(gyre_counter_word(lines, i, 3), 1);
        gyre_striped_add_at(striped, 0, 1); // both on one stripe
        gyre_striped_add_at(striped, i, 1);
        if (i == 0) gyre_store_release(&flag, 1);
        return;
    }
    uint32_t came_after = gyre_load_acquire(&flag);
    uint64_t first = gyre_counter_sum(lines, 2, 3);
    uint64_t second = gyre_counter_sum(lines, 2, 3);
    MODEL_CHECK(second >= first);
    MODEL_CHECK(second <= 2);
    if (came_after) {
        MODEL_CHECK(first >= 1);
        MODEL_CHECK(gyre_striped_read(striped) >= 2);
    }
}

static void check_counters(void) {
    MODEL_CHECK(gyre_counter_sum(lines, 2, 3) == 2);
    MODEL_CHECK(gyre_striped_read(striped) == 4);
}

// ---------------------------------------------------------------------------------------------------------
// Histogram: who sees a value counted sees sum and extremes that include it. The reader looks at the two buckets that
// are used: gyre_histogram.c is compiled with the number of buckets that it looks at lowered to six.

#undef GYRE_HISTOGRAM_BUCKETS
#define GYRE_HISTOGRAM_BUCKETS 6u
#include "gyre_histogram.c"

static gyre_histogram histogram;
static uint64_t buckets[GYRE_HISTOGRAM_BUCKETS];

static void setup_histogram(void) {
    begin();
    memset(&histogram, 0xaa, sizeof histogram);
    gyre_histogram_init(&histogram);
}

static void read_histogram(void) {
    memset(buckets, 0, sizeof buckets);
    gyre_histogram_totals totals = gyre_histogram_totals_empty();
    gyre_histogram_read_into(&histogram, buckets, &totals);
    MODEL_CHECK(totals.count == buckets[3] + buckets[5]);
    if (totals.count == 0) return;
    MODEL_CHECK(totals.sum >= 3 * buckets[3] + 5 * buckets[5]);
    if (buckets[3] > 0) MODEL_CHECK(totals.minimum <= 3);
    if (buckets[5] > 0) MODEL_CHECK(totals.maximum >= 5);
    if (buckets[3] > 0) MODEL_CHECK(totals.maximum >= 3);
    if (buckets[5] > 0) MODEL_CHECK(totals.minimum <= 5);
}

static void record_values(uint32_t i) {
    if (i == 1) return read_histogram();
    gyre_histogram_add(&histogram, 5);
    gyre_histogram_add(&histogram, 3);
}

static void record_shared(uint32_t i) {
    if (i == 2) return read_histogram();
    gyre_histogram_add_shared(&histogram, i == 0 ? 5 : 3);
    if (i == 0) gyre_histogram_add_shared(&histogram, 3);
}

#define WORDS(title, count, start, body, last)                                                                         \
    {.name = "words/" title, .threads = count, .setup = start, .thread = body, .check = last, .bound = MODEL_COMPLETE, \
     .chance = 4000}
#define HISTOGRAM(title, count, body)                                                                             \
    {.name = "words/" title, .threads = count, .setup = setup_histogram, .thread = body, .check = no_check,       \
     .bound = MODEL_COMPLETE, .chance = 0, .stale = 1, .locations = 16}

static const model_test tests[] = {
    WORDS("count-down, three parents", 3, setup_countdown, arrive, check_one_last),
    WORDS("count-down, a parent is added", 2, setup_countdown_add, arrive_and_add, check_one_last),
    WORDS("state, two claimers and a reader", 3, setup_running, settle, check_settled_once),
    WORDS("state, settled in one step", 3, setup_running, settle_in_one, check_settled_once),
    WORDS("state, claimed or settled", 2, setup_running, claim_or_settle, check_settled_once),
    WORDS("state, the next generation", 2, setup_running, reopen_and_claim, check_reopened),
    WORDS("state, moves", 3, setup_moves, move_on, no_check),
    WORDS("state, retry and a cancel", 3, setup_running, retry, no_check),
    WORDS("state, the runner is asked to stop", 2, setup_running, cancel_running, no_check),
    WORDS("state, a claim sees the cancel", 2, setup_running, cancel_told, no_check),
    WORDS("state, a settler sees the cancel", 2, setup_running, settle_told, no_check),
    WORDS("state, a retry sees the move", 2, setup_ready, retry_told, no_check),
    WORDS("state, a cancel sees the move", 2, setup_ready, cancel_after_move, no_check),
    WORDS("record, start or cancel", 3, setup_record, start_or_cancel, check_record),
    WORDS("flag, the first reason stays", 2, begin, raise_once, check_flag),
    WORDS("word, one permit", 3, setup_permit, take_permit, check_permit),
    WORDS("word, each move from the one before", 3, setup_permit, move_on_by_one, check_moves),
    WORDS("counters", 3, setup_counters, count, check_counters),
    HISTOGRAM("histogram, one writer", 2, record_values),
    HISTOGRAM("histogram, shared", 3, record_shared),
};

MODEL_HARNESS(words, tests);
