// verify_history_judge.c: judges a window. Linear in its operations: logs are sorted by time as they are.

#include "verify_history_judge.h"

#include <stdlib.h>
#include <string.h>

verify_judge *verify_judge_create(uint32_t producers, uint32_t pushes) {
    size_t values = (size_t)producers * pushes;
    verify_judge *judge = calloc(1, sizeof(verify_judge));
    if (judge == NULL) return NULL;
    judge->pushes = pushes;
    judge->lives = calloc(values, sizeof(verify_life));
    judge->certain.steps = calloc(2 * values + 1, sizeof(verify_step));
    judge->possible.steps = calloc(2 * values + 1, sizeof(verify_step));
    if (judge->lives != NULL && judge->certain.steps != NULL && judge->possible.steps != NULL) return judge;
    verify_judge_destroy(judge);
    return NULL;
}

void verify_judge_destroy(verify_judge *judge) {
    if (judge == NULL) return;
    free(judge->lives);
    free(judge->certain.steps);
    free(judge->possible.steps);
    free(judge);
}

static uint32_t verify_value_producer(uint32_t value) { return value >> 17 & 3; }
static uint32_t verify_value_sequence(uint32_t value) { return value & (VERIFY_SEQUENCES_MAX - 1); }

static verify_life *verify_life_of(verify_judge *judge, uint32_t value) {
    return &judge->lives[(size_t)verify_value_producer(value) * judge->pushes + verify_value_sequence(value)];
}

/// Alien, doubled, lost, producer. Also notes the life of each value.
static uint32_t verify_judge_values(const verify_window *window, verify_judge *judge) {
    uint32_t flaws = 0;
    uint64_t popped = 0;
    memset(judge->lives, 0, (size_t)window->producers * window->pushes * sizeof(verify_life));
    for (uint32_t producer = 0; producer < window->producers; producer++) {
        const verify_log *log = &window->pushed[producer];
        for (uint32_t i = 0; i < log->count; i++) {
            const verify_operation *push = &log->operations[i];
            if (!push->refused) verify_life_of(judge, push->value)->push_end = push->end;
        }
    }
    for (uint32_t consumer = 0; consumer < window->consumers; consumer++) {
        const verify_log *log = &window->popped[consumer];
        int64_t last[VERIFY_SIDE_MAX] = {-1, -1, -1};
        for (uint32_t i = 0; i < log->count; i++) {
            const verify_operation *pop = &log->operations[i];
            if (pop->refused) continue;
            uint32_t producer = verify_value_producer(pop->value), sequence = verify_value_sequence(pop->value);
            if (producer >= window->producers || sequence >= window->pushes ||
                pop->value != verify_value(window->number, producer, sequence)) {
                flaws |= VERIFY_ALIEN;
                continue;
            }
            verify_life *life = verify_life_of(judge, pop->value);
            if (life->pop_end != 0) {
                flaws |= VERIFY_DOUBLED;
                continue;
            }
            if (sequence <= last[producer]) flaws |= VERIFY_PRODUCER;
            last[producer] = sequence;
            life->pop_begin = pop->begin;
            life->pop_end = pop->end;
            popped++;
        }
    }
    if (popped != (uint64_t)window->producers * window->pushes) flaws |= VERIFY_LOST;
    return flaws;
}

/// The next push of a log that stored something, or NULL.
static const verify_operation *verify_next_stored(const verify_log *log, uint32_t *cursor) {
    while (*cursor < log->count && log->operations[*cursor].refused) (*cursor)++;
    return *cursor < log->count ? &log->operations[*cursor] : NULL;
}

/// Order. For each push b, of all pushes that ended before it began, the one whose pop began last decides.
static uint32_t verify_judge_order(const verify_window *window, verify_judge *judge) {
    for (uint32_t later = 0; later < window->producers; later++) {
        uint32_t earlier[VERIFY_SIDE_MAX] = {0};
        uint64_t last_pop_begin = 0;
        uint32_t cursor = 0;
        const verify_operation *b;
        for (; (b = verify_next_stored(&window->pushed[later], &cursor)) != NULL; cursor++) {
            for (uint32_t producer = 0; producer < window->producers; producer++) {
                const verify_operation *a;
                for (; (a = verify_next_stored(&window->pushed[producer], &earlier[producer])) != NULL;
                     earlier[producer]++) {
                    if (a->end >= b->begin) break;
                    const verify_life *life = verify_life_of(judge, a->value);
                    if (life->pop_begin > last_pop_begin) last_pop_begin = life->pop_begin;
                }
            }
            const verify_life *life = verify_life_of(judge, b->value);
            if (life->pop_end != 0 && life->pop_end < last_pop_begin) return VERIFY_ORDER;
        }
    }
    return 0;
}

/// The logs of one side, merged by time.
typedef struct verify_merge {
    const verify_log *logs;
    uint32_t count;
    bool by_end;
    uint32_t cursor[VERIFY_SIDE_MAX];
} verify_merge;

static uint64_t verify_merge_time(const verify_merge *merge, uint32_t log) {
    const verify_operation *operation = &merge->logs[log].operations[merge->cursor[log]];
    return merge->by_end ? operation->end : operation->begin;
}

/// The earliest operation that is left and succeeded, or NULL. It stays until the cursor of `*log` moves.
static const verify_operation *verify_merge_next(verify_merge *merge, uint32_t *log) {
    const verify_operation *first = NULL;
    uint64_t time = UINT64_MAX;
    for (uint32_t index = 0; index < merge->count; index++) {
        const verify_operation *next = verify_next_stored(&merge->logs[index], &merge->cursor[index]);
        if (next == NULL || verify_merge_time(merge, index) >= time) continue;
        first = next;
        time = verify_merge_time(merge, index);
        *log = index;
    }
    return first;
}

/// Builds the sum over time of values that are in: certainly (end of push to begin of pop; at one instant leaving
/// counts first), or possibly (begin of push to end of pop; coming counts first).
static void verify_judge_sum(const verify_window *window, verify_judge *judge, verify_sum *sum, bool certain) {
    verify_merge in = {.logs = window->pushed, .count = window->producers, .by_end = certain};
    verify_merge out = {.logs = window->popped, .count = window->consumers, .by_end = !certain};
    sum->count = 0;
    sum->steps[sum->count++] = (verify_step){0, 0};
    int64_t inside = 0;
    for (;;) {
        uint32_t push_log = 0, pop_log = 0;
        const verify_operation *push = verify_merge_next(&in, &push_log);
        const verify_operation *pop = verify_merge_next(&out, &pop_log);
        if (push == NULL && pop == NULL) return;
        bool is_push = push != NULL;
        if (push != NULL && pop != NULL) {
            uint64_t comes = verify_merge_time(&in, push_log), goes = verify_merge_time(&out, pop_log);
            is_push = certain ? comes < goes : comes <= goes;
        }
        uint64_t time = is_push ? verify_merge_time(&in, push_log) : verify_merge_time(&out, pop_log);
        if (is_push) in.cursor[push_log]++;
        else out.cursor[pop_log]++;
        const verify_life *life = verify_life_of(judge, is_push ? push->value : pop->value);
        if (certain && life->pop_begin <= life->push_end) continue; // at no instant is it in for certain
        inside += is_push ? 1 : -1;
        sum->steps[sum->count++] = (verify_step){time, inside};
    }
}

/// Whether some instant of the interval allows its refusal: nothing certainly in for "empty", as many as `capacity`
/// possibly in for "full" (`capacity` 0 asks for the former). `cursor` moves along with the intervals of one log.
static bool verify_sum_allows(const verify_sum *sum, size_t *cursor, const verify_operation *operation,
                              uint32_t capacity) {
    // The step before the interval reaches into it.
    while (*cursor + 1 < sum->count && sum->steps[*cursor + 1].time < operation->begin) (*cursor)++;
    for (size_t i = *cursor; i < sum->count && sum->steps[i].time <= operation->end; i++) {
        if (capacity == 0 ? sum->steps[i].inside <= 0 : sum->steps[i].inside >= (int64_t)capacity) return true;
    }
    return false;
}

static uint32_t verify_judge_refusals(const verify_window *window, verify_judge *judge) {
    uint32_t flaws = 0;
    for (uint32_t consumer = 0; consumer < window->consumers; consumer++) {
        size_t cursor = 0;
        for (uint32_t i = 0; i < window->popped[consumer].count; i++) {
            const verify_operation *pop = &window->popped[consumer].operations[i];
            if (pop->refused && !verify_sum_allows(&judge->certain, &cursor, pop, 0)) flaws |= VERIFY_EMPTY;
        }
    }
    for (uint32_t producer = 0; producer < window->producers; producer++) {
        size_t cursor = 0;
        for (uint32_t i = 0; i < window->pushed[producer].count; i++) {
            const verify_operation *push = &window->pushed[producer].operations[i];
            if (push->refused && !verify_sum_allows(&judge->possible, &cursor, push, window->capacity)) {
                flaws |= VERIFY_FULL;
            }
        }
    }
    for (size_t i = 0; i < judge->certain.count; i++) {
        if (judge->certain.steps[i].inside > (int64_t)window->room) return flaws | VERIFY_OVERFULL;
    }
    return flaws;
}

uint32_t verify_window_judge(const verify_window *window, verify_judge *judge) {
    uint32_t flaws = verify_judge_values(window, judge);
    flaws |= verify_judge_order(window, judge);
    // Sums over values of which some are missing or twice there would accuse operations that did nothing wrong.
    if (flaws & (VERIFY_ALIEN | VERIFY_DOUBLED | VERIFY_LOST)) return flaws;
    verify_judge_sum(window, judge, &judge->certain, true);
    verify_judge_sum(window, judge, &judge->possible, false);
    return flaws | verify_judge_refusals(window, judge);
}
