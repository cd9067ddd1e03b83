// gyre_timer.h: a hierarchical timing wheel: many timers, most of which are cancelled, in one cache line each.
//
// Source      G. Varghese, A. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987. Places are chosen by how
//             far ahead a timer is due, as in Linux before 4.8: by the highest digit that differs, as in Tokio, all
//             that is due behind the next turn of a level lies in one slot above, and is moved at one instant. Inboxes:
//             R. K. Treiber's stack (IBM RJ 5118, 1986), emptied only as a whole, so it knows no ABA.
// Progress    insert and cancel are lock-free for any number of threads. advance never waits: one thread at a time
//             turns the wheel, another leaves it a word and goes. A thread that is stopped while it turns the wheel
//             delays the timers, and nobody who inserts or cancels.
// Order       What was done before an insert happens before its timer fires. The timers that were inserted before a
//             turn began fire in it in order of due time, and those of the same due time in the order of their inserts,
//             where one insert happened before the other. Timers that arrive during the turn follow, in the same order
//             among themselves. No timer fires before its due time.
// Allocation  In gyre_timer_create only, touched as it is used: 64 bytes a timer, 7 KiB a wheel.
// Time        Nanoseconds, handed in by the caller; no clock is read here. Any 64-bit instant is in range.
//
//      insert: take a record ─▶ write it, armed ─▶ push on inserts ─▶ lower next_due
//      cancel: armed ─▶ cancelled ─▶ push on cancels
//      advance, one thread at a time:
//              cancels ─▶ unlinked and given back    inserts ─▶ the wheel
//              fire what is due    publish next_due    inserts once more
//
//      record   free ──insert──▶ armed, generation g ──advance: exchange──▶ fired ──▶ free
//                                       └──────cancel: exchange──▶ cancelled ──▶ free, when both inboxes gave it up
//
//      wheel    level 0: 64 slots of 65.5 us    level 1: 64 slots of 4.2 ms    ...    level 7: 64 slots of 9.1 years
//               front: what lies in the present slot of level 0, sorted by due time, then by sequence
//
// I1  A timer fires or is cancelled, never both: one exchange on its state decides. Token = index and generation; a
//     token whose generation is over meets another word there and is refused.
// I2  Fields of a record belong to the inserter until the push, then to whoever turns the wheel, until it is given
//     back; but cancel_link belongs to the canceller until its push.
// I3  A cancelled record is given back once, by whichever inbox is emptied second: the other one marks its place
//     (early: the cancel came first; dropped: it was met without its cancel, or did not fire for it).
// I4  Let T be the present tick. A record with a due tick up to T is in front. Any other is on a level k where its
//     slot, 64^k ticks long, begins after T and less than 64 slots after that of T. So each slot holds records of one
//     turn only, those of a level follow each other from T's digit on, no slot is met before its time, and when one
//     begins its records move down. A slot is no longer than what its records had to wait when they were put there.
// I5  next_due is never later than the due time of an armed timer whose insert has returned, but for the moment between
//     publishing and the second look at inserts. Whoever lowers it, inserter or turner, is told to wake who sleeps on
//     it.
//
// T1 -> T2  insert arms with release, cancel acquires: a canceller may write cancel_link, and what it hands over is
//           ordered after the insert, however the token came to it.
// N1 -> N2  an insert's push releases the record, the emptying of inserts acquires all that were pushed.
// N3 -> N4  after publishing a later next_due, the turner empties inserts once more, with release; a push acquires. An
//           insert whose record this emptying missed pushed after it, so it sees the published next_due, and lowers it
//           itself.
// C1 -> C2  a cancel's push releases cancel_link, the emptying of cancels acquires it.
// A1 -> A2  whoever stops turning releases the wheel, the next turner acquires it.
// A3 -> A4  whoever is turned away asks with release; the turner takes the request with acquire and turns again, so it
//           sees what the other had inserted.
// F1 -> F2  a record is given back with release and taken with acquire: its old fields are read before they are
//           rewritten.
//
// Sleeping. Whoever sleeps until next_due announces the sleep first and reads next_due afterwards, and whoever is told
// to wake looks for announced sleepers afterwards (gyre_event.h V1 | V2). A next_due that was read before the
// announcement may have been lowered in between by an insert that found nobody to wake.
//
// Bound: generations have 36 bits: a token is mistaken for another after 2^36 uses of one record. The tag of the free
// list has 32: a take that stands still for exactly 2^32 changes of it may take a record that is in use.

#ifndef GYRE_TIMER_H
#define GYRE_TIMER_H

#include "gyre_atomic.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GYRE_TIMER_TICK_SHIFT 16 // a tick is 65,536 ns
#define GYRE_TIMER_LEVELS 8u     // (64 - 16) / 6: every tick of 48 bits has a place
#define GYRE_TIMER_SLOTS 64u
#define GYRE_TIMER_INDEX_BITS 28
#define GYRE_TIMER_CAPACITY_MAX ((1u << GYRE_TIMER_INDEX_BITS) - 1)
#define GYRE_TIMER_NEVER UINT64_MAX

/// Inserts or cancels between two turns after which somebody is woken to turn the wheel, though nothing may be due: so
/// that the memory of timers that were cancelled comes back, and a turn stays short.
#if !defined(GYRE_TIMER_INBOX_DEEP)
#define GYRE_TIMER_INBOX_DEEP 4096u
#endif

/// What a timer is for. The wheel hands it on and never calls it.
typedef void (*gyre_timer_function)(uint64_t word0, uint64_t word1);

/// Names a timer: index 28 | generation 36. A value; never 0 for a timer, so 0 may stand for none.
typedef uint64_t gyre_timer_token;

enum { GYRE_TIMER_FREE = 0, GYRE_TIMER_ARMED = 1, GYRE_TIMER_CANCELLED = 2, GYRE_TIMER_FIRED = 3 };

typedef struct gyre_timer_record {
    gyre_timer_function function; // I2, N1 -> N2
    uint64_t word0;
    uint64_t word1;
    gyre_atomic_u64 state; // generation 56 | phase 8
    uint64_t due;
    uint32_t next;         // in a slot, in front, or in a list of the turner; 0 at the end
    uint32_t previous;     // in a slot or in front; 0 at the head
    gyre_atomic_u32 link;  // in inserts or in the free list; atomic because a taker may read it too late
    uint32_t cancel_link;  // in cancels
    uint32_t place;        // a slot, or one of the marks of gyre_timer_place
    uint32_t sequence;     // order of arrival at the wheel, by difference
} GYRE_CACHE_ALIGNED gyre_timer_record;

GYRE_STATIC_ASSERT(sizeof(gyre_timer_record) == GYRE_CACHE_LINE_BYTES, "one line a timer");

enum gyre_timer_place {
    GYRE_TIMER_PLACE_FRONT = 512,
    GYRE_TIMER_PLACE_INBOX = 513,   // pushed on inserts, not yet seen there
    GYRE_TIMER_PLACE_EARLY = 514,   // as before, and its cancel has been seen: inserts gives it back
    GYRE_TIMER_PLACE_DROPPED = 515, // in no list but cancels, which gives it back
};

typedef struct gyre_timer_wheel {
    gyre_timer_record *records;                  // line 0: read-only after creation. Record 0 is never used
    uint32_t capacity;
    GYRE_CACHE_ALIGNED gyre_atomic_u64 inserts;  // line 1: depth 32 | index of the youngest; inserters contend here
    gyre_atomic_u64 cancels;                     //         the same; here because a timer that is cancelled visits both
    GYRE_CACHE_ALIGNED gyre_atomic_u64 next_due; // line 2: loaded by every insert and every poll, stored seldom
    GYRE_CACHE_ALIGNED gyre_atomic_u64 free;     // line 3: tag 32 | index
    gyre_atomic_u32 carved;                      //         records that were ever taken
    GYRE_CACHE_ALIGNED gyre_atomic_u64 turn;     // line 4: 0 nobody turns | 1 somebody does | n: and shall, up to n - 2
    gyre_atomic_u32 held;                        //         records the turner has not given back; it alone stores
    uint32_t sequence;                           //         from here on the turner's: A1 -> A2
    uint32_t front;
    uint64_t tick;                               // I4
    uint64_t occupied[GYRE_TIMER_LEVELS];        // a bit for each slot that holds a record
    uint32_t slots[GYRE_TIMER_LEVELS * GYRE_TIMER_SLOTS];    // first record of each
    uint64_t earliest[GYRE_TIMER_LEVELS * GYRE_TIMER_SLOTS]; // of an occupied slot: nothing in it is due before
} gyre_timer_wheel;

GYRE_STATIC_ASSERT(offsetof(gyre_timer_wheel, next_due) - offsetof(gyre_timer_wheel, inserts) == GYRE_CACHE_LINE_BYTES,
                   "polling must not share a line with the inboxes");

/// A timer whose time has come, as handed to the sink of gyre_timer_advance. The record is given back already.
typedef struct gyre_timer_fired {
    gyre_timer_function function;
    uint64_t word0;
    uint64_t word1;
    uint64_t due;
    uint64_t lateness; // of the turn's instant, never negative
} gyre_timer_fired;

typedef void (*gyre_timer_sink)(void *context, const gyre_timer_fired *fired);

typedef struct gyre_timer_turn {
    uint64_t fired;    // timers handed to the sink
    uint64_t next_due; // as published; GYRE_TIMER_NEVER when nothing waits
    bool wake;         // next_due became earlier than sleepers may have read: wake one that sleeps until next_due
    bool busy;         // another thread turns the wheel and will turn it for this call too; nothing was done here
} gyre_timer_turn;

// ---------------------------------------------------------------------------------------------------------
// Creation.

/// A wheel for up to `capacity` timers at once (1 to GYRE_TIMER_CAPACITY_MAX) whose present is `now`. NULL when memory
/// is out or the capacity is out of range. Memory is reserved for all and used as timers are.
gyre_timer_wheel *gyre_timer_create(uint32_t capacity, uint64_t now);

/// Nobody may use the wheel any more. Timers that have not fired are forgotten: advance to GYRE_TIMER_NEVER fires them
/// all.
void gyre_timer_destroy(gyre_timer_wheel *wheel);

/// The same in memory of the caller, all zero: `records` has capacity + 1 elements.
void gyre_timer_init(gyre_timer_wheel *wheel, gyre_timer_record *records, uint32_t capacity, uint64_t now);

/// Fires what is due at `now`, each through `sink`, and says when to come back. `now` may lie before that of an earlier
/// call; the wheel does not turn back then. The sink may insert, cancel and advance.
gyre_timer_turn gyre_timer_advance(gyre_timer_wheel *wheel, uint64_t now, gyre_timer_sink sink, void *context);

// ---------------------------------------------------------------------------------------------------------
// Records: a tagged stack of those that were given back, over fresh ones that nobody has touched.

/// A record of the caller's own, or 0 when all are in use.
GYRE_INLINE uint32_t gyre_timer_record_take(gyre_timer_wheel *wheel) {
    uint64_t top = gyre_load_acquire(&wheel->free); // F2
    while ((uint32_t)top != 0) {
        // Relaxed: if another thread has taken this record and given it back, the tag has moved on and the exchange
        // fails.
        uint32_t below = gyre_load_relaxed(&wheel->records[(uint32_t)top].link);
        uint64_t taken = ((top >> 32) + 1) << 32 | below;
        // Relaxed on success: the load that saw `top` has acquired already. On failure the new top is acquired: F2.
        if (gyre_cas_relaxed_acquire(&wheel->free, &top, taken)) return (uint32_t)top;
    }
    uint32_t carved = gyre_load_relaxed(&wheel->carved); // a fresh record has never been anybody's: nothing to order
    while (carved < wheel->capacity) {
        if (gyre_cas_relaxed_relaxed(&wheel->carved, &carved, carved + 1)) return carved + 1;
    }
    return 0;
}

GYRE_INLINE void gyre_timer_record_give(gyre_timer_wheel *wheel, uint32_t index) {
    uint64_t top = gyre_load_relaxed(&wheel->free); // only compared; what is below is not read
    for (;;) {
        gyre_store_relaxed(&wheel->records[index].link, (uint32_t)top); // published by the exchange
        uint64_t given = ((top >> 32) + 1) << 32 | index;
        if (gyre_cas_release_relaxed(&wheel->free, &top, given)) return; // F1
    }
}

// ---------------------------------------------------------------------------------------------------------
// Any thread.

/// Lowers next_due to `due` unless it is as early already. True when this call lowered it.
GYRE_INLINE bool gyre_timer_lower(gyre_timer_wheel *wheel, uint64_t due) {
    uint64_t seen = gyre_load_relaxed(&wheel->next_due); // relaxed: N4 has ordered it after what matters
    while (due < seen) {
        if (gyre_cas_relaxed_relaxed(&wheel->next_due, &seen, due)) return true;
    }
    return false;
}

/// Inserts a timer. False when all records are in use: nothing was done, and an advance may free those that were
/// cancelled. `*token` is written before anybody can see the timer, so its function finds it there. `*wake` says that
/// whoever sleeps until next_due must be woken: this timer is earlier, or the inboxes are deep.
GYRE_INLINE bool gyre_timer_insert(gyre_timer_wheel *wheel, uint64_t due, gyre_timer_function function, uint64_t word0,
                                   uint64_t word1, gyre_timer_token *token, bool *wake) {
    uint32_t index = gyre_timer_record_take(wheel);
    if (gyre_unlikely(index == 0)) return false;
    gyre_timer_record *record = &wheel->records[index];
    gyre_plain_write(record->function, function); // N1
    gyre_plain_write(record->word0, word0);
    gyre_plain_write(record->word1, word1);
    gyre_plain_write(record->due, due);
    gyre_plain_write(record->place, GYRE_TIMER_PLACE_INBOX);
    // Relaxed: the record is the caller's (F2). Shifted out and in again, so that a generation wraps as a token's does.
    uint64_t generation = (gyre_load_relaxed(&record->state) >> 8) + 1;
    generation = generation << GYRE_TIMER_INDEX_BITS >> GYRE_TIMER_INDEX_BITS;
    gyre_plain_write(*token, generation << GYRE_TIMER_INDEX_BITS | index); // N1
    gyre_store_release(&record->state, generation << 8 | GYRE_TIMER_ARMED); // T1

    uint64_t seen = gyre_load_relaxed(&wheel->inserts); // only compared; the exchange orders
    uint64_t pushed;
    do {
        gyre_store_relaxed(&record->link, (uint32_t)seen); // published by the exchange
        pushed = ((seen >> 32) + 1) << 32 | index;
    } while (!gyre_cas_acq_rel_relaxed(&wheel->inserts, &seen, pushed)); // N1, N4
    bool deep = (pushed >> 32) % GYRE_TIMER_INBOX_DEEP == 0;
    *wake = gyre_timer_lower(wheel, due) || deep;
    return true;
}

/// Cancels a timer. True when it will not fire: what its words stand for is the caller's to clean up. False when it has
/// fired or was cancelled, and for a token that never was one.
GYRE_INLINE bool gyre_timer_cancel(gyre_timer_wheel *wheel, gyre_timer_token token) {
    uint32_t index = (uint32_t)token & GYRE_TIMER_CAPACITY_MAX;
    if (gyre_unlikely(index == 0 || index > wheel->capacity)) return false;
    gyre_timer_record *record = &wheel->records[index];
    uint64_t generation = token >> GYRE_TIMER_INDEX_BITS;
    uint64_t expected = generation << 8 | GYRE_TIMER_ARMED;
    uint64_t cancelled = generation << 8 | GYRE_TIMER_CANCELLED;
    if (!gyre_cas_acquire_relaxed(&record->state, &expected, cancelled)) return false; // T2

    uint64_t seen = gyre_load_relaxed(&wheel->cancels); // only compared; the exchange orders
    uint64_t pushed;
    do {
        gyre_plain_write(record->cancel_link, (uint32_t)seen); // C1
        pushed = ((seen >> 32) + 1) << 32 | index;
    } while (!gyre_cas_release_relaxed(&wheel->cancels, &seen, pushed)); // C1
    return true;
}

/// The earliest instant at which an advance may have something to fire; GYRE_TIMER_NEVER for none (I5).
GYRE_INLINE uint64_t gyre_timer_next_due(const gyre_timer_wheel *wheel) {
    return gyre_load_relaxed(&wheel->next_due); // a value that carries nothing else
}

/// Whether a thread that comes by should advance: a timer is due, or an inbox is deep.
GYRE_INLINE bool gyre_timer_wants_advance(const gyre_timer_wheel *wheel, uint64_t now) {
    if (gyre_load_relaxed(&wheel->next_due) <= now) return true; // all three are hints
    if (gyre_load_relaxed(&wheel->inserts) >> 32 >= GYRE_TIMER_INBOX_DEEP) return true;
    return gyre_load_relaxed(&wheel->cancels) >> 32 >= GYRE_TIMER_INBOX_DEEP;
}

/// How many timers are armed, derived from where they are: exact when nobody uses the wheel, near it otherwise.
GYRE_INLINE uint64_t gyre_timer_waiting(const gyre_timer_wheel *wheel) {
    uint64_t arrived = gyre_load_relaxed(&wheel->inserts) >> 32; // three estimates of different moments
    uint64_t held = gyre_load_relaxed(&wheel->held);
    uint64_t leaving = gyre_load_relaxed(&wheel->cancels) >> 32;
    return arrived + held > leaving ? arrived + held - leaving : 0;
}

/// Memory that timers have used so far, with the wheel itself.
GYRE_INLINE uint64_t gyre_timer_bytes(const gyre_timer_wheel *wheel) {
    uint64_t records = (uint64_t)gyre_load_relaxed(&wheel->carved) + 1; // only grows; an estimate
    return sizeof(gyre_timer_wheel) + records * sizeof(gyre_timer_record);
}

#ifdef __cplusplus
}
#endif

#endif
