// search.c: which choices are made. An execution is a sequence of choices: whose turn it is, what a load returns, whom
// a wake wakes. Searching depth first, the last choice that has another way takes it, and all before it stay.
//
// Sleep sets (P. Godefroid, 1996) leave out executions that differ from others only in the order of independent steps:
// once every execution that begins with a step has been run, its thread sleeps until somebody takes a step that the
// first one depends on. Here two steps more are saved, because a load may return old messages:
//
//   - When a store wakes a thread that is about to use the same location, then what was there before has been tried
//     before it slept. So it takes only what is younger (`fresh`).
//   - A load does not wake a thread that is about to store: the load that comes first returns what it would return as
//     an old message after the store. Only where a test puts no limit on old messages in a row.
//
// With a bound on preemptions sleep sets would hide executions behind ones that the bound forbids; then there are none.

#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHOICES_MAX 20000u
#define PRIORITY_CHANGES 2u

typedef struct choice {
    uint16_t count;
    uint16_t picked;
    uint8_t options[MODEL_THREADS]; // threads; of other choices only the number counts
} choice;

static choice choices[CHOICES_MAX];
static uint32_t depth;    // choices made in this execution
static uint32_t replayed; // the first choices are given
static bool is_replay;    // all are; beyond them the first way is taken
static model_plan plan;
static uint64_t random_state;
static int preemptions;
static uint32_t asleep; // threads whose next step has been run in this place already, one bit each
static uint32_t priorities[MODEL_THREADS];
static uint64_t changes[PRIORITY_CHANGES];
static uint64_t steps_longest;
static uint64_t outcomes[MODEL_OUTCOMES];

static uint64_t random_next(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state * UINT64_C(0x2545F4914F6CDD1D)) >> 11;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// ---------------------------------------------------------------------------------------------------------
// Choices.

static choice *choice_add(uint32_t count) {
    if (depth == CHOICES_MAX) gyre_model_fail("more choices than an execution may have", __FILE__, __LINE__);
    choice *at = &choices[depth++];
    if (depth > replayed) {
        at->count = (uint16_t)count;
        at->picked = 0;
    }
    return at;
}

static bool is_given(void) { return depth < replayed; }

uint32_t model_choose(uint32_t count) {
    bool given = is_given();
    choice *at = choice_add(count);
    if (!given && !is_replay && plan.mode != MODEL_DEPTH_FIRST) at->picked = (uint16_t)(random_next() % count);
    if (at->picked >= count) gyre_model_fail("these choices do not belong to this test", __FILE__, __LINE__);
    return at->picked;
}

// ---------------------------------------------------------------------------------------------------------
// Which steps depend on each other.

typedef enum effect { EFFECT_NONE, EFFECT_WAKES, EFFECT_WAKES_FRESH } effect;

static bool touches_memory(model_kind kind) {
    return kind == MODEL_LOAD || kind == MODEL_STORE || kind == MODEL_EXCHANGE || kind == MODEL_WAIT;
}

static bool writes(model_kind kind) { return kind == MODEL_STORE || kind == MODEL_EXCHANGE; }

static bool is_sequential(model_step step) {
    if (step.kind == MODEL_FENCE) return step.order == GYRE_SEQ_CST;
    return touches_memory(step.kind) && step.order == GYRE_SEQ_CST;
}

/// What a step that is taken now means for a thread that sleeps before `next`.
static effect effect_of(uint32_t number, model_step next) {
    model_step taken = model.threads[number].next;
    if (taken.kind == MODEL_PAUSE || next.kind == MODEL_PAUSE) return EFFECT_WAKES;
    if (taken.kind == MODEL_FENCE || next.kind == MODEL_FENCE) {
        return is_sequential(taken) && is_sequential(next) ? EFFECT_WAKES : EFFECT_NONE;
    }
    if (taken.kind == MODEL_NOTHING || next.kind == MODEL_NOTHING) return EFFECT_NONE;
    if (taken.location != next.location) return EFFECT_NONE;
    if (taken.kind == MODEL_WAKE || next.kind == MODEL_WAKE) {
        bool taken_is_futex = taken.kind != MODEL_LOAD && !writes(taken.kind);
        bool next_is_futex = next.kind != MODEL_LOAD && !writes(next.kind);
        return taken_is_futex && next_is_futex ? EFFECT_WAKES : EFFECT_NONE;
    }
    if (next.kind == MODEL_WAIT) return writes(taken.kind) ? EFFECT_WAKES : EFFECT_NONE;
    if (!writes(taken.kind) && !writes(next.kind)) return EFFECT_NONE;
    if (taken.order == GYRE_SEQ_CST && next.order == GYRE_SEQ_CST) return EFFECT_WAKES; // their own order counts
    // What is read now could it be read after a store that comes first? (An exchange may turn out to be a load.)
    uint32_t budget = model.test->stale == 0 ? 2 : model.test->stale;
    // Yes, if it may read old messages at all times: with a limit, every load that goes before the sleeping store would
    // count against it there, and none does here.
    bool reads_old = taken.kind != MODEL_WAIT && taken.order != GYRE_SEQ_CST && budget == MODEL_STALE_UNLIMITED;
    if (taken.kind == MODEL_STORE) return EFFECT_WAKES_FRESH;
    if (writes(next.kind) && !reads_old) return EFFECT_WAKES;
    return writes(taken.kind) ? EFFECT_WAKES_FRESH : EFFECT_NONE;
}

static void fall_asleep_and_wake(uint32_t picked, uint32_t passed_over) {
    asleep |= passed_over;
    for (uint32_t i = 1; i <= model.test->threads; i++) {
        if (i == picked) continue;
        model_thread *thread = &model.threads[i];
        bool is_asleep = (asleep >> i & 1) != 0;
        if (!is_asleep && thread->fresh == 0) continue;
        effect effect = effect_of(picked, thread->next);
        if (effect == EFFECT_NONE) continue;
        if (is_asleep) thread->fresh = effect == EFFECT_WAKES_FRESH ? model.messages : 0;
        else if (effect != EFFECT_WAKES_FRESH) thread->fresh = 0; // what it has tried before is new again
        asleep &= ~(1u << i);
    }
}

// ---------------------------------------------------------------------------------------------------------
// Threads.

/// A thread whose next step concerns nobody else, if there is one: it goes without a choice.
static uint32_t free_of_choice(const uint32_t *enabled, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (model.threads[enabled[i]].next.kind == MODEL_NOTHING) return enabled[i];
    }
    return 0;
}

static uint32_t by_priority(const uint32_t *enabled, uint32_t count) {
    for (uint32_t i = 0; i < PRIORITY_CHANGES; i++) {
        if (model.steps == changes[i] && model.last != 0) priorities[model.last] = i;
    }
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (priorities[enabled[i]] > priorities[enabled[best]]) best = i;
    }
    return best;
}

uint32_t model_choose_thread(const uint32_t *enabled, uint32_t count) {
    bool is_depth_first = plan.mode == MODEL_DEPTH_FIRST;
    bool bounded = is_depth_first && plan.bound >= 0;
    bool sleeps = is_depth_first && plan.bound < 0;
    bool last_goes_on = enabled[0] == model.last;
    if (bounded && last_goes_on && preemptions >= plan.bound) count = 1;
    if (!bounded) {
        uint32_t free = free_of_choice(enabled, count);
        if (free != 0) return free;
    }
    uint32_t options[MODEL_THREADS];
    uint32_t option_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!sleeps || !(asleep >> enabled[i] & 1)) options[option_count++] = enabled[i];
    }
    if (option_count == 0) return 0; // everything from here on has been run in another order
    uint32_t picked = 0;
    if (option_count > 1) {
        bool given = is_given();
        choice *at = choice_add(option_count);
        if (!given && !is_replay && plan.mode == MODEL_RANDOM) at->picked = (uint16_t)(random_next() % option_count);
        if (!given && !is_replay && plan.mode == MODEL_PRIORITIES) at->picked = (uint16_t)by_priority(options, count);
        if (at->picked >= option_count) gyre_model_fail("these choices do not belong to this test", __FILE__, __LINE__);
        picked = at->picked;
    }
    uint32_t passed_over = 0;
    for (uint32_t i = 0; i < picked; i++) passed_over |= 1u << options[i];
    if (sleeps) fall_asleep_and_wake(options[picked], passed_over);
    if (last_goes_on && options[picked] != model.last) preemptions += 1;
    return options[picked];
}

// ---------------------------------------------------------------------------------------------------------
// Executions.

/// Moves to the next sequence of choices. False when there is none.
static bool advance(void) {
    while (depth > 0) {
        choice *last = &choices[depth - 1];
        if (last->picked + 1 < last->count) {
            last->picked += 1;
            replayed = depth;
            return true;
        }
        depth -= 1;
    }
    return false;
}

static void begin(uint64_t number) {
    depth = 0;
    preemptions = 0;
    asleep = 0;
    if (plan.mode == MODEL_DEPTH_FIRST || is_replay) return;
    replayed = 0;
    random_state = (plan.seed + number) * UINT64_C(0x9E3779B97F4A7C15) | 1;
    for (uint32_t i = 0; i < 4; i++) (void)random_next();
    for (uint32_t i = 1; i < MODEL_THREADS; i++) priorities[i] = 100 + (uint32_t)(random_next() % 1000);
    for (uint32_t i = 0; i < PRIORITY_CHANGES; i++) changes[i] = random_next() % (steps_longest + 1);
}

static void prepare(const model_test *test, const model_plan *wanted) {
    plan = *wanted;
    model.test = test;
    model_memory_forget();
    replayed = 0;
    steps_longest = 64;
    memset(outcomes, 0, sizeof outcomes);
}

model_result model_search(const model_test *test, const model_plan *wanted) {
    prepare(test, wanted);
    is_replay = false;
    model_result result = {0};
    double began = now();
    for (;;) {
        begin(result.executions + result.pruned);
        model_execute();
        result.steps += model.steps;
        if (model.steps > steps_longest) steps_longest = model.steps;
        if (model.discarded) result.pruned += 1;
        else result.executions += 1;
        if (model.failed) {
            result.failed = true;
            break;
        }
        uint64_t run = result.executions + result.pruned;
        if (plan.mode == MODEL_DEPTH_FIRST && !advance()) {
            result.complete = true;
            break;
        }
        if (run >= plan.executions || result.steps >= plan.steps) break;
        if (run % 1024 == 0 && now() - began > plan.seconds) break;
    }
    result.seconds = now() - began;
    return result;
}

model_result model_replay(const model_test *test, const char *text) {
    model_plan all = {MODEL_DEPTH_FIRST, MODEL_COMPLETE, 0, 1, 1e9, UINT64_MAX};
    // The kind of the search decides where there are choices: complete, with a bound on preemptions, or by chance.
    if (*text == 'b') all.bound = atoi(text + 1);
    if (*text == 'r') all.mode = MODEL_RANDOM;
    text = strchr(text, ':') == NULL ? "" : strchr(text, ':');
    prepare(test, &all);
    is_replay = true;
    for (const char *at = text; *at != 0;) {
        if (*at < '0' || *at > '9') {
            at += 1;
            continue;
        }
        char *end;
        choices[replayed++].picked = (uint16_t)strtoul(at, &end, 10);
        at = end;
        if (*at != 'x') continue;
        uint32_t repeat = (uint32_t)strtoul(at + 1, &end, 10);
        at = end;
        for (; repeat > 1 && replayed < CHOICES_MAX; repeat--, replayed++) choices[replayed] = choices[replayed - 1];
    }
    model_result result = {0};
    begin(0);
    model_execute();
    result.executions = 1;
    result.steps = model.steps;
    result.failed = model.failed;
    return result;
}

void model_print_choices(FILE *file) {
    if (plan.mode != MODEL_DEPTH_FIRST) fprintf(file, "r:");
    else if (plan.bound < 0) fprintf(file, "c:");
    else fprintf(file, "b%d:", plan.bound);
    uint32_t last = depth; // beyond the given choices the first way is taken
    while (last > 0 && choices[last - 1].picked == 0) last -= 1;
    for (uint32_t i = 0; i < last;) {
        uint32_t run = 1;
        while (i + run < last && choices[i + run].picked == choices[i].picked) run += 1;
        fprintf(file, "%s%u", i == 0 ? "" : ".", choices[i].picked);
        if (run > 1) fprintf(file, "x%u", run);
        i += run;
    }
}

void model_outcome(uint32_t outcome) { outcomes[outcome % MODEL_OUTCOMES] += 1; }
uint64_t model_outcomes(uint32_t outcome) { return outcomes[outcome % MODEL_OUTCOMES]; }
