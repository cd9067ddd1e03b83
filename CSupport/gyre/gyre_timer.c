// gyre_timer.c: turning the wheel. Everything here but creation runs in one thread at a time, between A2 and A1.

#include "gyre_timer.h"

#include <stdlib.h>
#include <sys/mman.h>

#define GYRE_TIMER_DIGIT_BITS 6

static gyre_timer_record *gyre_timer_at(gyre_timer_wheel *wheel, uint32_t index) { return &wheel->records[index]; }

// ---------------------------------------------------------------------------------------------------------
// Lists of records, by index; 0 ends them.

static bool gyre_timer_before(gyre_timer_wheel *wheel, uint32_t a, uint32_t b) {
    uint64_t due_a = gyre_plain_read(gyre_timer_at(wheel, a)->due);
    uint64_t due_b = gyre_plain_read(gyre_timer_at(wheel, b)->due);
    if (due_a != due_b) return due_a < due_b;
    uint32_t later = gyre_plain_read(gyre_timer_at(wheel, b)->sequence) -
                     gyre_plain_read(gyre_timer_at(wheel, a)->sequence);
    return (int32_t)later > 0; // by difference: sequences wrap
}

/// Merges two sorted lists into one with `next` and `previous`. Stops where one ends, so a few records that come to the
/// head of a long list cost what they are.
static uint32_t gyre_timer_merge(gyre_timer_wheel *wheel, uint32_t a, uint32_t b) {
    uint32_t head = 0;
    uint32_t last = 0;
    while (a != 0 || b != 0) {
        bool rest = a == 0 || b == 0;
        bool first = b == 0 || (a != 0 && gyre_timer_before(wheel, a, b));
        uint32_t chosen = first ? a : b;
        if (first) a = gyre_plain_read(gyre_timer_at(wheel, a)->next);
        else b = gyre_plain_read(gyre_timer_at(wheel, b)->next);
        gyre_plain_write(gyre_timer_at(wheel, chosen)->previous, last);
        if (last != 0) gyre_plain_write(gyre_timer_at(wheel, last)->next, chosen);
        else head = chosen;
        last = chosen;
        if (rest) break; // what follows is linked already
    }
    return head;
}

/// Sorts a list by merging runs of 1, 2, 4 ... records: run k holds 2^k of them or none.
static uint32_t gyre_timer_sort(gyre_timer_wheel *wheel, uint32_t list) {
    uint32_t runs[GYRE_TIMER_INDEX_BITS + 1] = {0};
    while (list != 0) {
        uint32_t run = list;
        list = gyre_plain_read(gyre_timer_at(wheel, run)->next);
        gyre_plain_write(gyre_timer_at(wheel, run)->next, 0);
        uint32_t k = 0;
        for (; runs[k] != 0; k++) {
            run = gyre_timer_merge(wheel, runs[k], run);
            runs[k] = 0;
        }
        runs[k] = run;
    }
    uint32_t sorted = 0;
    for (uint32_t k = 0; k <= GYRE_TIMER_INDEX_BITS; k++) {
        if (runs[k] != 0) sorted = sorted == 0 ? runs[k] : gyre_timer_merge(wheel, runs[k], sorted);
    }
    return sorted;
}

// ---------------------------------------------------------------------------------------------------------
// Places on the wheel.

/// Puts a record where it belongs (I4). What belongs in front is put on `*fresh`, to be sorted in all at once.
static void gyre_timer_place(gyre_timer_wheel *wheel, uint32_t index, uint32_t *fresh) {
    gyre_timer_record *record = gyre_timer_at(wheel, index);
    uint64_t due = gyre_plain_read(record->due);
    uint64_t tick = due >> GYRE_TIMER_TICK_SHIFT;
    uint64_t present = gyre_plain_read(wheel->tick);
    if (tick <= present) {
        gyre_plain_write(record->place, GYRE_TIMER_PLACE_FRONT);
        gyre_plain_write(record->next, *fresh);
        *fresh = index;
        return;
    }
    // With 64^level <= tick - present < 64^(level + 1) there are 1 to 64 of its slots between the two.
    uint32_t level = (63 - (uint32_t)__builtin_clzll(tick - present)) / GYRE_TIMER_DIGIT_BITS;
    uint32_t shift = level * GYRE_TIMER_DIGIT_BITS;
    if ((tick >> shift) - (present >> shift) == GYRE_TIMER_SLOTS) {
        level += 1;
        shift += GYRE_TIMER_DIGIT_BITS;
    }
    uint32_t digit = (uint32_t)(tick >> shift) % GYRE_TIMER_SLOTS;
    uint32_t slot = level * GYRE_TIMER_SLOTS + digit;
    uint64_t occupied = gyre_plain_read(wheel->occupied[level]);
    uint32_t head = 0;
    if (occupied >> digit & 1) {
        head = gyre_plain_read(wheel->slots[slot]);
        gyre_plain_write(gyre_timer_at(wheel, head)->previous, index);
        if (due < gyre_plain_read(wheel->earliest[slot])) gyre_plain_write(wheel->earliest[slot], due);
    } else {
        gyre_plain_write(wheel->occupied[level], occupied | 1ull << digit);
        gyre_plain_write(wheel->earliest[slot], due);
    }
    gyre_plain_write(wheel->slots[slot], index);
    gyre_plain_write(record->place, slot);
    gyre_plain_write(record->next, head);
    gyre_plain_write(record->previous, 0);
}

static void gyre_timer_place_fresh(gyre_timer_wheel *wheel, uint32_t fresh) {
    if (fresh == 0) return;
    uint32_t sorted = gyre_timer_sort(wheel, fresh);
    gyre_plain_write(wheel->front, gyre_timer_merge(wheel, gyre_plain_read(wheel->front), sorted));
}

static void gyre_timer_unlink(gyre_timer_wheel *wheel, uint32_t index) {
    gyre_timer_record *record = gyre_timer_at(wheel, index);
    uint32_t next = gyre_plain_read(record->next);
    uint32_t previous = gyre_plain_read(record->previous);
    uint32_t slot = gyre_plain_read(record->place);
    GYRE_ASSERT(slot <= GYRE_TIMER_PLACE_FRONT);
    if (next != 0) gyre_plain_write(gyre_timer_at(wheel, next)->previous, previous);
    if (previous != 0) {
        gyre_plain_write(gyre_timer_at(wheel, previous)->next, next);
    } else if (slot == GYRE_TIMER_PLACE_FRONT) {
        GYRE_ASSERT(gyre_plain_read(wheel->front) == index);
        gyre_plain_write(wheel->front, next);
    } else if (next != 0) {
        GYRE_ASSERT(gyre_plain_read(wheel->slots[slot]) == index);
        gyre_plain_write(wheel->slots[slot], next);
    } else {
        uint64_t occupied = gyre_plain_read(wheel->occupied[slot / GYRE_TIMER_SLOTS]);
        gyre_plain_write(wheel->occupied[slot / GYRE_TIMER_SLOTS], occupied & ~(1ull << slot % GYRE_TIMER_SLOTS));
    }
}

/// The first slot of `level` and the tick at which it begins: not before the present one. False when all are empty.
static bool gyre_timer_first_of(gyre_timer_wheel *wheel, uint32_t level, uint32_t *slot, uint64_t *begins) {
    uint64_t occupied = gyre_plain_read(wheel->occupied[level]);
    if (occupied == 0) return false;
    uint32_t shift = level * GYRE_TIMER_DIGIT_BITS;
    uint64_t present = gyre_plain_read(wheel->tick) >> shift;
    uint32_t digit = (uint32_t)present % GYRE_TIMER_SLOTS;
    uint64_t from_present = occupied >> digit | occupied << (GYRE_TIMER_SLOTS - digit) % GYRE_TIMER_SLOTS;
    uint64_t next = present + (uint32_t)__builtin_ctzll(from_present);
    *slot = level * GYRE_TIMER_SLOTS + (uint32_t)next % GYRE_TIMER_SLOTS;
    *begins = next << shift;
    return true;
}

/// The slot that comes first of all, and the tick at which it begins. False when the wheel is empty.
static bool gyre_timer_first_slot(gyre_timer_wheel *wheel, uint32_t *slot, uint64_t *begins) {
    bool any = false;
    for (uint32_t level = 0; level < GYRE_TIMER_LEVELS; level++) {
        uint32_t candidate;
        uint64_t start;
        if (!gyre_timer_first_of(wheel, level, &candidate, &start)) continue;
        if (any && start >= *begins) continue;
        any = true;
        *slot = candidate;
        *begins = start;
    }
    return any;
}

/// No later than any record on the wheel is due, and exact unless the first was cancelled.
static uint64_t gyre_timer_earliest(gyre_timer_wheel *wheel) {
    uint32_t front = gyre_plain_read(wheel->front);
    if (front != 0) return gyre_plain_read(gyre_timer_at(wheel, front)->due);
    uint64_t earliest = GYRE_TIMER_NEVER;
    for (uint32_t level = 0; level < GYRE_TIMER_LEVELS; level++) {
        uint32_t slot;
        uint64_t begins;
        if (!gyre_timer_first_of(wheel, level, &slot, &begins)) continue;
        uint64_t due = gyre_plain_read(wheel->earliest[slot]);
        if (due < earliest) earliest = due;
    }
    return earliest;
}

// ---------------------------------------------------------------------------------------------------------
// Inboxes.

static void gyre_timer_hold(gyre_timer_wheel *wheel, uint32_t more, uint32_t less) {
    gyre_store_relaxed(&wheel->held, gyre_load_relaxed(&wheel->held) + more - less); // single-writer; for snapshots
}

static void gyre_timer_take_cancels(gyre_timer_wheel *wheel) {
    if (gyre_load_relaxed(&wheel->cancels) == 0) return; // what is missed is met by a later turn
    uint32_t index = (uint32_t)gyre_exchange_acquire(&wheel->cancels, 0); // C2
    while (index != 0) {
        gyre_timer_record *record = gyre_timer_at(wheel, index);
        uint32_t next = gyre_plain_read(record->cancel_link);
        uint32_t place = gyre_plain_read(record->place);
        if (place == GYRE_TIMER_PLACE_INBOX) {
            gyre_plain_write(record->place, GYRE_TIMER_PLACE_EARLY); // I3
        } else {
            if (place != GYRE_TIMER_PLACE_DROPPED) gyre_timer_unlink(wheel, index);
            gyre_timer_hold(wheel, 0, 1);
            gyre_timer_record_give(wheel, index);
        }
        index = next;
    }
}

/// Puts what was emptied from inserts on the wheel. It comes youngest first, and its depth is known, so each record can
/// be given its place in the order of arrival at once.
static void gyre_timer_place_inserts(gyre_timer_wheel *wheel, uint64_t inserts) {
    uint32_t index = (uint32_t)inserts;
    uint32_t end = gyre_plain_read(wheel->sequence) + (uint32_t)(inserts >> 32);
    gyre_plain_write(wheel->sequence, end);
    uint32_t fresh = 0;
    while (index != 0) {
        gyre_timer_record *record = gyre_timer_at(wheel, index);
        uint32_t older = gyre_load_relaxed(&record->link); // ordered by the emptying: N2
        end -= 1;
        if (gyre_plain_read(record->place) == GYRE_TIMER_PLACE_EARLY) {
            gyre_timer_record_give(wheel, index); // I3: its cancel was taken before
        } else {
            gyre_timer_hold(wheel, 1, 0);
            // Relaxed: whoever cancelled it has written nothing here that is read now; its cancel is yet to come.
            if ((gyre_load_relaxed(&record->state) & 0xff) == GYRE_TIMER_CANCELLED) {
                gyre_plain_write(record->place, GYRE_TIMER_PLACE_DROPPED); // I3
            } else {
                gyre_plain_write(record->sequence, end);
                gyre_timer_place(wheel, index, &fresh);
            }
        }
        index = older;
    }
    gyre_timer_place_fresh(wheel, fresh);
}

// ---------------------------------------------------------------------------------------------------------
// Turning.

/// Takes the first record of front and fires it, unless it was cancelled. Returns how many fired.
static uint64_t gyre_timer_fire(gyre_timer_wheel *wheel, uint64_t now, gyre_timer_sink sink, void *context) {
    uint32_t index = gyre_plain_read(wheel->front);
    gyre_timer_record *record = gyre_timer_at(wheel, index);
    gyre_timer_unlink(wheel, index);
    // Relaxed: the exchange only decides (I1). The record came by N2, and goes by F1.
    uint64_t armed = gyre_load_relaxed(&record->state) & ~0xffull;
    armed |= GYRE_TIMER_ARMED;
    if (!gyre_cas_relaxed_relaxed(&record->state, &armed, (armed & ~0xffull) | GYRE_TIMER_FIRED)) {
        gyre_plain_write(record->place, GYRE_TIMER_PLACE_DROPPED); // I3
        return 0;
    }
    gyre_timer_fired fired = {
        .function = gyre_plain_read(record->function),
        .word0 = gyre_plain_read(record->word0),
        .word1 = gyre_plain_read(record->word1),
        .due = gyre_plain_read(record->due),
    };
    fired.lateness = now - fired.due;
    gyre_timer_hold(wheel, 0, 1);
    gyre_timer_record_give(wheel, index);
    sink(context, &fired);
    return 1;
}

/// Fires all on the wheel that is due at `now`, slot after slot.
static uint64_t gyre_timer_fire_due(gyre_timer_wheel *wheel, uint64_t now, gyre_timer_sink sink, void *context) {
    uint64_t fired = 0;
    for (;;) {
        uint32_t front;
        while ((front = gyre_plain_read(wheel->front)) != 0) {
            if (gyre_plain_read(gyre_timer_at(wheel, front)->due) > now) break;
            fired += gyre_timer_fire(wheel, now, sink, context);
        }
        uint32_t slot;
        uint64_t begins;
        if (!gyre_timer_first_slot(wheel, &slot, &begins)) break;
        if (begins > now >> GYRE_TIMER_TICK_SHIFT) break;
        GYRE_ASSERT(front == 0); // what is in front is due before any slot begins
        GYRE_ASSERT(begins > gyre_plain_read(wheel->tick)); // I4
        gyre_plain_write(wheel->tick, begins);
        uint32_t fresh = 0;
        uint64_t also;
        do { // slots of several levels may begin together, and what is due first may be in any of them
            uint32_t level = slot / GYRE_TIMER_SLOTS;
            uint64_t occupied = gyre_plain_read(wheel->occupied[level]);
            gyre_plain_write(wheel->occupied[level], occupied & ~(1ull << slot % GYRE_TIMER_SLOTS));
            for (uint32_t index = gyre_plain_read(wheel->slots[slot]); index != 0;) {
                uint32_t next = gyre_plain_read(gyre_timer_at(wheel, index)->next);
                gyre_timer_place(wheel, index, &fresh); // on a lower level, or in front
                index = next;
            }
        } while (gyre_timer_first_slot(wheel, &slot, &also) && also == begins);
        gyre_timer_place_fresh(wheel, fresh);
    }
    // No slot begins up to now: every record is as far ahead of the new tick as it must be (I4).
    uint64_t tick = now >> GYRE_TIMER_TICK_SHIFT;
    if (tick > gyre_plain_read(wheel->tick)) gyre_plain_write(wheel->tick, tick);
    return fired;
}

static void gyre_timer_turn_once(gyre_timer_wheel *wheel, uint64_t now, gyre_timer_sink sink, void *context,
                                 gyre_timer_turn *turn) {
    uint64_t before = gyre_load_relaxed(&wheel->next_due); // raised by turners only: A2 shows the last raise
    gyre_timer_take_cancels(wheel);
    if (gyre_load_relaxed(&wheel->inserts) != 0) { // what is missed is met below
        gyre_timer_place_inserts(wheel, gyre_exchange_acquire(&wheel->inserts, 0)); // N2
    }
    turn->fired += gyre_timer_fire_due(wheel, now, sink, context);

    // An insert that lowered it meanwhile is on the wheel, so `next` knows it, or is met below. Relaxed: N3 publishes
    // it.
    uint64_t next = gyre_timer_earliest(wheel);
    if (next > before) gyre_store_relaxed(&wheel->next_due, next);

    // Inserts that came meanwhile compared themselves with the old next_due and may have found it early enough.
    uint64_t late = gyre_exchange_acq_rel(&wheel->inserts, 0); // N2, N3
    if (late == 0) return;
    gyre_timer_place_inserts(wheel, late);
    turn->fired += gyre_timer_fire_due(wheel, now, sink, context);
    if (gyre_timer_lower(wheel, gyre_timer_earliest(wheel))) turn->wake = true;
}

gyre_timer_turn gyre_timer_advance(gyre_timer_wheel *wheel, uint64_t now, gyre_timer_sink sink, void *context) {
    gyre_timer_turn turn = {.fired = 0, .next_due = 0, .wake = false, .busy = false};
    if (now > GYRE_TIMER_NEVER - 3) now = GYRE_TIMER_NEVER; // the end of time, so that a request has room for 0 and 1
    uint64_t request = now == GYRE_TIMER_NEVER ? now : now + 2;
    uint64_t seen = gyre_load_relaxed(&wheel->turn); // the exchange decides
    for (;;) {
        if (seen == 0) {
            if (gyre_cas_acquire_relaxed(&wheel->turn, &seen, 1)) break; // A2
        } else if (gyre_cas_release_relaxed(&wheel->turn, &seen, seen > request ? seen : request)) { // A3
            turn.busy = true;
            turn.next_due = gyre_timer_next_due(wheel);
            return turn;
        }
    }
    for (;;) {
        gyre_timer_turn_once(wheel, now, sink, context, &turn);
        turn.next_due = gyre_timer_next_due(wheel);
        uint64_t unasked = 1;
        if (gyre_cas_release_relaxed(&wheel->turn, &unasked, 0)) return turn; // A1
        uint64_t asked = gyre_exchange_acquire(&wheel->turn, 1); // A4
        uint64_t until = asked == GYRE_TIMER_NEVER ? asked : asked - 2;
        if (until > now) now = until;
    }
}

// ---------------------------------------------------------------------------------------------------------
// Creation.

void gyre_timer_init(gyre_timer_wheel *wheel, gyre_timer_record *records, uint32_t capacity, uint64_t now) {
    GYRE_ASSERT(capacity > 0);
    GYRE_ASSERT(capacity <= GYRE_TIMER_CAPACITY_MAX);
    wheel->records = records;
    wheel->capacity = capacity;
    wheel->tick = now >> GYRE_TIMER_TICK_SHIFT;
    gyre_store_relaxed(&wheel->next_due, GYRE_TIMER_NEVER); // nobody else knows the wheel yet
}

gyre_timer_wheel *gyre_timer_create(uint32_t capacity, uint64_t now) {
    if (capacity == 0 || capacity > GYRE_TIMER_CAPACITY_MAX) return NULL;
    size_t wheel_bytes = (sizeof(gyre_timer_wheel) + 4095) & ~(size_t)4095;
    size_t record_bytes = ((size_t)capacity + 1) * sizeof(gyre_timer_record);
    char *memory = mmap(NULL, wheel_bytes + record_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    gyre_timer_wheel *wheel = (gyre_timer_wheel *)memory;
    gyre_timer_init(wheel, (gyre_timer_record *)(memory + wheel_bytes), capacity, now);
    return wheel;
}

void gyre_timer_destroy(gyre_timer_wheel *wheel) {
    if (wheel == NULL) return;
    size_t record_bytes = ((size_t)wheel->capacity + 1) * sizeof(gyre_timer_record);
    size_t records_begin = (size_t)((char *)wheel->records - (char *)wheel);
    munmap(wheel, records_begin + record_bytes);
}
