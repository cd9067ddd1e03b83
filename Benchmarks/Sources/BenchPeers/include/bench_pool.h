// bench_pool.h: what the tasks of all executors do, and the account of it.
//
// A task adds its word to a tally of its thread: no task pays for being counted by another thread, and nobody can lose
// or double a task unseen. Who waits for the tasks looks at the sum of all tallies now and then.
//
// Swift and C++ share this; the programs of other languages (Peers/) do the same with what those have.

#ifndef BENCH_POOL_H
#define BENCH_POOL_H

#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Written by one thread, read by all. It outlives its thread.
typedef struct bench_tally {
    uint64_t count;
    uint64_t sum;
    struct bench_tally *next;
    char padding[128 - 3 * sizeof(uint64_t)];
} bench_tally;

typedef struct bench_total {
    uint64_t count;
    uint64_t sum;
} bench_total;

extern __thread bench_tally *bench_own_tally;

/// The rounds of ``bench_work``, the same for all tasks of a run, so that a task captures nothing but its word.
extern uint64_t bench_work_rounds;

/// Where ``bench_task_stamped`` writes when the task of this number ended.
extern uint64_t *bench_stamps;

/// Both are set between runs only.
void bench_set_work_rounds(uint64_t rounds);
void bench_set_stamps(uint64_t *stamps);

/// The calling thread is woken from a sleep when it asked to be, not up to 50 us later.
void bench_sleep_precisely(void);

/// The file that `malloc` of this process comes from, or `NULL`. The linker's memory: nobody frees it.
const char *bench_allocator_path(void);

/// A tally for this thread.
bench_tally *bench_tally_make(void);

/// What all tallies hold together, since the process began.
bench_total bench_tally_total(void);

static inline uint64_t bench_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline void bench_count(uint64_t word) {
    bench_tally *tally = bench_own_tally ? bench_own_tally : bench_tally_make();
    // Plain additions of the one who writes; atomic, so that who looks never sees half a word. The count is last.
    __atomic_store_n(&tally->sum, tally->sum + word, __ATOMIC_RELAXED);
    __atomic_store_n(&tally->count, tally->count + 1, __ATOMIC_RELEASE);
}

/// A chain of multiplications, four cycles each, that nobody can shorten. Rounds, not time: a task that is interrupted
/// has as much to do as one that is not.
static inline uint64_t bench_work(uint64_t seed, uint64_t rounds) {
    for (uint64_t round = 0; round < rounds; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        __asm__ volatile("" : "+r"(seed));
    }
    return seed;
}

/// The bodies: nothing; nothing, with a word; so much work; so much work, and a stamp at its end. The stamp is written
/// before the task counts as done.
static inline void bench_task_empty(void) { bench_count(1); }
static inline void bench_task_word(uint64_t word) { bench_count(word); }
static inline void bench_task_work(uint64_t word) {
    bench_work(word, bench_work_rounds);
    bench_count(word);
}
static inline void bench_task_stamped(uint64_t number) {
    bench_work(number, bench_work_rounds);
    bench_stamps[number] = bench_now();
    bench_count(number);
}

/// oneTBB: an arena of its own with so many workers, none of them the caller. `NULL` when its header was not there.
void *bench_tbb_pool_create(uint32_t workers);
typedef enum bench_body {
    BENCH_BODY_EMPTY,
    BENCH_BODY_WORD,
    BENCH_BODY_WORK,
    BENCH_BODY_STAMPED,
} bench_body;
void bench_tbb_pool_enqueue(void *pool, bench_body body, uint64_t word);

/// Enqueues `count` tasks from inside one task.
void bench_tbb_pool_fan_out(void *pool, uint64_t count);

/// A task that forks two, and so on until `depth` is 0; those count.
void bench_tbb_pool_tree(void *pool, uint32_t depth);

#ifdef __cplusplus
}
#endif

#endif
