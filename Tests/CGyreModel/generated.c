// generated.c: the search itself, on programs made by chance: what sleep sets leave out must be repetition.
//
// Three threads, two to three steps each, two locations. A program is run complete with sleep sets, and again by every
// interleaving. Both must show the same set of outcomes (the values that every
// step returned, and the memory at the end).

#include "model.h"

#include <string.h>

#define THREADS 3u
#define STEPS 3u

typedef struct instruction {
    uint8_t kind; // 0 load, 1 store, 2 add, 3 compare-and-swap, 4 fence
    uint8_t location;
    uint8_t order;
    uint8_t value;
} instruction;

static instruction program[THREADS][STEPS];
static uint32_t lengths[THREADS];
static gyre_atomic_u32 memory[2];
static uint64_t results[THREADS][STEPS];

static void setup(void) {
    gyre_store_relaxed(&memory[0], 0);
    gyre_store_relaxed(&memory[1], 0);
    memset(results, 0, sizeof results);
}

static uint64_t run(const instruction *step) {
    static const int loads[] = {GYRE_RELAXED, GYRE_ACQUIRE, GYRE_SEQ_CST, GYRE_RELAXED};
    static const int stores[] = {GYRE_RELAXED, GYRE_RELEASE, GYRE_SEQ_CST, GYRE_RELEASE};
    static const int exchanges[] = {GYRE_RELAXED, GYRE_ACQ_REL, GYRE_SEQ_CST, GYRE_RELEASE};
    gyre_atomic_u32 *at = &memory[step->location];
    uint32_t expected = step->value & 1;
    switch (step->kind) {
    case 0: return GYRE_LOAD(at, loads[step->order]);
    case 1: GYRE_STORE(at, step->value, stores[step->order]); return 0;
    case 2: return GYRE_FETCH_ADD(at, step->value, exchanges[step->order]);
    case 3: return GYRE_CAS(at, &expected, step->value, exchanges[step->order], loads[step->order]) ? 99 : expected;
    default: gyre_fence_seq_cst(); return 0;
    }
}

static void thread(uint32_t index) {
    for (uint32_t i = 0; i < lengths[index]; i++) results[index][i] = run(&program[index][i]);
}

static void check(void) {
    uint64_t hash = gyre_load_relaxed(&memory[0]) * 31 + gyre_load_relaxed(&memory[1]);
    for (uint32_t i = 0; i < THREADS * STEPS; i++) hash = hash * UINT64_C(0x9E3779B97F4A7C15) + results[0][i] + 1;
    model_outcome((uint32_t)(hash >> 40));
}

static uint32_t draw(uint64_t *state, uint32_t count) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % count);
}

static void generate(uint64_t seed) {
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15);
    for (uint32_t i = 0; i < THREADS; i++) {
        lengths[i] = 2 + draw(&state, STEPS - 1);
        for (uint32_t j = 0; j < STEPS; j++) {
            program[i][j] = (instruction){(uint8_t)draw(&state, 5), (uint8_t)draw(&state, 2), (uint8_t)draw(&state, 4),
                                          (uint8_t)(1 + draw(&state, 3))};
        }
    }
}

static const char *const kinds[] = {"load", "store", "add", "cas", "fence"};

static void describe(void) {
    for (uint32_t i = 0; i < THREADS; i++) {
        printf("found\tgenerated\tthread %u:", i);
        for (uint32_t j = 0; j < lengths[i]; j++) {
            const instruction *step = &program[i][j];
            printf(" %s(%u, order %u, %u)", kinds[step->kind], step->location, step->order, step->value);
        }
        printf("\n");
    }
}

int model_run_generated(uint64_t seed, uint64_t programs) {
    static uint64_t shown[MODEL_OUTCOMES];
    uint64_t with = 0;
    uint64_t without = 0;
    uint64_t steps = 0;
    for (uint64_t number = 0; number < programs; number++) {
        generate(seed + number);
        // Limits on old messages as configurations have them, and none.
        const uint32_t limits[] = {1, 2, MODEL_STALE_UNLIMITED};
        model_test test = {.name = "generated", .threads = THREADS, .setup = setup, .thread = thread, .check = check,
                           .stale = limits[number % 3], .reorders = number % 2 == 1};
        model_plan plan = {MODEL_DEPTH_FIRST, MODEL_COMPLETE, 0, UINT64_MAX, 1e9, UINT64_MAX};
        model_result pruned = model_search(&test, &plan);
        for (uint32_t i = 0; i < MODEL_OUTCOMES; i++) shown[i] = model_outcomes(i);
        plan.bound = 1000;
        model_result all = model_search(&test, &plan);
        with += pruned.executions + pruned.pruned;
        without += all.executions;
        steps += pruned.steps + all.steps;
        for (uint32_t i = 0; i < MODEL_OUTCOMES; i++) {
            if ((shown[i] > 0) == (model_outcomes(i) > 0)) continue;
            printf("found\tgenerated\tprogram %llu: sleep sets show %s that every interleaving %s\n",
                   (unsigned long long)(seed + number), shown[i] > 0 ? "an outcome" : "no outcome",
                   shown[i] > 0 ? "does not" : "shows");
            describe();
            return 1;
        }
    }
    printf("ran\tgenerated/%llu programs\tok\t%llu\tcomplete, %llu with sleep sets, seed %llu\t%llu\t0\n",
           (unsigned long long)programs, (unsigned long long)(with + without), (unsigned long long)with,
           (unsigned long long)seed, (unsigned long long)steps);
    return 0;
}
