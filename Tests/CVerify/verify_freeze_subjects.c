// verify_freeze_subjects.c: one loop a structure.

#include "verify_freeze_subjects.h"

#include <string.h>

#define VERIFY_FREEZE_CONSUMER 0u // of a ring with one
#define VERIFY_FREEZE_BATCH 5u    // values of a push
#define VERIFY_FREEZE_PART 3u     // values of a pop: batches are split

static bool verify_freeze_has_queue(verify_freeze_subject subject) {
    return subject == VERIFY_FREEZE_QUEUE || subject == VERIFY_FREEZE_OVER;
}

bool verify_freeze_structure_init(verify_freeze_structure *structure, verify_freeze_subject subject,
                                  verify_queue_kind kind, uint32_t capacity) {
    memset(structure, 0, sizeof *structure);
    structure->subject = subject;
    structure->two_phase.capacity = capacity < VERIFY_TWO_PHASE_SLOTS_MAX ? capacity : VERIFY_TWO_PHASE_SLOTS_MAX;
    gyre_runq_init(&structure->runq, 0);
    gyre_depot_init(&structure->depot, structure->chunks, VERIFY_FREEZE_CHUNKS, VERIFY_FREEZE_HANDLES);
    gyre_event_init(&structure->event);
    gyre_cached_open(&structure->cached, 0, false);
    return !verify_freeze_has_queue(subject) || verify_queue_init(&structure->queue, kind, capacity);
}

void verify_freeze_structure_destroy(verify_freeze_structure *structure) {
    if (verify_freeze_has_queue(structure->subject)) verify_queue_destroy(&structure->queue);
}

// A signal handler of the same thread reads the mark: the compiler must not move the operation out from between.
static inline void verify_freeze_enter(verify_freeze_mark *mark) {
    gyre_store_relaxed(&mark->inside, 1);
    __asm__ __volatile__("" ::: "memory");
}

static inline void verify_freeze_leave(verify_freeze_mark *mark, bool achieved) {
    __asm__ __volatile__("" ::: "memory");
    gyre_store_relaxed(&mark->inside, 0);
    if (achieved) gyre_store_relaxed(&mark->completions, gyre_load_relaxed(&mark->completions) + 1);
}

#define VERIFY_FREEZE_IN(mark, operation)   \
    do {                                    \
        verify_freeze_enter(mark);          \
        bool achieved = (operation);        \
        verify_freeze_leave(mark, achieved); \
    } while (0)

static bool verify_freeze_ends(verify_freeze_structure *structure) { return gyre_load_relaxed(&structure->ends) != 0; }

static void verify_freeze_work_two_phase(verify_freeze_structure *structure, verify_freeze_mark *mark) {
    uint32_t value = 0;
    while (!verify_freeze_ends(structure)) {
        VERIFY_FREEZE_IN(mark, verify_two_phase_push(&structure->two_phase, value));
        VERIFY_FREEZE_IN(mark, verify_two_phase_pop(&structure->two_phase, &value));
    }
}

bool verify_freeze_has_roles(const verify_freeze_structure *structure) {
    return structure->subject == VERIFY_FREEZE_QUEUE && structure->queue.kind == VERIFY_QUEUE_MANY_TO_ONE;
}

static void verify_freeze_work_queue(verify_freeze_structure *structure, verify_freeze_mark *mark, uint32_t index) {
    verify_queue *queue = &structure->queue;
    bool has_roles = verify_freeze_has_roles(structure);
    uint32_t count = verify_queue_batch_max(queue->kind) == 1 ? 1 : VERIFY_FREEZE_BATCH;
    uint32_t values[VERIFY_FREEZE_BATCH] = {0};
    while (!verify_freeze_ends(structure)) {
        if (!has_roles || index != VERIFY_FREEZE_CONSUMER) {
            VERIFY_FREEZE_IN(mark, verify_queue_push(queue, values, count) > 0);
        }
        if (!has_roles || index == VERIFY_FREEZE_CONSUMER) {
            VERIFY_FREEZE_IN(mark, verify_queue_pop(queue, values, VERIFY_FREEZE_PART) > 0);
        }
    }
}

static void verify_freeze_work_over(verify_freeze_structure *structure, verify_freeze_mark *mark) {
    uint32_t value = 0;
    while (!verify_freeze_ends(structure)) {
        for (int i = 0; i < 2; i++) VERIFY_FREEZE_IN(mark, verify_queue_push_over(&structure->queue, value));
        VERIFY_FREEZE_IN(mark, verify_queue_pop(&structure->queue, &value, 1) > 0);
    }
}

/// The owner pushes more than it pops, so that thieves find something, and pops all the same.
static void verify_freeze_work_owner(verify_freeze_structure *structure, verify_freeze_mark *mark) {
    uint32_t handle = 0;
    while (!verify_freeze_ends(structure)) {
        for (int i = 0; i < 3; i++) VERIFY_FREEZE_IN(mark, gyre_runq_push(&structure->runq, handle));
        VERIFY_FREEZE_IN(mark, gyre_runq_pop(&structure->runq, &handle));
    }
}

static void verify_freeze_work_thief(verify_freeze_structure *structure, verify_freeze_mark *mark) {
    uint32_t handles[GYRE_CHUNK_HANDLES];
    while (!verify_freeze_ends(structure)) {
        VERIFY_FREEZE_IN(mark, gyre_runq_steal(&structure->runq, handles, GYRE_CHUNK_HANDLES) > 0);
    }
}

/// Only the calls that reach the shared stacks: two chunks out, two chunks back.
static void verify_freeze_work_depot(verify_freeze_structure *structure, verify_freeze_mark *mark) {
    gyre_stash stash = {.count = 0};
    gyre_stash held = {.count = 0};
    while (!verify_freeze_ends(structure)) {
        for (int i = 0; i < 2; i++) {
            VERIFY_FREEZE_IN(mark, gyre_depot_refill(&structure->depot, &stash));
            memcpy(held.handle + held.count, stash.handle, stash.count * sizeof stash.handle[0]);
            held.count += stash.count;
            stash.count = 0;
        }
        while (held.count >= GYRE_CHUNK_HANDLES) {
            VERIFY_FREEZE_IN(mark, (gyre_depot_spill(&structure->depot, &held), true));
        }
    }
}

static void verify_freeze_work_notifier(verify_freeze_structure *structure, verify_freeze_mark *mark) {
    while (!verify_freeze_ends(structure)) {
        VERIFY_FREEZE_IN(mark, (gyre_event_notify_one(&structure->event), true));
        VERIFY_FREEZE_IN(mark, (gyre_event_notify_all(&structure->event), true));
    }
}

static bool verify_freeze_wait_once(verify_freeze_structure *structure) {
    uint32_t key = gyre_event_prepare(&structure->event);
    if (verify_freeze_ends(structure)) {
        gyre_event_cancel(&structure->event);
        return false;
    }
    return gyre_event_wait(&structure->event, key, GYRE_FUTEX_NO_DEADLINE);
}

static void verify_freeze_work_waiter(verify_freeze_structure *structure, verify_freeze_mark *mark) {
    while (!verify_freeze_ends(structure)) VERIFY_FREEZE_IN(mark, verify_freeze_wait_once(structure));
}

/// A look and a use are no completions: what counts is a sweep that found the use, or a claim that was won.
static void verify_freeze_work_cached(verify_freeze_structure *structure, verify_freeze_mark *mark) {
    gyre_cached *cached = &structure->cached;
    while (!verify_freeze_ends(structure)) {
        VERIFY_FREEZE_IN(mark, (gyre_cached_touch(cached), false));
        VERIFY_FREEZE_IN(mark, gyre_cached_is_open(cached) && gyre_cached_sweep(cached));
        uint64_t now = gyre_load_relaxed(&cached->due);
        VERIFY_FREEZE_IN(mark, gyre_cached_is_due(cached, now) && gyre_cached_claim(cached, now, now + 1));
    }
}

void verify_freeze_work(verify_freeze_structure *structure, verify_freeze_mark *mark, uint32_t index) {
    switch (structure->subject) {
    case VERIFY_FREEZE_TWO_PHASE_RING: verify_freeze_work_two_phase(structure, mark); break;
    case VERIFY_FREEZE_QUEUE: verify_freeze_work_queue(structure, mark, index); break;
    case VERIFY_FREEZE_OVER: verify_freeze_work_over(structure, mark); break;
    case VERIFY_FREEZE_CACHED: verify_freeze_work_cached(structure, mark); break;
    case VERIFY_FREEZE_RUNQ:
        if (index == 0) verify_freeze_work_owner(structure, mark);
        else verify_freeze_work_thief(structure, mark);
        break;
    case VERIFY_FREEZE_DEPOT: verify_freeze_work_depot(structure, mark); break;
    case VERIFY_FREEZE_EVENT:
        if (index < 2) verify_freeze_work_notifier(structure, mark);
        else verify_freeze_work_waiter(structure, mark);
        break;
    }
}

bool verify_freeze_has_work(verify_freeze_structure *structure, uint32_t stopped) {
    // Thieves whose owner is stopped can take what is in its queue, and then have nothing to do.
    if (structure->subject == VERIFY_FREEZE_RUNQ) return gyre_runq_has_item(&structure->runq);
    // Producers whose consumer is stopped can fill the ring.
    bool is_consumer = verify_freeze_has_roles(structure) && stopped == VERIFY_FREEZE_CONSUMER;
    return !is_consumer || verify_queue_size(&structure->queue) < structure->queue.capacity;
}

void verify_freeze_end(verify_freeze_structure *structure) {
    gyre_store_relaxed(&structure->ends, 1); // ordered by the fence of notify, as any change before it
    gyre_event_notify_all(&structure->event);
}
