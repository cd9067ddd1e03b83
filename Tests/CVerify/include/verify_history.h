// verify_history.h: what threads saw of a ring, and whether a first-in-first-out ring can have shown them that.
//
// Every kind of ring is asked the same: all promise the order of a queue, exact "empty" and exact "full". Values that
// went in, or came out, in one call did so at one instant, so nothing is asked of their order at different threads; a
// thread that pops them sees it. A lane is full when it has as many batches as fit, of at least one value.
//
// A window is a stretch of work between two quiet points, at which no operation is under way and the ring is empty.
// Each thread logs its operations with an instant before and an instant after; an operation took effect at some instant
// between the two. Values are unique, so a history can be judged without a search. What is checked, for every window:
//
//   alien     a pop returned a value that was not pushed in this window
//   doubled   a value was popped twice
//   lost      a value was not popped by the end of the window
//   producer  one consumer popped two values of one producer in another order than they were pushed
//   order     push a ended before push b began, and pop b ended before pop a began
//   empty     a pop said "empty" although at every instant of its interval some value was certainly in the ring
//   full      a push said "full" although at every instant of its interval less than `capacity` values can have been in
//   overfull  at some instant more values than fit were certainly in the ring
//
// Alien, doubled, order and a weaker form of empty are the four ways in which a history of a queue with unique values
// can fail to be linearizable: T. Henzinger, A. Sezgin, V. Vafeiadis, "Aspect-oriented linearizability proofs", CONCUR
// 2013 (VFresh, VRepet, VOrd, VWit). Full and overfull say the same of the bound: a value is certainly in between the
// end of its push and the beginning of its pop, and can be in only between the beginning of its push and the end of its
// pop.

#ifndef VERIFY_HISTORY_H
#define VERIFY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define VERIFY_SIDE_MAX 3u              // producers, and consumers
#define VERIFY_SEQUENCES_MAX (1u << 17) // values of one producer in a window

enum {
    VERIFY_ALIEN = 1 << 0,
    VERIFY_DOUBLED = 1 << 1,
    VERIFY_LOST = 1 << 2,
    VERIFY_PRODUCER = 1 << 3,
    VERIFY_ORDER = 1 << 4,
    VERIFY_EMPTY = 1 << 5,
    VERIFY_FULL = 1 << 6,
    VERIFY_OVERFULL = 1 << 7,
    VERIFY_QUIET = 1 << 8, // at a quiet point not exactly empty, or not exactly full after `capacity` pushes
};

typedef enum verify_queue_kind {
    VERIFY_QUEUE_HANDLES,     // gyre_ring.h
    VERIFY_QUEUE_WORDS,       // gyre_slab.h, elements of 8 bytes
    VERIFY_QUEUE_RECORDS,     // gyre_slab.h, elements of 24 bytes, which may be torn
    VERIFY_QUEUE_NUMBERLESS,  // the same with threads that have no number: places are shared
    VERIFY_QUEUE_LANE,        // gyre_lane.h: batches go in, parts of them come out
    VERIFY_QUEUE_ONE_TO_ONE,  // gyre_spsc.h, up to four at once
    VERIFY_QUEUE_MANY_TO_ONE, // gyre_mpsc.h
} verify_queue_kind;

/// One operation. A refused one ("full" or "empty") has no value.
typedef struct verify_operation {
    uint64_t begin;
    uint64_t end;
    uint32_t value;
    bool refused;
} verify_operation;

/// What one thread did in a window, in its order.
typedef struct verify_log {
    verify_operation *operations;
    uint32_t count;
    uint32_t room;
} verify_log;

typedef struct verify_window {
    uint32_t producers;
    uint32_t consumers;
    uint32_t capacity; // "full" means at least so many values
    uint32_t room;     // values that fit
    uint32_t pushes;   // of each producer
    uint32_t number;
    verify_log pushed[VERIFY_SIDE_MAX];
    verify_log popped[VERIFY_SIDE_MAX];
} verify_window;

/// A value of 31 bits: which window, which producer, which of its pushes.
static inline uint32_t verify_value(uint32_t window, uint32_t producer, uint32_t sequence) {
    return (window & 0xfff) << 19 | producer << 17 | sequence;
}

typedef struct verify_judge verify_judge; // memory for judging windows
verify_judge *verify_judge_create(uint32_t producers, uint32_t pushes);
void verify_judge_destroy(verify_judge *judge);

/// Everything that is wrong with a window, as bits.
uint32_t verify_window_judge(const verify_window *window, verify_judge *judge);

typedef enum verify_corruption {
    VERIFY_SWAP_TWO_POPS,
    VERIFY_DROP_ONE,
    VERIFY_DOUBLE_ONE,
    VERIFY_FROM_A_LATER_WINDOW,
    VERIFY_REORDER_A_PRODUCER,
    VERIFY_EMPTY_WHILE_HOLDING,
    VERIFY_FULL_WITH_ROOM,
    VERIFY_CORRUPTIONS
} verify_corruption;

/// Damages a good window. Returns the bit that must be among those that the judge finds, or 0 when the window offers no
/// place for this corruption.
uint32_t verify_window_corrupt(verify_window *window, verify_judge *judge, verify_corruption corruption);

typedef struct verify_history_plan {
    verify_queue_kind kind;
    uint32_t producers;
    uint32_t consumers;
    uint32_t capacity;
    uint64_t operations; // pushes and pops that succeed, at least
    bool corrupts;       // damage the last window in each way, and judge it
} verify_history_plan;

typedef struct verify_history_result {
    uint64_t operations; // pushes and pops that succeeded
    uint64_t refusals;   // "full" and "empty" that were judged
    uint32_t windows;
    uint32_t bad_windows;
    uint32_t flaws;     // bits, of all windows
    uint32_t first_bad; // number of the first bad window
    uint32_t corrupted; // corruptions that were tried
    uint32_t rejected;  // of these, found for what they are
} verify_history_result;

/// Works on a ring and judges what was seen. False when memory or threads are out.
bool verify_history(const verify_history_plan *plan, verify_history_result *result);

/// Hands instants between two threads on different processors `rounds` times. Returns how often one was earlier than
/// the one before it: with any, the processors' counters cannot order operations, and the kernel's clock is used in
/// their place.
uint32_t verify_stamps_check(uint32_t rounds);

#endif
