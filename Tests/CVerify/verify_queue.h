// verify_queue.h: the shipped rings behind one face, for threads that do not care which one they work on.
//
// A value takes every way that elements of its kind take: as a handle in a slot, as a record of three words in a place,
// as one of many in a chunk. A record whose words do not belong together comes out as a value that nobody pushed.

#ifndef VERIFY_QUEUE_H
#define VERIFY_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "gyre_lane.h"
#include "gyre_mpsc.h"
#include "gyre_ring.h"
#include "gyre_slab.h"
#include "gyre_spsc.h"
#include "verify_history.h"

#define VERIFY_RECORD_WORDS 3u
#define VERIFY_ONE_TO_ONE_MAX 4u // values that go through a one-to-one ring in one call

typedef struct verify_record {
    uint64_t words[VERIFY_RECORD_WORDS];
} verify_record;

typedef struct verify_queue {
    verify_queue_kind kind;
    uint32_t capacity; // as its creator says it: elements, or batches of a lane
    gyre_ring *ring;   // below all but the one-to-one ring
    gyre_slab *slab;
    gyre_lane *lane;
    gyre_spsc *spsc;
    gyre_mpsc *mpsc;
    uint64_t *words;        // places, by kind
    verify_record *records; // places, by kind
} verify_queue;

/// Makes a queue whose laps wrap soon. False when memory is out.
bool verify_queue_init(verify_queue *queue, verify_queue_kind kind, uint32_t capacity);
void verify_queue_destroy(verify_queue *queue);

/// Values that go in, or come out, with one call at most.
uint32_t verify_queue_batch_max(verify_queue_kind kind);
/// Values that are in at most: a lane's batches may be full.
uint32_t verify_queue_room(const verify_queue *queue);

/// Appends up to `count` values at once; returns how many, 0 for "full".
uint32_t verify_queue_push(verify_queue *queue, const uint32_t *values, uint32_t count);
/// Appends `value`, to a full ring in place of its oldest value: whether it did. For rings of handles, words and
/// records.
bool verify_queue_push_over(verify_queue *queue, uint32_t value);
/// Removes up to `max` of the oldest at once; returns how many, 0 for "empty".
uint32_t verify_queue_pop(verify_queue *queue, uint32_t *values, uint32_t max);
/// Values, or batches of a lane. Exact when nobody pushes or pops.
uint32_t verify_queue_size(const verify_queue *queue);

#endif
