// verify_history_corrupt.c: histories that no ring can have shown, made of one that it did.

#include "verify_history_judge.h"

#include <string.h>

#define VERIFY_ANY_PRODUCER UINT32_MAX

static uint32_t verify_producer_of(const verify_operation *operation) { return operation->value >> 17 & 3; }

/// The first pop at or after `from` that returned a value, of one producer or of any; or NULL.
static verify_operation *verify_find_pop(verify_log *log, uint32_t from, uint32_t producer) {
    for (uint32_t i = from; i < log->count; i++) {
        verify_operation *pop = &log->operations[i];
        if (pop->refused) continue;
        if (producer == VERIFY_ANY_PRODUCER || verify_producer_of(pop) == producer) return pop;
    }
    return NULL;
}

/// One consumer may have popped nearly everything.
static verify_log *verify_busiest(verify_window *window) {
    verify_log *busiest = &window->popped[0];
    for (uint32_t consumer = 1; consumer < window->consumers; consumer++) {
        if (window->popped[consumer].count > busiest->count) busiest = &window->popped[consumer];
    }
    return busiest;
}

static bool verify_swap(verify_operation *a, verify_operation *b) {
    if (a == NULL || b == NULL || a == b) return false;
    uint32_t value = a->value;
    a->value = b->value;
    b->value = value;
    return true;
}

static void verify_remove(verify_log *log, verify_operation *operation) {
    size_t after = (size_t)(log->operations + log->count - (operation + 1));
    memmove(operation, operation + 1, after * sizeof *operation);
    log->count--;
}

/// Puts a refusal into a log, at an instant.
static bool verify_refuse_at(verify_log *log, uint64_t instant) {
    if (log->count == log->room) return false;
    uint32_t at = 0;
    while (at < log->count && log->operations[at].begin < instant) at++;
    memmove(&log->operations[at + 1], &log->operations[at], (log->count - at) * sizeof log->operations[0]);
    log->operations[at] = (verify_operation){.begin = instant, .end = instant, .refused = true};
    log->count++;
    return true;
}

/// An instant between two steps of a sum at which at least one value is certainly in, or less than `capacity` can be.
static bool verify_find_instant(const verify_sum *sum, uint32_t capacity, uint64_t *instant) {
    for (size_t i = sum->count / 2; i + 1 < sum->count; i++) {
        const verify_step *step = &sum->steps[i];
        bool fits = capacity == 0 ? step->inside > 0 : step->inside < (int64_t)capacity;
        if (!fits || step[1].time - step->time < 2) continue;
        *instant = step->time + 1;
        return true;
    }
    return false;
}

uint32_t verify_window_corrupt(verify_window *window, verify_judge *judge, verify_corruption corruption) {
    verify_log *log = verify_busiest(window);
    verify_operation *early = verify_find_pop(log, log->count / 4, VERIFY_ANY_PRODUCER);
    verify_operation *late = verify_find_pop(log, log->count / 4 * 3, VERIFY_ANY_PRODUCER);
    uint64_t instant = 0;
    if (early == NULL || late == NULL) return 0;
    if (verify_window_judge(window, judge) != 0) return 0; // also builds the sums
    switch (corruption) {
    case VERIFY_SWAP_TWO_POPS: return verify_swap(early, late) ? VERIFY_ORDER : 0;
    case VERIFY_DROP_ONE: verify_remove(log, early); return VERIFY_LOST;
    case VERIFY_DOUBLE_ONE: late->value = early->value; return VERIFY_DOUBLED;
    case VERIFY_FROM_A_LATER_WINDOW:
        early->value = verify_value(window->number + 1, verify_producer_of(early),
                                    early->value & (VERIFY_SEQUENCES_MAX - 1));
        return VERIFY_ALIEN;
    case VERIFY_REORDER_A_PRODUCER: {
        uint32_t after = (uint32_t)(early - log->operations) + 1;
        verify_operation *next = verify_find_pop(log, after, verify_producer_of(early));
        return verify_swap(early, next) ? VERIFY_PRODUCER : 0;
    }
    case VERIFY_EMPTY_WHILE_HOLDING:
        if (!verify_find_instant(&judge->certain, 0, &instant)) return 0;
        return verify_refuse_at(log, instant) ? VERIFY_EMPTY : 0;
    case VERIFY_FULL_WITH_ROOM:
        if (!verify_find_instant(&judge->possible, window->capacity, &instant)) return 0;
        return verify_refuse_at(&window->pushed[0], instant) ? VERIFY_FULL : 0;
    case VERIFY_CORRUPTIONS: break;
    }
    return 0;
}
