// main.c: the command line of the model checker.
//
//      GyreModel list
//      GyreModel run [TEST or HARNESS ...] [options]     a line each: test, verdict, executions, how, steps, seconds
//      GyreModel replay TEST CHOICES                     one execution, step by step
//      GyreModel generated SEED PROGRAMS                 the search on programs made by chance (generated.c)
//
//      --size ci|soak     how far each configuration is searched (its own plan)
//      --quick            for mutants: a little of everything, then more and more of it, up to the first finding
//      --mode dfs|random|pct --bound N --executions N --seconds S --seed N     a plan of one's own
//
// Ends with 0 when every test that must pass passed and every test that must fail failed, with 1 when not, and with 2
// when the command line is wrong.

#include "model.h"

#include <stdlib.h>
#include <string.h>

#define HARNESS(piece) extern const model_harness model_harness_##piece __attribute__((weak));
#include "harnesses.h"
#undef HARNESS

static const model_harness *const harnesses[] = {
#define HARNESS(piece) &model_harness_##piece,
#include "harnesses.h"
#undef HARNESS
};

#define HARNESS_COUNT (sizeof harnesses / sizeof harnesses[0])

/// How far one configuration is searched before the next one has its turn.
typedef struct stage {
    uint64_t chance;     // executions by chance, at most
    uint64_t executions; // of its plan
    uint64_t steps;      // the same for long ones
} stage;

/// Most mutants are noticed at once by some configuration, which may be the last. One that all of this does not notice
/// survives.
static const stage quick_stages[] = {{400, 0, 0}, {4000, 0, 0}, {0, 10000, 800000}, {0, 150000, 12000000}};
#define QUICK_STAGES (sizeof quick_stages / sizeof quick_stages[0])

/// The longest that a soak searches one configuration; what is left then is called not finished.
#define SOAK_SECONDS 900

typedef struct options {
    bool soak;
    bool quick;
    const stage *stage; // of a quick run, else NULL
    bool own_plan;
    model_plan plan;
} options;

static const char *mode_name(const model_plan *plan) {
    if (plan->mode == MODEL_RANDOM) return "random";
    if (plan->mode == MODEL_PRIORITIES) return "pct";
    return "dfs";
}

// ---------------------------------------------------------------------------------------------------------
// Running.

static void explain(const model_test *test) {
    char failure[sizeof model.failure];
    memcpy(failure, model.failure, sizeof failure);
    printf("found\t%s\t%s\n", test->name, failure);
    printf("replay\t%s\tGyreModel replay '%s' ", test->name, test->name);
    model_print_choices(stdout);
    printf("\n");
}

/// Whether the outcomes are those that the table names, or at least none other when not everything was tried.
static bool outcomes_hold(const model_test *test, bool complete) {
    bool named[MODEL_OUTCOMES] = {false};
    for (const char *at = test->outcomes; *at != 0;) {
        char *end;
        named[strtoul(at, &end, 10)] = true;
        at = end + strspn(end, " ");
    }
    bool hold = true;
    for (uint32_t outcome = 0; outcome < MODEL_OUTCOMES; outcome++) {
        bool seen = model_outcomes(outcome) > 0;
        if (seen == named[outcome] || (!seen && !complete)) continue;
        printf("found\t%s\toutcome %u is %s\n", test->name, outcome, seen ? "forbidden, and was seen" : "never seen");
        hold = false;
    }
    return hold;
}

/// Runs one plan. True when the test did as it must, or has not failed yet although it must.
static bool run_plan(const model_test *test, const model_plan *plan, bool *failed) {
    model_result result = model_search(test, plan);
    bool as_expected = !result.failed || (test->fails != NULL && strstr(model.failure, test->fails) != NULL);
    if (test->outcomes != NULL && !result.failed) as_expected &= outcomes_hold(test, result.complete);
    char how[64];
    if (result.failed) snprintf(how, sizeof how, "%s", "failed");
    else if (plan->mode != MODEL_DEPTH_FIRST) snprintf(how, sizeof how, "%s, seed %llu", mode_name(plan),
                                                       (unsigned long long)plan->seed);
    else if (!result.complete) snprintf(how, sizeof how, "not finished");
    else if (plan->bound >= 0) snprintf(how, sizeof how, "complete at %d preemptions", plan->bound);
    else snprintf(how, sizeof how, "complete");
    const char *verdict = !as_expected ? "BAD" : result.failed ? "fails, as it must" : "ok";
    printf("ran\t%s\t%s\t%llu\t%s\t%llu\t%.3f\n", test->name, verdict,
           (unsigned long long)(result.executions + result.pruned), how, (unsigned long long)result.steps,
           result.seconds);
    if (!as_expected && result.failed) explain(test);
    *failed = result.failed;
    fflush(stdout);
    return as_expected;
}

static bool run_chance(const model_test *test, uint64_t executions, uint64_t seed, bool *failed) {
    model_plan plan = {MODEL_RANDOM, 0, seed, executions, 1e9, UINT64_MAX};
    if (!run_plan(test, &plan, failed)) return false;
    if (*failed) return true;
    plan.mode = MODEL_PRIORITIES;
    return run_plan(test, &plan, failed);
}

static bool run_planned(const model_test *test, const options *options) {
    bool failed = false;
    if (options->own_plan) {
        bool good = run_plan(test, &options->plan, &failed);
        return good && (failed || test->fails == NULL);
    }
    const stage *stage = options->stage;
    uint64_t chance = options->soak ? (test->chance + 10000) * 100 : test->chance;
    if (stage != NULL && chance > stage->chance) chance = stage->chance;
    if (chance > 0 && !run_chance(test, chance / 2, options->plan.seed, &failed)) return false;
    bool is_planned = test->bound != MODEL_CHANCE && (stage == NULL || stage->executions > 0);
    if (!failed && is_planned) {
        bool deeper = options->soak && test->bound >= 0;
        model_plan plan = {MODEL_DEPTH_FIRST, test->bound + (deeper ? 1 : 0), options->plan.seed,
                           stage != NULL ? stage->executions : UINT64_MAX, options->soak ? SOAK_SECONDS : 1e9,
                           stage != NULL ? stage->steps : UINT64_MAX};
        if (!run_plan(test, &plan, &failed)) return false;
    }
    if (test->fails == NULL || failed || stage != NULL) return true;
    printf("found\t%s\tit passed although it must fail with: %s\n", test->name, test->fails);
    return false;
}

/// Whether `test` of `harness` is meant by one of the names; no name means all.
static bool is_wanted(const model_harness *harness, const model_test *test, char **names, int count) {
    if (count == 0) return true;
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], harness->name) == 0 || strcmp(names[i], test->name) == 0) return true;
    }
    return false;
}

static bool run_all(char **names, int count, const options *options, uint32_t *found) {
    bool good = true;
    for (size_t i = 0; i < HARNESS_COUNT; i++) {
        for (uint32_t j = 0; harnesses[i] != NULL && j < harnesses[i]->count; j++) {
            if (!is_wanted(harnesses[i], &harnesses[i]->tests[j], names, count)) continue;
            *found += 1;
            good &= run_planned(&harnesses[i]->tests[j], options);
            if (!good && options->stage != NULL) return false;
        }
    }
    return good;
}

static const model_test *find(const char *name) {
    for (size_t i = 0; i < HARNESS_COUNT; i++) {
        for (uint32_t j = 0; harnesses[i] != NULL && j < harnesses[i]->count; j++) {
            if (strcmp(harnesses[i]->tests[j].name, name) == 0) return &harnesses[i]->tests[j];
        }
    }
    return NULL;
}

// ---------------------------------------------------------------------------------------------------------
// Words of the command line.

static int wrong(const char *why, const char *what) {
    fprintf(stderr, "GyreModel: %s %s; see the head of main.c\n", why, what);
    return 2;
}

static int replay(int count, char **words) {
    if (count != 2) return wrong("replay needs", "a test and its choices");
    const model_test *test = find(words[0]);
    if (test == NULL) return wrong("no test", words[0]);
    model.trace = stdout;
    model_result result = model_replay(test, words[1]);
    printf("%s\n", result.failed ? model.failure : model.discarded ? "cut short" : "passed");
    return result.failed ? 1 : 0;
}

static int list(void) {
    for (size_t i = 0; i < HARNESS_COUNT; i++) {
        for (uint32_t j = 0; harnesses[i] != NULL && j < harnesses[i]->count; j++) {
            printf("%s\t%s\n", harnesses[i]->name, harnesses[i]->tests[j].name);
        }
    }
    return 0;
}

/// Reads one option with its value. 0 when it is understood.
static int read_option(const char *name, const char *value, options *options) {
    if (strcmp(name, "--size") == 0) options->soak = strcmp(value, "soak") == 0;
    else if (strcmp(name, "--seed") == 0) options->plan.seed = strtoull(value, NULL, 10);
    else if (strcmp(name, "--bound") == 0) options->plan.bound = atoi(value), options->own_plan = true;
    else if (strcmp(name, "--executions") == 0) {
        options->plan.executions = strtoull(value, NULL, 10);
        options->own_plan = true;
    } else if (strcmp(name, "--seconds") == 0) options->plan.seconds = atof(value), options->own_plan = true;
    else if (strcmp(name, "--mode") == 0) {
        options->own_plan = true;
        bool is_random = strcmp(value, "random") == 0;
        bool is_pct = strcmp(value, "pct") == 0;
        options->plan.mode = is_random ? MODEL_RANDOM : is_pct ? MODEL_PRIORITIES : MODEL_DEPTH_FIRST;
    } else return wrong("no option", name);
    return 0;
}

int main(int count, char **words) {
    options options = {.plan = {MODEL_DEPTH_FIRST, MODEL_COMPLETE, 1, UINT64_MAX, 1e9, UINT64_MAX}};
    if (count < 2) return wrong("nothing", "to do");
    if (strcmp(words[1], "list") == 0) return list();
    if (strcmp(words[1], "replay") == 0) return replay(count - 2, words + 2);
    if (strcmp(words[1], "generated") == 0) {
        if (count != 4) return wrong("generated needs", "a seed and a number of programs");
        return model_run_generated(strtoull(words[2], NULL, 10), strtoull(words[3], NULL, 10));
    }
    if (strcmp(words[1], "run") != 0) return wrong("no command", words[1]);
    char *names[64];
    int name_count = 0;
    for (int i = 2; i < count; i++) {
        if (strcmp(words[i], "--quick") == 0) {
            options.quick = true;
        } else if (strncmp(words[i], "--", 2) == 0) {
            if (i + 1 == count) return wrong("no value for", words[i]);
            int status = read_option(words[i], words[i + 1], &options);
            if (status != 0) return status;
            i += 1;
        } else if (name_count < 64) {
            names[name_count++] = words[i];
        }
    }
    uint32_t found = 0;
    bool good = true;
    for (size_t i = 0; good && i < (options.quick ? QUICK_STAGES : 1); i++) {
        options.stage = options.quick ? &quick_stages[i] : NULL;
        good = run_all(names, name_count, &options, &found);
    }
    if (found == 0) return wrong("no such", "test");
    return good ? 0 : 1;
}
