// verify_history.c: threads that work on a ring window by window, and log what they see.

#include "verify_history_judge.h"
#include "verify_queue.h"
#include "verify_stamp.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/// Values of all producers in a window: some ten milliseconds of work, and logs that fit a cache of the third level.
#define VERIFY_WINDOW_VALUES (1u << 15)
#define VERIFY_LOOKS_BEFORE_YIELD 32u

typedef struct verify_history_run {
    verify_window window;
    verify_queue queue;
    pthread_barrier_t begins;
    pthread_barrier_t ends;
    GYRE_CACHE_ALIGNED gyre_atomic_u32 producers_done; // in this window
    gyre_atomic_u32 stops;                             // no further window
} verify_history_run;

typedef struct verify_history_thread {
    verify_history_run *run;
    uint32_t index; // producers first, then consumers
    pthread_t thread;
} verify_history_thread;

static void verify_note(verify_log *log, verify_operation operation) {
    if (log->count == log->room) abort(); // the room is counted: one refusal for each success
    log->operations[log->count++] = operation;
}

/// What a call brought, or one refusal for all of those between two calls that brought something: the first.
/// Returns the instant after it.
static uint64_t verify_note_call(verify_log *log, uint64_t begin, const uint32_t *values, uint32_t count,
                                 uint32_t looks) {
    uint64_t end = verify_stamp();
    for (uint32_t i = 0; i < count; i++) verify_note(log, (verify_operation){begin, end, values[i], false});
    if (count == 0 && looks == 0) verify_note(log, (verify_operation){begin, end, 0, true});
    return end;
}

/// Called after a refusal. More threads than processors: one that can do nothing leaves its processor to the others now
/// and then.
static void verify_give_way(uint32_t *looks) {
    if (++*looks % VERIFY_LOOKS_BEFORE_YIELD == 0) sched_yield();
    else gyre_pause();
}

/// How many values the next call is for, where one may be for several: all sizes in turn.
static uint32_t verify_call_size(const verify_history_run *run, uint32_t calls) {
    return calls % verify_queue_batch_max(run->queue.kind) + 1;
}

static void verify_produce(verify_history_run *run, uint32_t producer) {
    verify_log *log = &run->window.pushed[producer];
    log->count = 0;
    uint32_t looks = 0, calls = producer;
    uint64_t begin = verify_stamp();
    for (uint32_t sequence = 0; sequence < run->window.pushes;) {
        uint32_t values[GYRE_BATCH_MAX], count = verify_call_size(run, calls);
        if (count > run->window.pushes - sequence) count = run->window.pushes - sequence;
        for (uint32_t i = 0; i < count; i++) values[i] = verify_value(run->window.number, producer, sequence + i);
        uint32_t pushed = verify_queue_push(&run->queue, values, count);
        begin = verify_note_call(log, begin, values, pushed, looks);
        sequence += pushed;
        if (pushed == 0) {
            verify_give_way(&looks);
            begin = verify_stamp();
        } else {
            looks = 0;
            calls++;
        }
    }
    (void)gyre_fetch_add_release(&run->producers_done, 1);
}

static void verify_consume(verify_history_run *run, uint32_t consumer) {
    verify_log *log = &run->window.popped[consumer];
    log->count = 0;
    uint32_t looks = 0, calls = consumer;
    for (;;) {
        bool is_last = gyre_load_acquire(&run->producers_done) == run->window.producers;
        uint32_t values[GYRE_BATCH_MAX];
        uint64_t begin = verify_stamp();
        uint32_t popped = verify_queue_pop(&run->queue, values, verify_call_size(run, calls));
        (void)verify_note_call(log, begin, values, popped, looks);
        if (popped > 0) {
            looks = 0;
            calls++;
        } else if (is_last) {
            return; // every push was before this look
        } else {
            verify_give_way(&looks);
        }
    }
}

static void *verify_history_live(void *argument) {
    verify_history_thread *self = argument;
    verify_history_run *run = self->run;
    for (;;) {
        pthread_barrier_wait(&run->begins);
        if (gyre_load_relaxed(&run->stops) != 0) return NULL; // ordered by the barrier
        if (self->index < run->window.producers) verify_produce(run, self->index);
        else verify_consume(run, self->index - run->window.producers);
        pthread_barrier_wait(&run->ends);
    }
}

/// At a quiet point the ring is exactly empty, takes exactly its capacity, and gives it back in order.
static bool verify_is_quiet(verify_queue *queue) {
    uint32_t value = 0;
    if (queue->kind == VERIFY_QUEUE_HANDLES && gyre_ring_has_item(queue->ring)) return false;
    if (verify_queue_size(queue) != 0 || verify_queue_pop(queue, &value, 1) != 0) return false;
    for (uint32_t i = 0; i < queue->capacity; i++) {
        if (verify_queue_push(queue, &i, 1) != 1) return false;
    }
    if (verify_queue_push(queue, &value, 1) != 0 || verify_queue_size(queue) != queue->capacity) return false;
    for (uint32_t i = 0; i < queue->capacity; i++) {
        if (verify_queue_pop(queue, &value, 1) != 1 || value != i) return false;
    }
    return verify_queue_pop(queue, &value, 1) == 0;
}

static bool verify_log_init(verify_log *log, uint32_t successes) {
    log->room = 2 * successes + 2; // and one for a corruption
    log->operations = calloc(log->room, sizeof(verify_operation));
    return log->operations != NULL;
}

static bool verify_run_init(verify_history_run *run, const verify_history_plan *plan) {
    *run = (verify_history_run){.window = {.producers = plan->producers,
                                           .consumers = plan->consumers,
                                           .capacity = plan->capacity,
                                           .pushes = VERIFY_WINDOW_VALUES / plan->producers}};
    bool complete = true;
    for (uint32_t i = 0; i < plan->producers; i++) {
        complete &= verify_log_init(&run->window.pushed[i], run->window.pushes);
    }
    for (uint32_t i = 0; i < plan->consumers; i++) {
        complete &= verify_log_init(&run->window.popped[i], run->window.pushes * plan->producers);
    }
    complete &= verify_queue_init(&run->queue, plan->kind, plan->capacity);
    if (!complete) return false;
    run->window.room = verify_queue_room(&run->queue);
    uint32_t parties = plan->producers + plan->consumers + 1;
    return pthread_barrier_init(&run->begins, NULL, parties) == 0 &&
           pthread_barrier_init(&run->ends, NULL, parties) == 0;
}

static void verify_run_destroy(verify_history_run *run) {
    for (uint32_t i = 0; i < VERIFY_SIDE_MAX; i++) {
        free(run->window.pushed[i].operations);
        free(run->window.popped[i].operations);
    }
    verify_queue_destroy(&run->queue);
}

static uint64_t verify_count(const verify_window *window, bool refused) {
    uint64_t count = 0;
    for (uint32_t side = 0; side < VERIFY_SIDE_MAX; side++) {
        const verify_log *logs[] = {&window->pushed[side], &window->popped[side]};
        for (int which = 0; which < 2; which++) {
            for (uint32_t i = 0; i < logs[which]->count; i++) {
                count += logs[which]->operations[i].refused == refused;
            }
        }
    }
    return count;
}

static void verify_window_work(verify_history_run *run, verify_judge *judge, verify_history_result *result) {
    gyre_store_relaxed(&run->producers_done, 0); // ordered by the barrier
    pthread_barrier_wait(&run->begins);
    pthread_barrier_wait(&run->ends);
    uint32_t flaws = verify_window_judge(&run->window, judge);
    if (!verify_is_quiet(&run->queue)) flaws |= VERIFY_QUIET;
    if (flaws != 0 && result->bad_windows++ == 0) result->first_bad = run->window.number;
    result->flaws |= flaws;
    result->operations += verify_count(&run->window, false);
    result->refusals += verify_count(&run->window, true);
    result->windows++;
    run->window.number++;
}

static bool verify_copy_log(verify_log *to, const verify_log *from) {
    *to = *from;
    to->operations = calloc(from->room, sizeof(verify_operation));
    if (to->operations == NULL) return false;
    memcpy(to->operations, from->operations, from->count * sizeof(verify_operation));
    return true;
}

/// Damages a copy of the last window in each way. False when memory is out.
static bool verify_corruptions(verify_history_run *run, verify_judge *judge, verify_history_result *result) {
    for (verify_corruption corruption = 0; corruption < VERIFY_CORRUPTIONS; corruption++) {
        verify_window copy = run->window;
        copy.number--; // the window that was worked last
        bool complete = true;
        for (uint32_t i = 0; i < copy.producers; i++) {
            complete &= verify_copy_log(&copy.pushed[i], &run->window.pushed[i]);
        }
        for (uint32_t i = 0; i < copy.consumers; i++) {
            complete &= verify_copy_log(&copy.popped[i], &run->window.popped[i]);
        }
        uint32_t expected = complete ? verify_window_corrupt(&copy, judge, corruption) : 0;
        result->corrupted++;
        if (expected != 0 && (verify_window_judge(&copy, judge) & expected) != 0) result->rejected++;
        for (uint32_t i = 0; i < copy.producers; i++) free(copy.pushed[i].operations);
        for (uint32_t i = 0; i < copy.consumers; i++) free(copy.popped[i].operations);
        if (!complete) return false;
    }
    return true;
}

bool verify_history(const verify_history_plan *plan, verify_history_result *result) {
    *result = (verify_history_result){0};
    static verify_history_run run;
    static verify_history_thread threads[2 * VERIFY_SIDE_MAX];
    bool complete = verify_run_init(&run, plan);
    verify_judge *judge = complete ? verify_judge_create(plan->producers, run.window.pushes) : NULL;
    if (judge == NULL) {
        verify_run_destroy(&run);
        return false;
    }
    uint32_t count = plan->producers + plan->consumers;
    for (uint32_t index = 0; index < count; index++) {
        threads[index] = (verify_history_thread){.run = &run, .index = index};
        // The barrier counts on every thread: with one missing there is no way back.
        if (pthread_create(&threads[index].thread, NULL, verify_history_live, &threads[index]) != 0) abort();
    }
    while (result->operations < plan->operations) verify_window_work(&run, judge, result);
    gyre_store_relaxed(&run.stops, 1);
    pthread_barrier_wait(&run.begins);
    for (uint32_t index = 0; index < count; index++) pthread_join(threads[index].thread, NULL);
    if (plan->corrupts) complete = verify_corruptions(&run, judge, result);
    pthread_barrier_destroy(&run.begins);
    pthread_barrier_destroy(&run.ends);
    verify_judge_destroy(judge);
    verify_run_destroy(&run);
    return complete;
}
