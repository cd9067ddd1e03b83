// gyre_event.h: an event count: how a thread sleeps until a lock-free structure may have changed.
//
// Source      D. Reed, R. Kanodia, "Synchronization with eventcounts and sequencers", CACM 22(2), 1979; in this form
//             (prepare, look again, wait) D. Vyukov's eventcount and folly's EventCount.
// Progress    prepare, cancel and notify are wait-free. wait blocks, that is its purpose.
// Order       None is promised: what a thread was woken for travels by the edges of the structure it then looks at.
// Allocation  None; 8 bytes. Both words are written by sleepers, and by notifiers only while somebody sleeps: a
//             notifier that finds nobody has loaded one word and written none, so the line may be shared with
//             read-mostly data. A notify touches the words until it returns: the event outlives it.
//
//      look ─ nothing ─▶ prepare: key ─▶ look again ─ nothing ─▶ wait(key) ─▶ look ...
//                                            └─ something ─▶ cancel
//
//      change the structure ─▶ notify
//
// I1  waiters counts the threads between prepare and the end of their cancel or wait, but for those that a notify has
//     woken: it takes them off itself (F4 of gyre_futex.h says how many), so a thread that is woken and does not run
//     yet costs later notifies nothing. The count may lag when it falls, never when it rises (V1 | V2).
// I2  epoch moves with every notify that saw a waiter. A thread whose key is not the epoch any more does not sleep.
// I3  A thread that sleeps again although it was woken holds the present epoch as its key: it has looked after the
//     change of every notify there was, so it kept no wake from anybody who needed it.
//
// V1 | V2  the pair that must not both miss each other. Waiter: count itself in waiters; fence; look at the structure.
//          Notifier: change the structure; fence; load waiters. Whichever fence comes second in the one order of all
//          seq_cst fences, its thread sees what the other did before: the notifier the waiter, or the waiter the
//          change.
// V3  the key is loaded before the waiter's fence, and the epoch is moved after the notifier's. A waiter that reads the
//     moved epoch as its key therefore has its fence after the notifier's, and sees the change when it looks again. So
//     it is right not to be woken by that notify, and relaxed accesses suffice for both words.
//
// Waking one. notify_one says "somebody look", and is enough only if whoever takes an item passes the wake on: after a
// take notify_one again (the chained wake), or do so only if there is more, as a look after a seq_cst fence shows; one
// without the fence may miss an item whose producer has woken a thread in vain. Without the chain a wake is lost when a
// thread that was woken for the second item takes the first while the second is still invisible to it, or when a thread
// that never slept takes an item and leaves the woken one with the other. The waiters must also be alike, any of them
// able to take any item; else notify_all. A thread whose wait ends at its deadline has kept no wake: the kernel gave it
// none.
//
// Bound: a thread that stands still between prepare and the sleep of its wait while exactly 2^32 notifies find waiters
// would take the epoch for unmoved.

#ifndef GYRE_EVENT_H
#define GYRE_EVENT_H

#include "gyre_atomic.h"
#include "gyre_futex.h"

typedef struct gyre_event {
    gyre_atomic_u32 epoch;   // the futex word
    gyre_atomic_u32 waiters;
} gyre_event;

GYRE_INLINE void gyre_event_init(gyre_event *event) {
    // Relaxed: nobody else knows the event yet.
    gyre_store_relaxed(&event->epoch, 0);
    gyre_store_relaxed(&event->waiters, 0);
}

/// Announces a waiter and returns its key. The caller looks at the structure again, then calls cancel or wait, once.
GYRE_INLINE uint32_t gyre_event_prepare(gyre_event *event) {
    (void)gyre_fetch_add_relaxed(&event->waiters, 1);  // ordered by the fence
    uint32_t key = gyre_load_relaxed(&event->epoch);   // V3
    gyre_fence_seq_cst();                              // V1
    return key;
}

/// Takes an announcement back: the second look found something, or no notify woke the thread.
GYRE_INLINE void gyre_event_cancel(gyre_event *event) {
    (void)gyre_fetch_sub_relaxed(&event->waiters, 1); // I1: seen late, it costs a notifier a system call
}

/// Sleeps until a notify after the prepare that gave `key`, or until `deadline_nanoseconds` of CLOCK_MONOTONIC
/// (GYRE_FUTEX_NO_DEADLINE for none). False when the deadline passed first. Look again in either case.
GYRE_INLINE bool gyre_event_wait(gyre_event *event, uint32_t key, uint64_t deadline_nanoseconds) {
    bool notified = true;
    while (notified && gyre_load_relaxed(&event->epoch) == key) { // relaxed: the next look orders itself (V3)
        gyre_futex_result result = gyre_futex_wait(&event->epoch, key, deadline_nanoseconds);
        // I1. Also when the epoch has not moved: a notify that came before the prepare has been slow to wake.
        if (result == GYRE_FUTEX_WOKEN) return true;
        notified = result != GYRE_FUTEX_LATE;
    }
    gyre_event_cancel(event);
    return notified;
}

GYRE_INLINE void gyre_event_notify(gyre_event *event, uint32_t count) {
    gyre_fence_seq_cst();                                                 // V2
    if (gyre_likely(gyre_load_relaxed(&event->waiters) == 0)) return;     // ordered by the fence
    (void)gyre_fetch_add_relaxed(&event->epoch, 1);                       // V3
    uint32_t woken = gyre_futex_wake(&event->epoch, count);
    if (woken > 0) (void)gyre_fetch_sub_relaxed(&event->waiters, woken); // I1
}

/// After a change: wakes one waiter, if there is any. For chained wakes only, see above.
GYRE_INLINE void gyre_event_notify_one(gyre_event *event) { gyre_event_notify(event, 1); }

/// After a change: wakes all waiters.
GYRE_INLINE void gyre_event_notify_all(gyre_event *event) { gyre_event_notify(event, GYRE_FUTEX_WAKE_ALL); }

/// How many threads are between prepare and the end of their wait and have not been woken. For snapshots, and for a
/// notifier that has fenced (V2) and asks whether a notify has a point.
GYRE_INLINE uint32_t gyre_event_waiters(const gyre_event *event) { return gyre_load_relaxed(&event->waiters); }

#endif
