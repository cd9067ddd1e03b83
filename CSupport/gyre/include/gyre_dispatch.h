// gyre_dispatch.h: how a task travels from a submitter to a worker.
//
// Source      Put together from the pieces of this folder. An owner queue for each worker *and* for each thread that
//             submits, measured against six other ways (a shared ring of records, of handles, of chunks): twice the
//             ring.
// Progress    submit, next and give are lock-free. A stopped thread holds up nobody; it may hide the chunk that it
//             was moving (32 tasks) and the free handles of its stash (64).
// Order       First in, first out within each queue, approximate across queues. A submit happens before its task runs.
// Allocation  In gyre_dispatch_create, and once for each thread that submits for the first time. That first submit also
//             forgets the thread's seats in pools that have ended, if no other thread has the list of pools.
//
//      submit ─▶ own queue (256) ─ full ─▶ the 32 oldest as one chunk ─▶ work (ring of chunks)
//             └▶ another lane, or a thread without a seat ─▶ injector of the lane (ring of handles)
//
//      next   ◀─ injector high ◀─ own queue ◀─ work ◀─ injector normal ◀─ overflow ◀─ submitters' queues, in rotation
//                ◀─ other workers' queues (half) ◀─ injector low ◀─ injector background
//             every 64th turn begins at one of work, normal, overflow, submitters, low, own, background, in rotation
//
// A seat is what one thread has in one pool: its queue, its stash of free records, its cells. Workers keep theirs for
// life. Another thread takes one with its first submit and leaves it when it ends: queue and stash stay where they
// are, reachable as before, and the next thread inherits them, so a thread that ends loses nothing and moves nothing.
// Threads beyond the number of seats use records of their own, taken from and returned to a ring.
//
// I1  Every queue has room for every handle that can come to it (records for injectors, chunks for work), so a submit
//     can be refused in one place only: when no free record is left. Nothing is half done then.
// I2  Full is not exact: up to 64 free handles lie in each stash. At least `in_flight` tasks are accepted, and at most
//     in_flight + 64 * seats.
// S1 -> S2  a seat is given up with release and taken over with acquire: the next owner continues its plain fields.
// F1 -> F2  a worker stores its count of finished records with release, gyre_dispatch_is_quiet loads it with acquire:
//           it then sees every record that was queued before, or by, one of those. So equal sums mean that nothing
//           was in flight.
// L1 -> L2  a thread that queues a job of the concurrency runtime is inside of the pool until its last look at it (L1),
//           and gyre_dispatch_destroy waits until nobody is (L2). Nobody else needs that: whoever submits a task keeps
//           the pool alive meanwhile. The runtime has the job's task keep it, and the task may end before the submit
//           does. It went inside before the job could be seen, so whoever comes after the job sees that.
// R1 -> R2  the last worker's end is released by gyre_dispatch_stopped and acquired by gyre_dispatch_retract: the
//           submitter then takes its item back from a queue that nobody else looks at.
// W1 | W2  see gyre_park.h P1 | P2: the fence in gyre_dispatch_wake pairs with those of a worker that is about to
//          sleep.
// W1 | W3  a worker that saw `closed` fences and looks once more before it leaves. It may have seen the store before
//          the closer's fence, so that fence is not enough: a submit whose fence came in between would neither see the
//          pool closed nor be seen. Either the submit's fence is first, and the last look finds the item, or the
//          worker's is, and the submit sees `closed`, which the worker had seen.

#ifndef GYRE_DISPATCH_H
#define GYRE_DISPATCH_H

#include "gyre_atomic.h"
#include "gyre_clock.h"
#include "gyre_counter.h"
#include "gyre_depot.h"
#include "gyre_histogram.h"
#include "gyre_overflow.h"
#include "gyre_park.h"
#include "gyre_record.h"
#include "gyre_ring.h"
#include "gyre_runq.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GYRE_LANE_HIGH = 0, GYRE_LANE_NORMAL = 1, GYRE_LANE_LOW = 2, GYRE_LANE_BACKGROUND = 3, GYRE_LANES = 4 };

#define GYRE_DISPATCH_FAIR_TURNS 64u
#define GYRE_DISPATCH_FAIR_SOURCES 7u
/// From one worker that a thread wakes beside a searching one to the next: longer than a worker needs to be woken
/// (10 us), shorter than what the system takes a processor away for.
#define GYRE_DISPATCH_BESIDE_NANOSECONDS 20000u

typedef struct gyre_dispatch gyre_dispatch;
typedef struct gyre_seat gyre_seat;

/// Counters of a seat, each with its owner as the only writer. Sums over all seats are the pool's.
enum {
    GYRE_COUNT_QUEUED = 0, // records queued from this thread
    GYRE_COUNT_FINISHED,   // records that this worker took and is done with; stored with release (F1 -> F2)
    GYRE_COUNT_STOLEN,     // records taken from another seat's queue
    GYRE_COUNT_DONE,       // tasks that ran to their end, whatever came of them
    GYRE_COUNT_FAILED,     // of these, tasks whose body threw
    GYRE_COUNT_LATE,       // tasks never started: the deadline had passed
    GYRE_COUNT_CANCELLED,  // tasks never started: cancelled, or closed over
    GYRE_COUNT_SKIPPED,    // graph nodes whose parents did not succeed
    GYRE_COUNT_STEPS,      // steps of longer tasks: executor jobs and the like
    GYRE_COUNT_BUSY,       // nanoseconds between leaving idleness and returning to it
    GYRE_COUNT_PARKS,
    GYRE_COUNT_PASSED_ON,  // wakes passed on to another worker
    GYRE_COUNT_HELPED,     // records that were run by a body that waited for another task
    GYRE_COUNT_REFUSED,    // submits that found the pool full
    GYRE_COUNTS = 16
};

/// What one thread has in one pool.
struct gyre_seat {
    gyre_dispatch *dispatch; // the owner's alone, but for `taken`
    const gyre_clock *clock; // NULL: nothing is timed here, and nobody is woken beside a worker that searches
    gyre_task_times *times;  // workers only; the owner writes, snapshots read
    uint64_t now;            // the last task boundary, nanoseconds of the clock; workers only
    uint32_t index;
    uint32_t turn;           // turns of this worker, for fairness
    uint32_t cursor;         // where the last search of other seats ended
    uint32_t sampled;        // tasks since the last one that was timed
    gyre_atomic_u32 taken;   // S1 -> S2
    gyre_atomic_u32 inside;  // L1 -> L2; the owner writes
    uint64_t beside_from;    // when the owner may wake a worker beside another again
    // Written by the owner, read by snapshots.
    GYRE_CACHE_ALIGNED gyre_counter_line counts[GYRE_COUNTS / GYRE_COUNTERS_PER_LINE];
    gyre_stash stash;        // free records
    gyre_runq runq;          // shared with thieves, lines of its own
};

struct gyre_dispatch {
    uint64_t id;                    // line 0: read-only after creation. Unique in the process, unlike the address
    gyre_record *records;
    gyre_seat *seats;               // workers first, then submitters
    uint32_t worker_count;
    uint32_t seat_count;
    uint32_t record_count;          // of the depot; the guests' follow
    uint32_t guest_count;
    gyre_ring *work;                // ids of full chunks
    gyre_ring *injectors[GYRE_LANES];
    gyre_ring *guests;              // free records of threads without a seat
    gyre_overflow *overflow;
    gyre_parker *parkers;
    gyre_chunk *chunks;
    gyre_depot depot;               // lines of its own
    gyre_park park;                 // a line of its own
    GYRE_CACHE_ALIGNED gyre_atomic_u32 seats_used; // one past the highest seat ever taken
    gyre_atomic_u32 stopping;       // running tasks are asked to stop; stored once
    gyre_atomic_u32 stopped;        // no worker runs any more; stored once, and the futex word of retract
    gyre_atomic_u32 inside;         // threads without a seat that are inside, L1 -> L2
    gyre_atomic_u64 outside[GYRE_COUNTS]; // the counts of threads without a seat
    gyre_dispatch *next_live;       // under the registry's lock
};

typedef struct gyre_dispatch_configuration {
    uint32_t workers;    // 1 to GYRE_PARK_WORKERS_MAX
    uint32_t submitters; // seats for other threads
    uint32_t in_flight;  // tasks that are accepted at least before "full"
    uint32_t guests;     // records for threads without a seat, at least 2
    const gyre_clock *clock; // outlives the pool; NULL for none
} gyre_dispatch_configuration;

/// NULL when memory is out or the configuration is out of range.
gyre_dispatch *gyre_dispatch_create(const gyre_dispatch_configuration *configuration);

/// Frees everything, once nobody is inside (gyre_dispatch_enter). No other thread may use the pool any more; seats of
/// living threads are forgotten safely.
void gyre_dispatch_destroy(gyre_dispatch *dispatch);

/// Gives worker seat `index` to the calling thread, for as long as it lives or until gyre_dispatch_leave.
gyre_seat *gyre_dispatch_sit(gyre_dispatch *dispatch, uint32_t index);

/// Leaves the seat of the calling thread, if it has one.
void gyre_dispatch_leave(gyre_dispatch *dispatch);

/// The seat of the calling thread; it takes a free one the first time. NULL when all are taken.
gyre_seat *gyre_dispatch_seat_slow(gyre_dispatch *dispatch);

/// Seats that the calling thread remembers, those in pools that have ended since it last took one included. For tests.
uint32_t gyre_thread_seats(void);

/// Looks for a task everywhere but in the own queue and the high lane. Returns a handle or GYRE_HANDLE_NONE.
uint32_t gyre_dispatch_next_elsewhere(gyre_dispatch *dispatch, gyre_seat *seat);

/// The turn in which a rotating source comes first. Returns a handle or GYRE_HANDLE_NONE.
uint32_t gyre_dispatch_next_fair(gyre_dispatch *dispatch, gyre_seat *seat);

/// Moves the 32 oldest handles of a full own queue to `work`.
void gyre_dispatch_relieve(gyre_dispatch *dispatch, gyre_seat *seat);

/// Whether any queue holds anything. Exact for a caller that has fenced after telling producers (W2).
bool gyre_dispatch_has_item(gyre_dispatch *dispatch);

/// Wakes one worker if that is wanted; loops while there is something and the token was given back for nobody.
void gyre_dispatch_wake_slow(gyre_dispatch *dispatch);

/// For a submit that saw a worker asleep: wakes it if nobody searches, or if the own queue holds more than one item and
/// this thread has woken nobody beside a searching worker for GYRE_DISPATCH_BESIDE_NANOSECONDS. `seat` may be NULL,
/// which has no such queue.
void gyre_dispatch_tell_sleeper(gyre_dispatch *dispatch, gyre_seat *seat);

/// Worker only, after it took an item while it held the token: gives the token back, and wakes the next worker if there
/// is more to do. True when it looked for one.
bool gyre_dispatch_pass_wake_on(gyre_dispatch *dispatch);

typedef enum gyre_idle_result {
    GYRE_IDLE_FOUND = 0, // there may be something: go on taking; the announcement is withdrawn
    GYRE_IDLE_LEAVE = 1, // the pool is closed and nothing was left; the announcement is withdrawn
    GYRE_IDLE_SLEEP = 2, // nothing to do: sleep with gyre_park_sleep
} gyre_idle_result;

/// Worker only, when it found nothing: announces sleep, gives the token up and looks once more. `*holds_token` is
/// whether the worker holds the token, before and after.
gyre_idle_result gyre_dispatch_prepare_sleep(gyre_dispatch *dispatch, uint32_t worker, bool *holds_token);

/// Whether the pool is closed and nothing is left (W3): the worker that asks leaves then, and looks no more.
bool gyre_dispatch_may_leave(gyre_dispatch *dispatch);

/// Stops the pool for good: injectors are sealed, every worker is woken to see it. What was submitted before is still
/// there, and a worker leaves only after a look that found nothing.
void gyre_dispatch_close(gyre_dispatch *dispatch);

/// Says that no worker runs any more, to those who wait in gyre_dispatch_retract.
void gyre_dispatch_stopped(gyre_dispatch *dispatch);

/// For a submit that saw the pool closed after it had queued its item. Waits until no worker runs any more, then
/// looks whether the item, `handle`, is still there. True: it has been taken back and will not run. False: a worker had
/// it. (Earlier items of this thread are left only by a drain that gave workers up: their submits fenced before the
/// close, so no worker leaves without them.)
bool gyre_dispatch_retract(gyre_dispatch *dispatch, gyre_seat *seat, uint32_t handle);

/// The thread's seat in the pool it used last: one comparison on the path of a submit.
typedef struct gyre_seat_cache {
    uint64_t id;
    gyre_seat *seat;
} gyre_seat_cache;

extern __thread gyre_seat_cache gyre_seat_last;

/// A word that the thread's present task may use, 0 at first.
extern __thread uint64_t gyre_thread_task;
GYRE_INLINE uint64_t gyre_thread_word(void) { return gyre_thread_task; }
GYRE_INLINE void gyre_thread_set_word(uint64_t word) { gyre_thread_task = word; }

/// The pool whose worker the calling thread is, or NULL.
extern __thread gyre_dispatch *gyre_thread_home;

/// Asks whatever the pool's workers run to stop. Final.
GYRE_INLINE void gyre_dispatch_ask_to_stop(gyre_dispatch *dispatch) {
    gyre_store_relaxed(&dispatch->stopping, 1); // a wish: it orders nothing
}

/// Whether the calling thread is a worker whose pool asks its tasks to stop.
GYRE_INLINE bool gyre_thread_is_asked_to_stop(void) {
    return gyre_thread_home != NULL && gyre_load_relaxed(&gyre_thread_home->stopping) != 0;
}

/// The seat of the calling thread, or NULL when all seats are taken (the thread is then a guest).
GYRE_INLINE gyre_seat *gyre_dispatch_seat(gyre_dispatch *dispatch) {
    if (gyre_likely(gyre_seat_last.id == dispatch->id)) return gyre_seat_last.seat;
    return gyre_dispatch_seat_slow(dispatch);
}

/// Whether the calling thread is one of the pool's workers; never takes a seat.
GYRE_INLINE bool gyre_dispatch_is_worker(const gyre_dispatch *dispatch) {
    return gyre_seat_last.id == dispatch->id && gyre_seat_last.seat != NULL &&
           gyre_seat_last.seat->index < dispatch->worker_count;
}

GYRE_INLINE gyre_record *gyre_dispatch_record(gyre_dispatch *dispatch, uint32_t handle) {
    return &dispatch->records[handle];
}

GYRE_INLINE uint32_t gyre_dispatch_handle(const gyre_dispatch *dispatch, const gyre_record *record) {
    return (uint32_t)(record - dispatch->records);
}

/// Counts for the thread of `seat`, or for a thread without one.
GYRE_INLINE void gyre_dispatch_count(gyre_dispatch *dispatch, gyre_seat *seat, uint32_t which, uint64_t amount) {
    if (gyre_likely(seat != NULL)) gyre_counter_add(gyre_counter_word(seat->counts, which / GYRE_COUNTERS_PER_LINE,
                                                                      which % GYRE_COUNTERS_PER_LINE), amount);
    else (void)gyre_fetch_add_relaxed(&dispatch->outside[which], amount);
}

/// Counts a record as done with, after everything that its task did. Worker only.
GYRE_INLINE void gyre_dispatch_count_finished(gyre_seat *seat) {
    gyre_atomic_u64 *word = gyre_counter_word(seat->counts, 0, GYRE_COUNT_FINISHED);
    gyre_store_release(word, gyre_load_relaxed(word) + 1); // F1
}

/// Whether, at a moment within the call, every record that had been queued was done with.
bool gyre_dispatch_is_quiet(gyre_dispatch *dispatch);

/// One count of one seat.
GYRE_INLINE uint64_t gyre_dispatch_seat_count(gyre_dispatch *dispatch, uint32_t seat, uint32_t which) {
    return gyre_counter_read(gyre_counter_word(dispatch->seats[seat].counts, which / GYRE_COUNTERS_PER_LINE,
                                               which % GYRE_COUNTERS_PER_LINE));
}

/// Whether a worker has a thread, and whether that sleeps or is about to. For snapshots: they order nothing.
GYRE_INLINE bool gyre_dispatch_worker_sits(const gyre_dispatch *dispatch, uint32_t worker) {
    return gyre_load_relaxed(&dispatch->seats[worker].taken) != 0;
}
GYRE_INLINE bool gyre_dispatch_worker_sleeps(const gyre_dispatch *dispatch, uint32_t worker) {
    return (gyre_load_relaxed(&dispatch->park.idle) >> worker & 1) != 0;
}

/// The sum of one count over all seats and the threads without one.
uint64_t gyre_dispatch_sum(gyre_dispatch *dispatch, uint32_t which);

GYRE_INLINE bool gyre_dispatch_is_closed(gyre_dispatch *dispatch) {
    return gyre_load_acquire(&dispatch->park.closed) != 0; // the closer's stores before it
}

// Swift sees a pool and a seat as opaque pointers; these are their fields.
GYRE_INLINE gyre_park *gyre_dispatch_park(gyre_dispatch *dispatch) { return &dispatch->park; }
GYRE_INLINE gyre_overflow *gyre_dispatch_overflow(gyre_dispatch *dispatch) { return dispatch->overflow; }
GYRE_INLINE gyre_task_times *gyre_seat_times(const gyre_seat *seat) { return seat->times; }
GYRE_INLINE uint32_t gyre_seat_index(const gyre_seat *seat) { return seat->index; }
GYRE_INLINE uint64_t gyre_seat_now(const gyre_seat *seat) { return seat->now; }
GYRE_INLINE void gyre_seat_set_now(gyre_seat *seat, uint64_t now) { seat->now = now; }
GYRE_INLINE void gyre_seat_instruments(gyre_seat *seat, gyre_task_times *times) { seat->times = times; }
/// Owner only. Whether the next task is one of those that are timed, of which there is one in `stride`.
GYRE_INLINE bool gyre_seat_sample(gyre_seat *seat, uint32_t stride) {
    if (++seat->sampled < stride) return false;
    seat->sampled = 0;
    return true;
}

/// Whether a quarter of the records lies in the depot, for those who wait for room: an estimate.
GYRE_INLINE bool gyre_dispatch_has_room(gyre_dispatch *dispatch) {
    int32_t chunks = (int32_t)gyre_load_relaxed(&dispatch->depot.full_count); // may be below zero for a moment
    uint32_t fresh = dispatch->record_count - gyre_load_relaxed(&dispatch->depot.carved);
    uint32_t free_records = fresh + (chunks > 0 ? (uint32_t)chunks * GYRE_CHUNK_HANDLES : 0);
    return free_records >= dispatch->record_count / 4;
}

/// A free record, or NULL when the pool is full. `seat` may be NULL for a guest.
GYRE_INLINE gyre_record *gyre_dispatch_take(gyre_dispatch *dispatch, gyre_seat *seat) {
    uint32_t handle;
    if (gyre_unlikely(seat == NULL)) {
        if (gyre_ring_try_pop(dispatch->guests, &handle) != GYRE_RING_OK) return NULL;
        return &dispatch->records[handle];
    }
    handle = gyre_depot_take(&dispatch->depot, &seat->stash);
    if (gyre_unlikely(handle == GYRE_HANDLE_NONE)) return NULL;
    if (gyre_likely(seat->stash.count >= 2)) {
        __builtin_prefetch(&dispatch->records[seat->stash.handle[seat->stash.count - 2]], 1);
    }
    return &dispatch->records[handle];
}

/// Gives a record back. True when a chunk of records became free for others.
GYRE_INLINE bool gyre_dispatch_give(gyre_dispatch *dispatch, gyre_seat *seat, gyre_record *record) {
    uint32_t handle = gyre_dispatch_handle(dispatch, record);
    gyre_record_end(record);
    if (gyre_unlikely(handle >= dispatch->record_count || seat == NULL)) {
        if (handle >= dispatch->record_count) {
            (void)gyre_ring_try_push(dispatch->guests, handle); // I1: it has a slot for every guest record
            return true;
        }
        GYRE_ASSERT(seat != NULL); // a record of the depot is given back by a thread with a seat
    }
    return gyre_depot_give(&dispatch->depot, &seat->stash, handle);
}

/// From here to gyre_dispatch_exit the pool is not freed, although nothing but the queued job keeps it.
GYRE_INLINE void gyre_dispatch_enter(gyre_dispatch *dispatch, gyre_seat *seat) {
    if (gyre_likely(seat != NULL)) {
        gyre_store_relaxed(&seat->inside, 1); // the queue that the job goes through orders it
    } else {
        (void)gyre_fetch_add_relaxed(&dispatch->inside, 1); // the same
    }
}

/// The last that a thread does with the pool.
GYRE_INLINE void gyre_dispatch_exit(gyre_dispatch *dispatch, gyre_seat *seat) {
    if (gyre_likely(seat != NULL)) {
        gyre_store_release(&seat->inside, 0); // L1
    } else {
        (void)gyre_fetch_sub_release(&dispatch->inside, 1); // L1
    }
}

/// Tells idle workers about an item that has just been queued; `seat` is that of its queue, or NULL. False when the
/// pool was closed before it was certain that a worker sees the item: the caller then settles the matter with
/// gyre_dispatch_retract.
GYRE_INLINE bool gyre_dispatch_wake(gyre_dispatch *dispatch, gyre_seat *seat) {
    gyre_fence_seq_cst(); // W1
    if (gyre_unlikely(gyre_park_has_sleeper(&dispatch->park))) gyre_dispatch_tell_sleeper(dispatch, seat);
    return gyre_likely(gyre_load_relaxed(&dispatch->park.closed) == 0); // ordered by the fence
}

/// Queues a record that is written. Only the thread of `seat` may call with it. Returns GYRE_RING_OK, or
/// GYRE_RING_CLOSED when the pool was closed: the record then is the caller's again, and its task will not run.
GYRE_INLINE gyre_ring_result gyre_dispatch_submit(gyre_dispatch *dispatch, gyre_seat *seat, gyre_record *record,
                                                  uint32_t lane) {
    uint32_t handle = gyre_dispatch_handle(dispatch, record);
    if (gyre_unlikely(seat == NULL || lane != GYRE_LANE_NORMAL)) {
        // Counted before a worker can see it, or its end would stand for another's in gyre_dispatch_is_quiet.
        gyre_dispatch_count(dispatch, seat, GYRE_COUNT_QUEUED, 1);
        // I1: never full. A sealed injector says exactly whether the item is in.
        if (gyre_ring_try_push(dispatch->injectors[lane], handle) != GYRE_RING_OK) {
            gyre_dispatch_count(dispatch, seat, GYRE_COUNT_QUEUED, UINT64_MAX); // one less, modulo 2^64
            return GYRE_RING_CLOSED;
        }
        (void)gyre_dispatch_wake(dispatch, NULL);
        return GYRE_RING_OK;
    }
    gyre_dispatch_count(dispatch, seat, GYRE_COUNT_QUEUED, 1);
    while (gyre_unlikely(!gyre_runq_push(&seat->runq, handle))) gyre_dispatch_relieve(dispatch, seat);
    if (gyre_likely(gyre_dispatch_wake(dispatch, seat))) return GYRE_RING_OK;
    return gyre_dispatch_retract(dispatch, seat, handle) ? GYRE_RING_CLOSED : GYRE_RING_OK;
}

/// Worker only. The next task, or GYRE_HANDLE_NONE.
GYRE_INLINE uint32_t gyre_dispatch_next(gyre_dispatch *dispatch, gyre_seat *seat) {
    uint32_t handle;
    gyre_ring *high = dispatch->injectors[GYRE_LANE_HIGH];
    if (gyre_unlikely(++seat->turn % GYRE_DISPATCH_FAIR_TURNS == 0)) {
        handle = gyre_dispatch_next_fair(dispatch, seat);
        if (handle != GYRE_HANDLE_NONE) return handle;
    }
    // Hints only: an item that they do not show yet is found by the exact looks of the other turns.
    if (gyre_unlikely(gyre_load_relaxed(&high->tail) != gyre_load_relaxed(&high->head))) {
        if (gyre_ring_try_pop(high, &handle) == GYRE_RING_OK) return handle;
    }
    if (gyre_likely(gyre_runq_pop(&seat->runq, &handle))) {
        uint32_t ahead;
        if (gyre_runq_peek(&seat->runq, 1, &ahead)) __builtin_prefetch(&dispatch->records[ahead], 1);
        return handle;
    }
    return gyre_dispatch_next_elsewhere(dispatch, seat);
}

#ifdef __cplusplus
}
#endif

#endif
