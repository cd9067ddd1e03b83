// gyre_dispatch.c: creation, and the parts of dispatch that are not on the path of every task.

#include "gyre_dispatch.h"

#include "gyre_seat_parts.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static void *gyre_dispatch_allocate(size_t bytes) {
    bytes = (bytes + GYRE_CACHE_LINE_BYTES - 1) & ~(size_t)(GYRE_CACHE_LINE_BYTES - 1);
    void *memory = aligned_alloc(GYRE_CACHE_LINE_BYTES, bytes);
    if (memory != NULL) memset(memory, 0, bytes);
    return memory;
}

static size_t gyre_dispatch_record_bytes(const gyre_dispatch *dispatch) {
    return ((size_t)dispatch->record_count + dispatch->guest_count) * sizeof(gyre_record);
}

// ---------------------------------------------------------------------------------------------------------
// Creation.

static bool gyre_dispatch_make_queues(gyre_dispatch *dispatch, uint32_t chunk_count) {
    uint32_t all_records = dispatch->record_count + dispatch->guest_count;
    dispatch->work = gyre_ring_create(chunk_count);
    dispatch->guests = gyre_ring_create(dispatch->guest_count);
    dispatch->overflow = gyre_overflow_create();
    if (dispatch->work == NULL || dispatch->guests == NULL || dispatch->overflow == NULL) return false;
    for (uint32_t lane = 0; lane < GYRE_LANES; lane++) {
        dispatch->injectors[lane] = gyre_ring_create(all_records);
        if (dispatch->injectors[lane] == NULL) return false;
    }
    for (uint32_t guest = 0; guest < dispatch->guest_count; guest++) {
        (void)gyre_ring_try_push(dispatch->guests, dispatch->record_count + guest); // it has room for all
    }
    return true;
}

gyre_dispatch *gyre_dispatch_create(const gyre_dispatch_configuration *configuration) {
    uint32_t seats = configuration->workers + configuration->submitters;
    if (configuration->workers < 1 || configuration->workers > GYRE_PARK_WORKERS_MAX) return NULL;
    if (configuration->submitters > 1u << 16) return NULL;
    if (configuration->guests < 2 || configuration->guests > 1u << 20) return NULL;
    if (configuration->in_flight < 2 || configuration->in_flight > 1u << 24) return NULL;

    gyre_dispatch *dispatch = gyre_dispatch_allocate(sizeof(gyre_dispatch));
    if (dispatch == NULL) return NULL;
    dispatch->worker_count = configuration->workers;
    dispatch->seat_count = seats;
    dispatch->record_count = configuration->in_flight + seats * GYRE_STASH_HANDLES;
    dispatch->guest_count = configuration->guests;

    uint32_t chunk_count = gyre_depot_chunks_needed(dispatch->record_count, seats);
    // Zeroed and untouched: pages of records that are never in use cost nothing.
    void *records = mmap(NULL, gyre_dispatch_record_bytes(dispatch), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    dispatch->records = records == MAP_FAILED ? NULL : records;
    dispatch->seats = gyre_dispatch_allocate(seats * sizeof(gyre_seat));
    dispatch->parkers = gyre_dispatch_allocate(dispatch->worker_count * sizeof(gyre_parker));
    dispatch->chunks = gyre_dispatch_allocate(chunk_count * sizeof(gyre_chunk));
    bool complete = dispatch->records != NULL && dispatch->seats != NULL && dispatch->parkers != NULL &&
                    dispatch->chunks != NULL;
    if (!complete || !gyre_dispatch_make_queues(dispatch, chunk_count)) {
        gyre_dispatch_destroy(dispatch);
        return NULL;
    }
    gyre_depot_init(&dispatch->depot, dispatch->chunks, chunk_count, dispatch->record_count);
    gyre_park_init(&dispatch->park, dispatch->parkers, dispatch->worker_count);
    gyre_store_relaxed(&dispatch->seats_used, dispatch->worker_count);
    for (uint32_t index = 0; index < seats; index++) {
        gyre_seat *seat = &dispatch->seats[index];
        seat->dispatch = dispatch;
        seat->clock = configuration->clock;
        seat->index = index;
        gyre_runq_init(&seat->runq, 0);
    }
    gyre_registry_add(dispatch);
    return dispatch;
}

/// Waits until nobody is inside. Whoever is has some instructions left, and nobody is woken by its exit; so when its
/// thread is not running, this one naps until it has.
static void gyre_dispatch_await_exit(gyre_atomic_u32 *inside) {
    const struct timespec nap = {.tv_nsec = 50000};
    for (uint32_t looks = 1; gyre_load_acquire(inside) != 0; looks++) { // L2
        if (looks < 1000) {
            gyre_pause();
        } else {
            (void)nanosleep(&nap, NULL); // ended early by a signal: it looks again
        }
    }
}

static void gyre_dispatch_await_exits(gyre_dispatch *dispatch) {
    if (dispatch->seats != NULL) {
        for (uint32_t seat = 0; seat < dispatch->seat_count; seat++) {
            gyre_dispatch_await_exit(&dispatch->seats[seat].inside);
        }
    }
    gyre_dispatch_await_exit(&dispatch->inside);
}

void gyre_dispatch_destroy(gyre_dispatch *dispatch) {
    if (dispatch == NULL) return;
    gyre_dispatch_await_exits(dispatch);
    gyre_registry_remove(dispatch);
    for (uint32_t lane = 0; lane < GYRE_LANES; lane++) gyre_ring_destroy(dispatch->injectors[lane]);
    gyre_ring_destroy(dispatch->work);
    gyre_ring_destroy(dispatch->guests);
    gyre_overflow_destroy(dispatch->overflow);
    if (dispatch->records != NULL) munmap(dispatch->records, gyre_dispatch_record_bytes(dispatch));
    free(dispatch->seats);
    free(dispatch->parkers);
    free(dispatch->chunks);
    free(dispatch);
}

// ---------------------------------------------------------------------------------------------------------
// Where tasks are found.

/// Keeps the first of `count` handles and queues the rest, so that others can steal them while the first runs.
static uint32_t gyre_dispatch_keep_first(gyre_seat *seat, const uint32_t *handles, uint32_t count) {
    gyre_runq_push_many(&seat->runq, handles + 1, count - 1);
    return handles[0];
}

static uint32_t gyre_dispatch_from_work(gyre_dispatch *dispatch, gyre_seat *seat) {
    if (gyre_runq_room(&seat->runq) < GYRE_CHUNK_HANDLES) return GYRE_HANDLE_NONE;
    uint32_t id;
    if (gyre_ring_try_pop(dispatch->work, &id) != GYRE_RING_OK) return GYRE_HANDLE_NONE;
    uint32_t handles[GYRE_CHUNK_HANDLES];
    for (uint32_t i = 0; i < GYRE_CHUNK_HANDLES; i++) handles[i] = gyre_plain_read(dispatch->chunks[id].handle[i]);
    gyre_depot_push(&dispatch->depot, &dispatch->depot.empty, id);
    return gyre_dispatch_keep_first(seat, handles, GYRE_CHUNK_HANDLES);
}

static uint32_t gyre_dispatch_from_injector(gyre_dispatch *dispatch, uint32_t lane) {
    uint32_t handle;
    return gyre_ring_try_pop(dispatch->injectors[lane], &handle) == GYRE_RING_OK ? handle : GYRE_HANDLE_NONE;
}

/// An overflown job gets a record again. When none is free the job stays where it is: there is other work then.
static uint32_t gyre_dispatch_from_overflow(gyre_dispatch *dispatch, gyre_seat *seat) {
    if (!gyre_overflow_has_item(dispatch->overflow)) return GYRE_HANDLE_NONE;
    gyre_record *record = gyre_dispatch_take(dispatch, seat);
    if (record == NULL) return GYRE_HANDLE_NONE;
    (void)gyre_record_begin(record, false);
    gyre_overflow_item item;
    if (!gyre_overflow_pop(dispatch->overflow, &item)) {
        (void)gyre_dispatch_give(dispatch, seat, record);
        return GYRE_HANDLE_NONE;
    }
    record->words[0] = item.words[0];
    record->words[1] = item.words[1];
    gyre_record_write(record, item.function, item.submitted, item.submitted, 0, true);
    return gyre_dispatch_handle(dispatch, record);
}

/// Steals from seats `first` to `end`, beginning after the place where the last search ended.
static uint32_t gyre_dispatch_from_seats(gyre_dispatch *dispatch, gyre_seat *seat, uint32_t first, uint32_t end) {
    uint32_t count = end - first;
    uint32_t room = gyre_runq_room(&seat->runq) + 1;
    uint32_t limit = room < GYRE_CHUNK_HANDLES ? room : GYRE_CHUNK_HANDLES;
    for (uint32_t step = 0; step < count; step++) {
        uint32_t index = first + (seat->cursor + step) % count;
        if (index == seat->index) continue;
        uint32_t handles[GYRE_CHUNK_HANDLES];
        uint32_t stolen = gyre_runq_steal(&dispatch->seats[index].runq, handles, limit);
        if (stolen == 0) continue;
        seat->cursor += step + 1;
        gyre_dispatch_count(dispatch, seat, GYRE_COUNT_STOLEN, stolen);
        return gyre_dispatch_keep_first(seat, handles, stolen);
    }
    return GYRE_HANDLE_NONE;
}

static uint32_t gyre_dispatch_from_submitters(gyre_dispatch *dispatch, gyre_seat *seat) {
    uint32_t used = gyre_load_relaxed(&dispatch->seats_used);
    if (used <= dispatch->worker_count) return GYRE_HANDLE_NONE;
    return gyre_dispatch_from_seats(dispatch, seat, dispatch->worker_count, used);
}

uint32_t gyre_dispatch_next_elsewhere(gyre_dispatch *dispatch, gyre_seat *seat) {
    uint32_t handle = gyre_dispatch_from_injector(dispatch, GYRE_LANE_HIGH);
    if (handle == GYRE_HANDLE_NONE) handle = gyre_dispatch_from_work(dispatch, seat);
    if (handle == GYRE_HANDLE_NONE) handle = gyre_dispatch_from_injector(dispatch, GYRE_LANE_NORMAL);
    if (handle == GYRE_HANDLE_NONE) handle = gyre_dispatch_from_overflow(dispatch, seat);
    if (handle == GYRE_HANDLE_NONE) handle = gyre_dispatch_from_submitters(dispatch, seat);
    if (handle == GYRE_HANDLE_NONE) handle = gyre_dispatch_from_seats(dispatch, seat, 0, dispatch->worker_count);
    if (handle == GYRE_HANDLE_NONE) handle = gyre_dispatch_from_injector(dispatch, GYRE_LANE_LOW);
    if (handle == GYRE_HANDLE_NONE) handle = gyre_dispatch_from_injector(dispatch, GYRE_LANE_BACKGROUND);
    return handle;
}

uint32_t gyre_dispatch_next_fair(gyre_dispatch *dispatch, gyre_seat *seat) {
    uint32_t first = seat->turn / GYRE_DISPATCH_FAIR_TURNS;
    for (uint32_t step = 0; step < GYRE_DISPATCH_FAIR_SOURCES; step++) {
        uint32_t handle = GYRE_HANDLE_NONE;
        switch ((first + step) % GYRE_DISPATCH_FAIR_SOURCES) {
        case 0: handle = gyre_dispatch_from_work(dispatch, seat); break;
        case 1: handle = gyre_dispatch_from_injector(dispatch, GYRE_LANE_NORMAL); break;
        case 2: handle = gyre_dispatch_from_overflow(dispatch, seat); break;
        case 3: handle = gyre_dispatch_from_submitters(dispatch, seat); break;
        case 4: handle = gyre_dispatch_from_injector(dispatch, GYRE_LANE_LOW); break;
        case 5: // before the high lane for once
            if (!gyre_runq_pop(&seat->runq, &handle)) handle = GYRE_HANDLE_NONE;
            break;
        default: handle = gyre_dispatch_from_injector(dispatch, GYRE_LANE_BACKGROUND); break;
        }
        if (handle != GYRE_HANDLE_NONE) return handle;
    }
    return GYRE_HANDLE_NONE;
}

void gyre_dispatch_relieve(gyre_dispatch *dispatch, gyre_seat *seat) {
    uint32_t handles[GYRE_CHUNK_HANDLES];
    if (!gyre_runq_take_many(&seat->runq, handles, GYRE_CHUNK_HANDLES)) return; // thieves were faster: there is room
    uint32_t id = gyre_depot_take_chunk(&dispatch->depot);
    for (uint32_t i = 0; i < GYRE_CHUNK_HANDLES; i++) gyre_plain_write(dispatch->chunks[id].handle[i], handles[i]);
    (void)gyre_ring_try_push(dispatch->work, id); // I1: it has a slot for every chunk
}

bool gyre_dispatch_has_item(gyre_dispatch *dispatch) {
    uint32_t used = gyre_load_relaxed(&dispatch->seats_used);
    for (uint32_t index = 0; index < used; index++) {
        if (gyre_runq_has_item(&dispatch->seats[index].runq)) return true;
    }
    if (gyre_ring_has_item(dispatch->work)) return true;
    for (uint32_t lane = 0; lane < GYRE_LANES; lane++) {
        if (gyre_ring_has_item(dispatch->injectors[lane])) return true;
    }
    return gyre_overflow_has_item(dispatch->overflow);
}

void gyre_dispatch_wake_slow(gyre_dispatch *dispatch) {
    do {
        bool look_again = false;
        if (gyre_park_wake_one(&dispatch->park, &look_again) || !look_again) return;
    } while (gyre_park_wants_wake(&dispatch->park) && gyre_dispatch_has_item(dispatch));
}

/// Whether a worker should be woken beside the one that searches: the own queue holds more than that one will take, and
/// nobody was woken beside another for it of late. A colleague woken by the searching worker comes to run behind it, on
/// its core; woken from here, on the one of this thread, which is free as soon as this thread waits.
static bool gyre_dispatch_wakes_beside(gyre_seat *seat) {
    if (seat->clock == NULL) return false;
    uint64_t head = gyre_load_relaxed(&seat->runq.head); // a hint: an older one wakes a worker too many
    if (gyre_load_relaxed(&seat->runq.tail) - head <= 1) return false;
    uint64_t now = gyre_clock_now(seat->clock);
    if (now < seat->beside_from) return false;
    seat->beside_from = now + GYRE_DISPATCH_BESIDE_NANOSECONDS;
    return true;
}

void gyre_dispatch_tell_sleeper(gyre_dispatch *dispatch, gyre_seat *seat) {
    if (gyre_park_wants_wake(&dispatch->park)) gyre_dispatch_wake_slow(dispatch);
    else if (seat != NULL && gyre_dispatch_wakes_beside(seat)) (void)gyre_park_wake_sleeper(&dispatch->park);
}

bool gyre_dispatch_pass_wake_on(gyre_dispatch *dispatch) {
    gyre_park_stop_search(&dispatch->park);
    if (!gyre_park_wants_wake(&dispatch->park) || !gyre_dispatch_has_item(dispatch)) return false;
    gyre_dispatch_wake_slow(dispatch);
    return true;
}

gyre_idle_result gyre_dispatch_prepare_sleep(gyre_dispatch *dispatch, uint32_t worker, bool *holds_token) {
    gyre_park_prepare(&dispatch->park, worker, *holds_token);
    *holds_token = false;
    if (gyre_dispatch_has_item(dispatch)) {
        // A submit that saw the token taken woke nobody. So whoever gave it up takes it again, if nobody has it, and
        // passes the wake on when it has taken an item: else a second one would lie there while others sleep.
        *holds_token = gyre_park_withdraw(&dispatch->park, worker) || gyre_park_start_search(&dispatch->park);
        return GYRE_IDLE_FOUND;
    }
    if (!gyre_dispatch_is_closed(dispatch)) return GYRE_IDLE_SLEEP;
    *holds_token = gyre_park_withdraw(&dispatch->park, worker);
    return gyre_dispatch_may_leave(dispatch) ? GYRE_IDLE_LEAVE : GYRE_IDLE_FOUND;
}

bool gyre_dispatch_may_leave(gyre_dispatch *dispatch) {
    if (!gyre_dispatch_is_closed(dispatch)) return false;
    gyre_fence_seq_cst(); // W3
    return !gyre_dispatch_has_item(dispatch);
}

uint64_t gyre_dispatch_sum(gyre_dispatch *dispatch, uint32_t which) {
    uint64_t sum = gyre_load_relaxed(&dispatch->outside[which]); // counts order nothing
    for (uint32_t index = 0; index < dispatch->seat_count; index++) {
        gyre_seat *seat = &dispatch->seats[index];
        sum += gyre_counter_read(gyre_counter_word(seat->counts, which / GYRE_COUNTERS_PER_LINE,
                                                   which % GYRE_COUNTERS_PER_LINE));
    }
    return sum;
}

bool gyre_dispatch_is_quiet(gyre_dispatch *dispatch) {
    // Finished first: what is queued meanwhile can only make the second sum larger.
    uint64_t finished = 0;
    for (uint32_t index = 0; index < dispatch->worker_count; index++) {
        finished += gyre_load_acquire(gyre_counter_word(dispatch->seats[index].counts, 0, GYRE_COUNT_FINISHED)); // F2
    }
    return finished == gyre_dispatch_sum(dispatch, GYRE_COUNT_QUEUED);
}

// ---------------------------------------------------------------------------------------------------------
// The end.

void gyre_dispatch_close(gyre_dispatch *dispatch) {
    for (uint32_t lane = 0; lane < GYRE_LANES; lane++) (void)gyre_ring_close(dispatch->injectors[lane]);
    gyre_store_release(&dispatch->park.closed, 1);
    for (uint32_t worker = 0; worker < dispatch->worker_count; worker++) {
        (void)gyre_fetch_and_release(&dispatch->park.idle, ~(1ull << worker)); // E1 of gyre_park.h
        (void)gyre_fetch_add_release(&dispatch->parkers[worker].epoch, 1);     // E3
        gyre_futex_wake(&dispatch->parkers[worker].epoch, 1);
    }
}

void gyre_dispatch_stopped(gyre_dispatch *dispatch) {
    gyre_store_release(&dispatch->stopped, 1); // R1
    gyre_futex_wake(&dispatch->stopped, GYRE_FUTEX_WAKE_ALL);
}

bool gyre_dispatch_retract(gyre_dispatch *dispatch, gyre_seat *seat, uint32_t handle) {
    if (seat->index < dispatch->worker_count) return false; // a worker finds it in its own queue before it leaves
    while (gyre_load_acquire(&dispatch->stopped) == 0) { // R2
        (void)gyre_futex_wait(&dispatch->stopped, 0, GYRE_FUTEX_NO_DEADLINE);
    }
    // A drain that gave workers up may have left others' items before it: those stay.
    uint32_t oldest;
    for (uint32_t held = GYRE_RUNQ_SLOTS; held > 0 && gyre_runq_pop(&seat->runq, &oldest); held--) {
        if (oldest != handle) {
            (void)gyre_runq_push(&seat->runq, oldest); // there is room: it came from there
            continue;
        }
        gyre_dispatch_count(dispatch, seat, GYRE_COUNT_QUEUED, UINT64_MAX); // one less, modulo 2^64: it was not queued
        return true;
    }
    return false;
}
