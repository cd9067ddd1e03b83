// verify_queue.c: what each kind of ring does with values.

#include "verify_queue.h"

#include <stdlib.h>

/// Laps begin shortly before they and the tags wrap.
#define VERIFY_FIRST_LAP ((1u << 31) - 100)
#define VERIFY_FIRST_ELEMENT (UINT64_MAX / 2 - 1000)
/// What a record that is torn comes out as: no window has it.
#define VERIFY_TORN (UINT32_MAX >> 1)

static bool verify_is_slab(verify_queue_kind kind) {
    return kind == VERIFY_QUEUE_WORDS || kind == VERIFY_QUEUE_RECORDS || kind == VERIFY_QUEUE_NUMBERLESS;
}

static bool verify_has_records(verify_queue_kind kind) { return kind != VERIFY_QUEUE_WORDS; }

static bool verify_queue_make_places(verify_queue *queue, uint32_t places) {
    if (verify_has_records(queue->kind)) {
        queue->records = calloc(places, sizeof(verify_record));
        return queue->records != NULL;
    }
    queue->words = calloc(places, sizeof(uint64_t));
    return queue->words != NULL;
}

bool verify_queue_init(verify_queue *queue, verify_queue_kind kind, uint32_t capacity) {
    *queue = (verify_queue){.kind = kind, .capacity = capacity};
    if (kind == VERIFY_QUEUE_ONE_TO_ONE) {
        queue->spsc = gyre_spsc_create(capacity);
        if (queue->spsc == NULL) return false;
        gyre_spsc_init(queue->spsc, capacity, VERIFY_FIRST_ELEMENT);
        return verify_queue_make_places(queue, capacity);
    }
    if (kind == VERIFY_QUEUE_LANE) {
        queue->lane = gyre_lane_create(capacity, sizeof(verify_record));
        if (queue->lane == NULL) return false;
        queue->ring = queue->lane->ring;
        gyre_ring_init(queue->ring, queue->ring->slots, capacity, VERIFY_FIRST_LAP);
        gyre_lane_init(queue->lane, queue->ring, queue->lane->left);
        return true;
    }
    if (kind == VERIFY_QUEUE_MANY_TO_ONE) {
        queue->mpsc = gyre_mpsc_create(capacity);
        if (queue->mpsc == NULL) return false;
        queue->ring = queue->mpsc->slab.ring;
        gyre_ring_init(queue->ring, queue->ring->slots, capacity, VERIFY_FIRST_LAP);
        gyre_mpsc_init(queue->mpsc, queue->ring);
        return verify_queue_make_places(queue, gyre_mpsc_places(capacity));
    }
    if (verify_is_slab(kind)) {
        queue->slab = gyre_slab_create(capacity);
        if (queue->slab == NULL) return false;
        queue->ring = queue->slab->ring;
        gyre_ring_init(queue->ring, queue->ring->slots, capacity, VERIFY_FIRST_LAP);
        gyre_slab_init(queue->slab, queue->ring);
        return verify_queue_make_places(queue, gyre_slab_places(capacity));
    }
    queue->ring = gyre_ring_create(capacity);
    if (queue->ring == NULL) return false;
    gyre_ring_init(queue->ring, queue->ring->slots, capacity, VERIFY_FIRST_LAP);
    return true;
}

void verify_queue_destroy(verify_queue *queue) {
    if (queue->kind == VERIFY_QUEUE_HANDLES) gyre_ring_destroy(queue->ring);
    gyre_slab_destroy(queue->slab);
    gyre_lane_destroy(queue->lane);
    gyre_spsc_destroy(queue->spsc);
    gyre_mpsc_destroy(queue->mpsc);
    free(queue->words);
    free(queue->records);
}

uint32_t verify_queue_batch_max(verify_queue_kind kind) {
    if (kind == VERIFY_QUEUE_LANE) return GYRE_BATCH_MAX;
    return kind == VERIFY_QUEUE_ONE_TO_ONE ? VERIFY_ONE_TO_ONE_MAX : 1;
}

uint32_t verify_queue_room(const verify_queue *queue) {
    return queue->kind == VERIFY_QUEUE_LANE ? queue->capacity * GYRE_BATCH_MAX : queue->capacity;
}

// ---------------------------------------------------------------------------------------------------------
// Values in memory.

static void verify_record_write(verify_record *record, uint32_t value) {
    for (uint32_t word = 0; word < VERIFY_RECORD_WORDS; word++) record->words[word] = (uint64_t)value << 8 | word;
}

static uint32_t verify_record_read(const verify_record *record) {
    for (uint32_t word = 0; word < VERIFY_RECORD_WORDS; word++) {
        if (record->words[word] != ((record->words[0] & ~0xffull) | word)) return VERIFY_TORN;
    }
    return (uint32_t)(record->words[0] >> 8);
}

static void verify_place_write(verify_queue *queue, uint32_t place, uint32_t value) {
    if (verify_has_records(queue->kind)) verify_record_write(&queue->records[place], value);
    else queue->words[place] = value;
}

static uint32_t verify_place_read(const verify_queue *queue, uint32_t place) {
    return verify_has_records(queue->kind) ? verify_record_read(&queue->records[place])
                                           : (uint32_t)queue->words[place];
}

static uint32_t verify_queue_number(const verify_queue *queue) {
    return queue->kind == VERIFY_QUEUE_NUMBERLESS ? GYRE_THREAD_NONE : gyre_thread_number();
}

/// After a call that ended with a plain store. Without it the instant after the call may come before the one at which
/// others see the store: "empty" and "full" are exact for what happened before, and a clock orders nothing.
static void verify_queue_settle(void) { gyre_fence_seq_cst(); }

// ---------------------------------------------------------------------------------------------------------
// Push.

static uint32_t verify_slab_push(verify_queue *queue, uint32_t value) {
    uint32_t number = verify_queue_number(queue), place;
    if (!gyre_slab_take_as(queue->slab, number, &place)) return 0;
    verify_place_write(queue, place, value);
    if (gyre_slab_push_as(queue->slab, number, place) == GYRE_RING_OK) return 1;
    gyre_slab_give_as(queue->slab, number, place);
    return 0;
}

static uint32_t verify_mpsc_push(verify_queue *queue, uint32_t value) {
    uint32_t place;
    if (gyre_mpsc_take(queue->mpsc, &place) != GYRE_RING_OK) return 0;
    verify_place_write(queue, place, value);
    if (gyre_mpsc_push(queue->mpsc, place) == GYRE_RING_OK) return 1;
    gyre_mpsc_give(queue->mpsc, place);
    return 0;
}

static uint32_t verify_lane_push(verify_queue *queue, const uint32_t *values, uint32_t count) {
    uint32_t chunk;
    if (!gyre_lane_take(queue->lane, &chunk)) return 0;
    verify_record *records = gyre_lane_elements(queue->lane, chunk);
    for (uint32_t i = 0; i < count; i++) verify_record_write(&records[i], values[i]);
    if (gyre_lane_push(queue->lane, chunk, count) == GYRE_RING_OK) return count;
    gyre_lane_give(queue->lane, chunk);
    return 0;
}

static uint32_t verify_spsc_push(verify_queue *queue, const uint32_t *values, uint32_t count) {
    uint32_t index, room;
    if (gyre_spsc_room(queue->spsc, count, &index, &room) != GYRE_RING_OK) return 0;
    for (uint32_t i = 0; i < room; i++) verify_place_write(queue, index + i, values[i]);
    gyre_spsc_publish(queue->spsc, room);
    verify_queue_settle();
    return room;
}

uint32_t verify_queue_push(verify_queue *queue, const uint32_t *values, uint32_t count) {
    switch (queue->kind) {
    case VERIFY_QUEUE_HANDLES: return gyre_ring_try_push(queue->ring, values[0]) == GYRE_RING_OK;
    case VERIFY_QUEUE_LANE: return verify_lane_push(queue, values, count);
    case VERIFY_QUEUE_ONE_TO_ONE: return verify_spsc_push(queue, values, count);
    case VERIFY_QUEUE_MANY_TO_ONE: return verify_mpsc_push(queue, values[0]);
    default: return verify_slab_push(queue, values[0]);
    }
}

bool verify_queue_push_over(verify_queue *queue, uint32_t value) {
    if (queue->kind == VERIFY_QUEUE_HANDLES) {
        uint32_t oldest;
        return gyre_ring_push_over(queue->ring, value, &oldest) != GYRE_RING_CLOSED;
    }
    uint32_t number = verify_queue_number(queue), place;
    if (!gyre_slab_take_as(queue->slab, number, &place)) return false;
    verify_place_write(queue, place, value);
    gyre_ring_result result = gyre_slab_push_over_as(queue->slab, number, &place);
    if (result == GYRE_RING_OK) return true;
    gyre_slab_give_as(queue->slab, number, place); // that of the oldest, or one that was refused
    return result == GYRE_RING_REPLACED;
}

// ---------------------------------------------------------------------------------------------------------
// Pop.

static uint32_t verify_slab_pop(verify_queue *queue, uint32_t *value) {
    uint32_t number = verify_queue_number(queue), place;
    if (gyre_slab_pop_as(queue->slab, number, &place) != GYRE_RING_OK) return 0;
    *value = verify_place_read(queue, place);
    gyre_slab_give_as(queue->slab, number, place);
    return 1;
}

static uint32_t verify_mpsc_pop(verify_queue *queue, uint32_t *value) {
    uint32_t place;
    if (gyre_mpsc_pop(queue->mpsc, &place) != GYRE_RING_OK) return 0;
    *value = verify_place_read(queue, place);
    gyre_mpsc_release(queue->mpsc, place);
    verify_queue_settle();
    return 1;
}

static uint32_t verify_lane_pop(verify_queue *queue, uint32_t *values, uint32_t max) {
    gyre_batch batch;
    if (gyre_lane_pop(queue->lane, max, &batch) != GYRE_RING_OK) return 0;
    const verify_record *records = gyre_lane_elements(queue->lane, batch.chunk);
    for (uint32_t i = 0; i < batch.count; i++) values[i] = verify_record_read(&records[batch.offset + i]);
    gyre_lane_finish(queue->lane, &batch);
    return batch.count;
}

static uint32_t verify_spsc_pop(verify_queue *queue, uint32_t *values, uint32_t max) {
    uint32_t index, stock;
    if (gyre_spsc_stock(queue->spsc, max, &index, &stock) != GYRE_RING_OK) return 0;
    for (uint32_t i = 0; i < stock; i++) values[i] = verify_place_read(queue, index + i);
    gyre_spsc_release(queue->spsc, stock);
    verify_queue_settle();
    return stock;
}

uint32_t verify_queue_pop(verify_queue *queue, uint32_t *values, uint32_t max) {
    switch (queue->kind) {
    case VERIFY_QUEUE_HANDLES: return gyre_ring_try_pop(queue->ring, values) == GYRE_RING_OK;
    case VERIFY_QUEUE_LANE: return verify_lane_pop(queue, values, max);
    case VERIFY_QUEUE_ONE_TO_ONE: return verify_spsc_pop(queue, values, max);
    case VERIFY_QUEUE_MANY_TO_ONE: return verify_mpsc_pop(queue, values);
    default: return verify_slab_pop(queue, values);
    }
}

uint32_t verify_queue_size(const verify_queue *queue) {
    return queue->kind == VERIFY_QUEUE_ONE_TO_ONE ? gyre_spsc_size_approximate(queue->spsc)
                                                  : gyre_ring_size_approximate(queue->ring);
}
