// model.h: what a test of the model checker is, and what the parts of the checker know of each other.
//
// The headers of CSupport/gyre are compiled with GYRE_MODEL, so every atomic access calls a function of gyre_atomic.h
// that is defined here. Threads are fibers of one thread. Tests/README.md says what the checker can and cannot show.
//
//      memory.c     what a load may return, and what happens before what: views, release sequences, fences
//      races.c      data races on plain data
//      schedule.c   fibers, whose turn it is, sleeping on futexes, what a stuck execution is
//      search.c     which choices are made: all of them, all with few preemptions, or some by chance
//      trace.c      what a failing execution says
//      main.c       the command line

#ifndef GYRE_TESTS_MODEL_H
#define GYRE_TESTS_MODEL_H

#include "gyre_atomic.h"

#include <setjmp.h>
#include <stdio.h>

// ---------------------------------------------------------------------------------------------------------
// For tests.

/// Threads of one test, with thread 0, which sets up and checks.
#define MODEL_THREADS 8u

/// Every execution that differs in more than the order of independent steps.
#define MODEL_COMPLETE (-1)
/// As many old values in a row as there are.
#define MODEL_STALE_UNLIMITED 200u
/// No exhaustive search: chance alone.
#define MODEL_CHANCE (-2)

typedef struct model_test {
    const char *name;                // "piece/configuration"
    uint32_t threads;
    void (*setup)(void);             // makes everything anew, memory included
    void (*thread)(uint32_t index);  // from 0
    void (*check)(void);             // after all threads have ended
    int bound;                       // preemptions, MODEL_COMPLETE or MODEL_CHANCE
    uint64_t chance;                 // executions by chance, half of them by priorities, at CI size
    uint32_t stale;                  // old values that a thread may read in a row at one location; 0 means 2
    uint32_t locations;              // the most atomic locations it uses; 0 means 64
    bool reorders;                   // stores may land before others that the thread has not seen (2+2W)
    bool may_sleep;                  // the end is reached also when every thread that is left sleeps
    bool spurious;                   // a futex may end its wait for no reason
    const char *fails;               // it must fail, and the message must contain this
    const char *outcomes;            // the numbers that check reports: these, all of them, and no others
} model_test;

typedef struct model_harness {
    const char *name;
    const model_test *tests;
    uint32_t count;
} model_harness;

#define MODEL_HARNESS(piece, list)        \
    extern const model_harness model_harness_##piece; \
    const model_harness model_harness_##piece = {#piece, list, sizeof(list) / sizeof((list)[0])}

/// What must hold, in a thread or at the end.
#define MODEL_CHECK(condition) ((condition) ? (void)0 : gyre_model_fail(#condition, __FILE__, __LINE__))

/// gyre_plain_read and gyre_plain_write, as if made before the calling thread's last store or exchange: for what a call
/// under test has read or written in an atomic whose old value others may read too late, and then drop.
void model_plain_read_before(const void *address, const char *file, int line);
void model_plain_write_before(const void *address, const char *file, int line);

/// Ends the execution without a verdict: what it did so far is not what the test is about.
void model_discard(void);

/// For tests that collect the set of their outcomes: called from check.
void model_outcome(uint32_t outcome);
/// How often `outcome` was reported since the test began.
uint64_t model_outcomes(uint32_t outcome);
#define MODEL_OUTCOMES (1u << 12)

// ---------------------------------------------------------------------------------------------------------
// Between the parts of the checker.

#define MODEL_LOCATIONS_MAX 512u

/// How much of each thread's past is known.
typedef struct model_clock {
    uint32_t at[MODEL_THREADS];
} model_clock;

typedef enum model_kind {
    MODEL_NOTHING, // a thread that was woken, with no access of its own
    MODEL_LOAD,
    MODEL_STORE,
    MODEL_EXCHANGE, // every read-modify-write, compare-and-swap included
    MODEL_FENCE,
    MODEL_PAUSE,
    MODEL_WAIT,
    MODEL_WAKE,
} model_kind;

/// What a thread does next.
typedef struct model_step {
    model_kind kind;
    uint32_t location;
    int order;
} model_step;

typedef struct model_thread {
    jmp_buf here;
    jmp_buf base;
    bool exists; // its fiber does
    bool ended;
    bool asleep;                   // in a futex
    bool pausing;                  // until somebody stores
    bool read_old;                 // since its last pause: it has no need to wait for a store
    uint32_t paused_at;            // messages when it began to pause
    uint32_t sleeps_on;            // location
    uint32_t fresh;                // reads only what is younger, or everything if 0 (search.c)
    model_step next;
    model_clock clock;             // what happened before now
    model_clock unacquired;        // what an acquire fence would add
    model_clock released;          // what the last release fence published
    uint32_t *view;                // by location: the oldest place that may be read; the same three
    uint32_t *unacquired_view;
    uint32_t *released_view;
    uint8_t *stale;                // by location: old values read in a row
} model_thread;

typedef struct model_state {
    const model_test *test;
    model_thread threads[MODEL_THREADS];
    uint32_t current;              // 0 in setup and check
    uint32_t last;                 // the thread that ran last
    uint64_t execution;            // which one this is
    uint32_t messages;             // stores so far
    uint32_t locations;            // known; their numbers stay from one execution to the next
    uint64_t steps;                // of this execution
    uint32_t spurious;             // sleeps that ended for no reason
    bool starting;                 // each thread runs up to its first access
    bool checking;
    bool failed;
    bool discarded;
    char failure[400];
    FILE *trace;                   // NULL unless an execution is replayed for readers
    jmp_buf home;                  // the loop over executions
} model_state;

extern model_state model;

/// A table from addresses to numbers, by hash.
#define MODEL_TABLE_SIZE 4096u // a power of two
typedef struct model_entry {
    const void *address; // NULL: empty
    uint32_t index;
} model_entry;

// races.c
model_entry *model_find(model_entry *entries, const void *address);
void model_races_forget(void);

// memory.c
void model_memory_begin(void);                 // a new execution
void model_memory_threads_begin(void);         // setup is over: every thread begins with what it did
void model_memory_threads_end(void);           // thread 0 sees everything
/// The number of the location at `address`.
uint32_t model_memory_number(const void *address, unsigned bytes);
/// What the kernel finds in a futex word when a thread wants to sleep there; returns the number of the location.
uint32_t model_memory_kernel_load(const void *address, unsigned bytes, uint64_t *value, const char *file, int line);
void model_memory_forget(void);                // a new test: locations are numbered anew

// schedule.c
void model_execute(void);
void model_yield(model_kind kind, uint32_t location, int order, const char *file, int line);

// search.c
typedef enum model_mode { MODEL_DEPTH_FIRST, MODEL_RANDOM, MODEL_PRIORITIES } model_mode;

typedef struct model_plan {
    model_mode mode;
    int bound;
    uint64_t seed;
    uint64_t executions; // at most
    double seconds;      // at most
    uint64_t steps;      // at most, of all executions
} model_plan;

typedef struct model_result {
    uint64_t executions;
    uint64_t pruned; // cut short because equivalent ones were run
    uint64_t steps;
    double seconds;
    bool complete;
    bool failed;
} model_result;

model_result model_search(const model_test *test, const model_plan *plan);
/// Runs one execution by the choices in `text`.
model_result model_replay(const model_test *test, const char *text);
/// Which of `count` ways to take; the first one is the plain one.
uint32_t model_choose(uint32_t count);
/// The thread that runs next, or 0 when this execution is a repetition.
uint32_t model_choose_thread(const uint32_t *enabled, uint32_t count);
/// The choices of the present execution, as text for model_replay.
void model_print_choices(FILE *file);

// generated.c
int model_run_generated(uint64_t seed, uint64_t programs);

// trace.c
void model_trace(const char *operation, int order, uint32_t location, uint64_t before, uint64_t after,
                 const char *note, const char *file, int line);
void model_trace_note(const char *text, const char *file, int line);

#endif
