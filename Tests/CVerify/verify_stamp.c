// verify_stamp.c: whether instants of two processors are in order.

#define _GNU_SOURCE // affinity

#include "verify_stamp.h"

#include "gyre_atomic.h"
#include "verify_history.h"

#include <pthread.h>
#include <sched.h>

bool verify_stamp_uses_kernel;

typedef struct verify_stamp_exchange {
    gyre_atomic_u64 turn; // odd: the second thread's
    uint64_t stamp;       // of whose turn it was
    uint32_t rounds;
    uint32_t unordered;
} verify_stamp_exchange;

static void verify_stamp_pin(int which) {
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || which-- > 0) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        (void)sched_setaffinity(0, sizeof one, &one); // refused: the exchange is still one, between fewer processors
        return;
    }
}

static void verify_stamp_take_turns(verify_stamp_exchange *exchange, uint64_t first) {
    for (uint64_t turn = first; turn < 2ull * exchange->rounds; turn += 2) {
        for (uint32_t looks = 0; gyre_load_acquire(&exchange->turn) != turn; looks++) {
            if (looks % 1024 == 1023) sched_yield();
            else gyre_pause();
        }
        uint64_t stamp = verify_stamp();
        if (stamp < exchange->stamp) exchange->unordered++;
        exchange->stamp = stamp;
        gyre_store_release(&exchange->turn, turn + 1);
    }
}

static void *verify_stamp_second(void *argument) {
    verify_stamp_pin(1);
    verify_stamp_take_turns(argument, 1);
    return NULL;
}

static void *verify_stamp_first(void *argument) {
    verify_stamp_pin(0);
    verify_stamp_take_turns(argument, 0);
    return NULL;
}

uint32_t verify_stamps_check(uint32_t rounds) {
    verify_stamp_exchange exchange = {.rounds = rounds};
    pthread_t first, second;
    if (pthread_create(&first, NULL, verify_stamp_first, &exchange) != 0) return rounds;
    if (pthread_create(&second, NULL, verify_stamp_second, &exchange) != 0) {
        verify_stamp_take_turns(&exchange, 1); // in the place of the second
        pthread_join(first, NULL);
        return rounds;
    }
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    verify_stamp_uses_kernel = exchange.unordered > 0;
    return exchange.unordered;
}
