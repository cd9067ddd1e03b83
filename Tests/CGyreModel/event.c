// event.c: gyre_event.h on the checker: nobody sleeps while there is something for him. Deadlock is a lost wake-up.

#include "gyre_event.h"
#include "gyre_ring.h"
#include "model.h"

#include <string.h>

static gyre_event event;
static gyre_ring ring;
static gyre_atomic_u64 slots[4];
static uint64_t records[8];
static uint32_t got[4];

static void setup(void) {
    memset(&event, 0xaa, sizeof event);
    gyre_event_init(&event);
    gyre_ring_init(&ring, slots, 4, 0);
    for (uint32_t i = 0; i < 4; i++) got[i] = 0;
}

static void produce(uint32_t handle) {
    gyre_plain_write(records[handle], 1);
    MODEL_CHECK(gyre_ring_try_push(&ring, handle) == GYRE_RING_OK);
}

static uint32_t take_waiting(void) {
    uint32_t handle;
    for (;;) {
        if (gyre_ring_try_pop(&ring, &handle) == GYRE_RING_OK) break;
        uint32_t key = gyre_event_prepare(&event);
        if (gyre_ring_try_pop(&ring, &handle) == GYRE_RING_OK) {
            gyre_event_cancel(&event);
            break;
        }
        MODEL_CHECK(gyre_event_wait(&event, key, GYRE_FUTEX_NO_DEADLINE));
    }
    (void)gyre_plain_read(records[handle]);
    return handle;
}

static void check_two(void) {
    MODEL_CHECK(got[2] + got[3] == 3);
    MODEL_CHECK(got[2] != 0);
    MODEL_CHECK(got[3] != 0);
    MODEL_CHECK(gyre_event_waiters(&event) == 0);
}

/// Two producers, two consumers of one handle each, everybody woken.
static void wake_all(uint32_t i) {
    if (i < 2) {
        produce(i + 1);
        gyre_event_notify_all(&event);
    } else {
        got[i] = take_waiting();
    }
}

/// One woken, and whoever takes passes the wake on.
static void wake_chained(uint32_t i) {
    if (i < 2) {
        produce(i + 1);
        gyre_event_notify_one(&event);
    } else {
        got[i] = take_waiting();
        if (gyre_ring_has_item(&ring)) gyre_event_notify_one(&event);
    }
}

/// One producer and one consumer, twice: the epoch of an earlier wake must not be taken for a later one.
static void twice(uint32_t i) {
    for (uint32_t turn = 1; turn <= 2; turn++) {
        if (i == 0) {
            produce(turn);
            gyre_event_notify_one(&event);
        } else {
            got[turn + 1] = take_waiting();
        }
    }
}

// ---------------------------------------------------------------------------------------------------------
// Why the wake must be chained. A queue whose pop says "empty" while an older push is claimed and not finished, as
// rings with a ticket do: the thread that is woken for the second item finds nothing and sleeps again, and the wake for
// the first item is one wake for two items.

static gyre_atomic_u32 tail;
static gyre_atomic_u32 head;
static gyre_atomic_u32 published[2];

static void setup_tickets(void) {
    setup();
    gyre_store_relaxed(&tail, 0);
    gyre_store_relaxed(&head, 0);
    for (uint32_t i = 0; i < 2; i++) gyre_store_relaxed(&published[i], 0);
}

static void ticket_push(void) {
    uint32_t ticket = gyre_fetch_add_acq_rel(&tail, 1);
    gyre_store_release(&published[ticket], 1);
}

static bool ticket_has_item(void) {
    uint32_t first = gyre_load_acquire(&head);
    return first < 2 && gyre_load_acquire(&published[first]) == 1;
}

static bool ticket_pop(void) {
    uint32_t first = gyre_load_acquire(&head);
    while (first < 2 && gyre_load_acquire(&published[first]) == 1) {
        if (gyre_cas_acq_rel_acquire(&head, &first, first + 1)) return true;
    }
    return false;
}

static void ticket_take_waiting(void) {
    while (!ticket_pop()) {
        uint32_t key = gyre_event_prepare(&event);
        if (ticket_pop()) {
            gyre_event_cancel(&event);
            break;
        }
        (void)gyre_event_wait(&event, key, GYRE_FUTEX_NO_DEADLINE);
    }
}

static void tickets_chained(uint32_t i) {
    if (i < 2) ticket_push();
    else ticket_take_waiting();
    gyre_event_notify_one(&event);
}

/// A look without a fence before it may miss the item that the other producer has told a sleeper about.
static void tickets_chained_unfenced(uint32_t i) {
    if (i < 2) ticket_push();
    else ticket_take_waiting();
    if (i < 2 || ticket_has_item()) gyre_event_notify_one(&event);
}

static void tickets_plain(uint32_t i) {
    if (i < 2) {
        ticket_push();
        gyre_event_notify_one(&event);
    } else {
        ticket_take_waiting();
    }
}

// ---------------------------------------------------------------------------------------------------------
// All are woken: two wait for the same.

static gyre_atomic_u32 happened;
static void setup_happened(void) {
    setup();
    gyre_store_relaxed(&happened, 0);
}

static void two_wait(uint32_t i) {
    if (i == 2) {
        gyre_store_release(&happened, 1);
        gyre_event_notify_all(&event);
        return;
    }
    while (gyre_load_acquire(&happened) == 0) {
        uint32_t key = gyre_event_prepare(&event);
        if (gyre_load_acquire(&happened) == 1) gyre_event_cancel(&event);
        else (void)gyre_event_wait(&event, key, GYRE_FUTEX_NO_DEADLINE);
    }
}

/// One waits for the second change of another, while a third notifies of nothing: an epoch that a slow notify has read
/// must not come to stand for a later one.
static void wait_for_second(uint32_t i) {
    if (i == 0) return gyre_event_notify_all(&event);
    for (uint32_t change = 1; i == 1 && change <= 2; change++) {
        gyre_store_release(&happened, change);
        gyre_event_notify_all(&event);
    }
    while (i == 2 && gyre_load_acquire(&happened) < 2) {
        uint32_t key = gyre_event_prepare(&event);
        if (gyre_load_acquire(&happened) == 2) gyre_event_cancel(&event);
        else (void)gyre_event_wait(&event, key, GYRE_FUTEX_NO_DEADLINE);
    }
}

static void check_nothing(void) {}

#define EVENT(title, count, begin, body, last, preemptions, ...)                                                    \
    {.name = "event/" title, .threads = count, .setup = begin, .thread = body, .check = last, .bound = preemptions, \
     .chance = 60000, __VA_ARGS__}

static const model_test tests[] = {
    EVENT("one to one, twice", 2, setup, twice, check_two, MODEL_COMPLETE, .stale = 1),
    EVENT("one to one, twice, spurious", 2, setup, twice, check_two, MODEL_COMPLETE, .spurious = true, .stale = 1),
    EVENT("two notify, one of them twice", 3, setup_happened, wait_for_second, check_nothing, 3, .stale = 1),
    EVENT("all are woken", 3, setup_happened, two_wait, check_nothing, MODEL_COMPLETE, .stale = 1),
    EVENT("wake all, 2 to 2", 4, setup, wake_all, check_two, 0, .stale = 1),
    EVENT("chained wake, 2 to 2", 4, setup, wake_chained, check_two, 0, .stale = 1),
    EVENT("chained wake, inexact pop", 4, setup_tickets, tickets_chained, check_nothing, 1, .stale = 1),
    EVENT("chained wake, look without a fence", 4, setup_tickets, tickets_chained_unfenced, check_nothing, 2,
          .fails = "deadlock"),
    EVENT("plain wake of one, inexact pop", 4, setup_tickets, tickets_plain, check_nothing, 2, .fails = "deadlock"),
};

MODEL_HARNESS(event, tests);
