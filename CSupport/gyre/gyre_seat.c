// gyre_seat.c: which thread has which seat of which pool (gyre_dispatch.h).

#include "gyre_seat_parts.h"

#include <pthread.h>
#include <stdlib.h>

// ---------------------------------------------------------------------------------------------------------
// Which pools live. A thread that ends leaves its seats only in those.

static pthread_mutex_t gyre_registry_lock = PTHREAD_MUTEX_INITIALIZER;
static gyre_dispatch *gyre_registry_first;
static uint64_t gyre_registry_last_id;

void gyre_registry_add(gyre_dispatch *dispatch) {
    pthread_mutex_lock(&gyre_registry_lock);
    dispatch->id = ++gyre_registry_last_id;
    dispatch->next_live = gyre_registry_first;
    gyre_registry_first = dispatch;
    pthread_mutex_unlock(&gyre_registry_lock);
}

void gyre_registry_remove(gyre_dispatch *dispatch) {
    pthread_mutex_lock(&gyre_registry_lock);
    for (gyre_dispatch **link = &gyre_registry_first; *link != NULL; link = &(*link)->next_live) {
        if (*link == dispatch) {
            *link = dispatch->next_live;
            break;
        }
    }
    pthread_mutex_unlock(&gyre_registry_lock);
}

static bool gyre_registry_has(uint64_t id) { // under the lock
    for (gyre_dispatch *live = gyre_registry_first; live != NULL; live = live->next_live) {
        if (live->id == id) return true;
    }
    return false;
}

// ---------------------------------------------------------------------------------------------------------
// Seats.

__thread gyre_seat_cache gyre_seat_last;
__thread uint64_t gyre_thread_task;
__thread gyre_dispatch *gyre_thread_home;

/// All seats of one thread, newest first.
typedef struct gyre_seat_entry {
    uint64_t id;
    gyre_seat *seat;
    struct gyre_seat_entry *next;
} gyre_seat_entry;

static pthread_key_t gyre_seat_key;
static pthread_once_t gyre_seat_key_once = PTHREAD_ONCE_INIT;

static void gyre_seat_release(gyre_seat *seat) { gyre_store_release(&seat->taken, 0); } // S1

static void gyre_seat_thread_ends(void *value) {
    pthread_mutex_lock(&gyre_registry_lock);
    for (gyre_seat_entry *entry = value; entry != NULL;) {
        gyre_seat_entry *next = entry->next;
        if (gyre_registry_has(entry->id)) gyre_seat_release(entry->seat);
        free(entry);
        entry = next;
    }
    pthread_mutex_unlock(&gyre_registry_lock);
    gyre_seat_last = (gyre_seat_cache){0, NULL};
}

static void gyre_seat_make_key(void) {
    if (pthread_key_create(&gyre_seat_key, gyre_seat_thread_ends) != 0) __builtin_trap(); // 1,024 keys are in use
}

/// A thread that lives longer than its pools, such as one of a program that makes a pool for each test, would look
/// through all that ever were. While another thread has the list of pools they are left for the next time: a submit
/// waits for nobody.
static void gyre_seat_forget_dead(void) {
    gyre_seat_entry *first = pthread_getspecific(gyre_seat_key);
    if (first == NULL) return;
    if (pthread_mutex_trylock(&gyre_registry_lock) != 0) return;
    for (gyre_seat_entry **link = &first; *link != NULL;) {
        gyre_seat_entry *entry = *link;
        if (gyre_registry_has(entry->id)) {
            link = &entry->next;
        } else {
            *link = entry->next;
            free(entry);
        }
    }
    pthread_mutex_unlock(&gyre_registry_lock);
    pthread_setspecific(gyre_seat_key, first);
}

static gyre_seat *gyre_seat_remember(gyre_dispatch *dispatch, gyre_seat *seat) {
    gyre_seat_forget_dead();
    gyre_seat_entry *entry = malloc(sizeof(gyre_seat_entry));
    if (entry == NULL) {
        gyre_seat_release(seat);
        return NULL;
    }
    *entry = (gyre_seat_entry){dispatch->id, seat, pthread_getspecific(gyre_seat_key)};
    pthread_setspecific(gyre_seat_key, entry);
    gyre_seat_last = (gyre_seat_cache){dispatch->id, seat};
    return seat;
}

static bool gyre_seat_try_take(gyre_seat *seat) {
    uint32_t vacant = 0;
    return gyre_load_relaxed(&seat->taken) == 0 && gyre_cas_acquire_relaxed(&seat->taken, &vacant, 1); // S2
}

/// A vacant seat for submitters, or NULL.
static gyre_seat *gyre_seat_take_vacant(gyre_dispatch *dispatch) {
    for (uint32_t index = dispatch->worker_count; index < dispatch->seat_count; index++) {
        gyre_seat *seat = &dispatch->seats[index];
        if (!gyre_seat_try_take(seat)) continue;
        uint32_t used = gyre_load_relaxed(&dispatch->seats_used);
        while (used < index + 1) {
            // Relaxed: thieves that do not see it yet find the queue with their next look; the fence of the first
            // submit comes after, so a worker about to sleep sees it.
            if (gyre_cas_relaxed_relaxed(&dispatch->seats_used, &used, index + 1)) break;
        }
        return seat;
    }
    return NULL;
}

gyre_seat *gyre_dispatch_seat_slow(gyre_dispatch *dispatch) {
    pthread_once(&gyre_seat_key_once, gyre_seat_make_key);
    for (gyre_seat_entry *entry = pthread_getspecific(gyre_seat_key); entry != NULL; entry = entry->next) {
        if (entry->id != dispatch->id) continue;
        gyre_seat_last = (gyre_seat_cache){dispatch->id, entry->seat};
        return entry->seat;
    }
    gyre_seat *seat = gyre_seat_take_vacant(dispatch);
    return seat == NULL ? NULL : gyre_seat_remember(dispatch, seat);
}

uint32_t gyre_thread_seats(void) {
    pthread_once(&gyre_seat_key_once, gyre_seat_make_key);
    uint32_t count = 0;
    for (gyre_seat_entry *entry = pthread_getspecific(gyre_seat_key); entry != NULL; entry = entry->next) count += 1;
    return count;
}

gyre_seat *gyre_dispatch_sit(gyre_dispatch *dispatch, uint32_t index) {
    GYRE_ASSERT(index < dispatch->worker_count);
    pthread_once(&gyre_seat_key_once, gyre_seat_make_key);
    gyre_seat *seat = &dispatch->seats[index];
    if (!gyre_seat_try_take(seat)) return NULL;
    gyre_thread_home = dispatch;
    return gyre_seat_remember(dispatch, seat);
}

void gyre_dispatch_leave(gyre_dispatch *dispatch) {
    if (gyre_thread_home == dispatch) gyre_thread_home = NULL;
    pthread_once(&gyre_seat_key_once, gyre_seat_make_key);
    gyre_seat_entry *first = pthread_getspecific(gyre_seat_key);
    for (gyre_seat_entry **link = &first; *link != NULL; link = &(*link)->next) {
        gyre_seat_entry *entry = *link;
        if (entry->id != dispatch->id) continue;
        *link = entry->next;
        gyre_seat_release(entry->seat);
        free(entry);
        break;
    }
    pthread_setspecific(gyre_seat_key, first);
    gyre_seat_last = (gyre_seat_cache){0, NULL};
}
