// verify_freeze.c: stops threads, and watches the others.

#define _GNU_SOURCE // the instruction at which a signal met its thread

#include "verify_freeze_subjects.h"

#include "verify_chance.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>

#define VERIFY_ALIVE_COMPLETIONS 64u // each of three threads had at most one push and one pop under way
#define VERIFY_BLOCKED_NANOSECONDS 20000000u
#define VERIFY_UNDECIDED_NANOSECONDS 20000000000u
#define VERIFY_LOOK_NANOSECONDS 200000u
#define VERIFY_DELAY_NANOSECONDS_MAX 60000u
#define VERIFY_ATTEMPTS_A_STOP 1000u
#define VERIFY_PLACES_MAX 4096u

enum { VERIFY_ANSWER_NONE = 0, VERIFY_ANSWER_MISSED, VERIFY_ANSWER_HELD, VERIFY_ANSWER_LEFT };

typedef struct verify_freeze_thread {
    verify_freeze_mark mark;
    verify_freeze_structure *structure;
    uint32_t index;
    pthread_t thread;
    GYRE_CACHE_ALIGNED gyre_atomic_u32 answer; // of the signal handler
    gyre_atomic_u32 gate;                      // 1 while the thread is to be held
    uint64_t place;                            // where it is held; published by `answer`
} verify_freeze_thread;

static __thread verify_freeze_thread *verify_freeze_self;

static uint64_t verify_freeze_nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t verify_freeze_place(void *context) {
    ucontext_t *interrupted = context;
#if defined(__x86_64__)
    return (uint64_t)interrupted->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return interrupted->uc_mcontext.pc;
#else
    (void)interrupted;
    return 0;
#endif
}

static void verify_freeze_answer(verify_freeze_thread *thread, uint32_t answer) {
    gyre_store_release(&thread->answer, answer);
    gyre_futex_wake(&thread->answer, 1);
}

/// Runs in the thread that is to be stopped. Atomics and system calls only.
static void verify_freeze_hold(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    int error = errno;
    verify_freeze_thread *self = verify_freeze_self;
    if (gyre_load_relaxed(&self->mark.inside) == 0) {
        verify_freeze_answer(self, VERIFY_ANSWER_MISSED);
    } else {
        self->place = verify_freeze_place(context);
        verify_freeze_answer(self, VERIFY_ANSWER_HELD);
        while (gyre_load_acquire(&self->gate) != 0) (void)gyre_futex_wait(&self->gate, 1, GYRE_FUTEX_NO_DEADLINE);
        verify_freeze_answer(self, VERIFY_ANSWER_LEFT);
    }
    errno = error;
}

static void *verify_freeze_live(void *argument) {
    verify_freeze_thread *self = argument;
    verify_freeze_self = self;
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL); // whatever the thread that starts this one has blocked
    verify_freeze_answer(self, VERIFY_ANSWER_LEFT); // from now on a signal finds its thread
    verify_freeze_work(self->structure, &self->mark, self->index);
    return NULL;
}

/// Waits until the handler of `thread` has answered, and takes the answer.
static uint32_t verify_freeze_await(verify_freeze_thread *thread) {
    uint32_t answer;
    while ((answer = gyre_load_acquire(&thread->answer)) == VERIFY_ANSWER_NONE) {
        (void)gyre_futex_wait(&thread->answer, VERIFY_ANSWER_NONE, GYRE_FUTEX_NO_DEADLINE);
    }
    return answer;
}

typedef struct verify_freeze_look {
    uint64_t nanoseconds[VERIFY_FREEZE_THREADS]; // processor time of each thread
    uint64_t completions;                        // of those that are not stopped
} verify_freeze_look;

static verify_freeze_look verify_freeze_look_at(verify_freeze_thread *threads, const verify_freeze_thread *stopped) {
    verify_freeze_look look = {.completions = 0};
    for (uint32_t index = 0; index < VERIFY_FREEZE_THREADS; index++) {
        if (&threads[index] == stopped) continue;
        clockid_t clock;
        if (pthread_getcpuclockid(threads[index].thread, &clock) == 0) {
            look.nanoseconds[index] = verify_freeze_nanoseconds(clock);
        }
        look.completions += gyre_load_relaxed(&threads[index].mark.completions); // a count orders nothing
    }
    return look;
}

/// What those that are not stopped used between two looks. Of threads with different roles the one that used least: a
/// producer may find the ring full for as long as the kernel does not let the consumer run.
static uint64_t verify_freeze_used(const verify_freeze_thread *stopped, const verify_freeze_look *from,
                                   const verify_freeze_look *to) {
    uint64_t sum = 0, least = UINT64_MAX;
    for (uint32_t index = 0; index < VERIFY_FREEZE_THREADS; index++) {
        if (index == stopped->index) continue;
        uint64_t used = to->nanoseconds[index] - from->nanoseconds[index];
        sum += used;
        if (used < least) least = used;
    }
    return verify_freeze_has_roles(stopped->structure) ? least : sum;
}

static void verify_freeze_pass(uint64_t nanoseconds) {
    gyre_atomic_u32 nobody = {0};
    (void)gyre_futex_wait(&nobody, 0, verify_freeze_nanoseconds(CLOCK_MONOTONIC) + nanoseconds);
}

/// Watches the others while `stopped` is held, until they have completed more than can have been under way when it was
/// stopped, or have used their time since the last completion for nothing.
static void verify_freeze_judge(verify_freeze_thread *threads, const verify_freeze_thread *stopped,
                                verify_freeze_result *result) {
    verify_freeze_look first = verify_freeze_look_at(threads, stopped);
    verify_freeze_look last = first; // when something was completed last
    uint64_t limit = verify_freeze_nanoseconds(CLOCK_MONOTONIC) + VERIFY_UNDECIDED_NANOSECONDS;
    for (;;) {
        verify_freeze_look now = verify_freeze_look_at(threads, stopped);
        if (now.completions - first.completions >= VERIFY_ALIVE_COMPLETIONS) return;
        if (!verify_freeze_has_work(stopped->structure, stopped->index)) return;
        if (now.completions != last.completions) last = now;
        if (verify_freeze_used(stopped, &last, &now) >= VERIFY_BLOCKED_NANOSECONDS) {
            result->blocked++;
            return;
        }
        if (verify_freeze_nanoseconds(CLOCK_MONOTONIC) > limit) {
            result->undecided++;
            return;
        }
        verify_freeze_pass(VERIFY_LOOK_NANOSECONDS);
    }
}

static int verify_freeze_compare(const void *a, const void *b) {
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

static uint32_t verify_freeze_distinct(uint64_t *places, uint32_t count) {
    qsort(places, count, sizeof places[0], verify_freeze_compare);
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < count; i++) distinct += i == 0 || places[i] != places[i - 1];
    return distinct;
}

static bool verify_freeze_stop_threads(verify_freeze_thread *threads, uint32_t stops, uint64_t seed, int number,
                                       verify_freeze_result *result) {
    static uint64_t places[VERIFY_PLACES_MAX];
    uint32_t place_count = 0;
    uint64_t attempts = (uint64_t)stops * VERIFY_ATTEMPTS_A_STOP;
    while (result->stops < stops && attempts-- > 0) {
        verify_freeze_thread *victim = &threads[verify_chance(&seed) % VERIFY_FREEZE_THREADS];
        uint64_t delay = verify_chance(&seed) % VERIFY_DELAY_NANOSECONDS_MAX;
        uint64_t until = verify_freeze_nanoseconds(CLOCK_MONOTONIC) + delay;
        while (verify_freeze_nanoseconds(CLOCK_MONOTONIC) < until) gyre_pause();
        gyre_store_relaxed(&victim->answer, VERIFY_ANSWER_NONE); // the handler is not running
        gyre_store_release(&victim->gate, 1);
        if (pthread_kill(victim->thread, number) != 0) return false;
        if (verify_freeze_await(victim) == VERIFY_ANSWER_MISSED) {
            result->missed++;
            continue;
        }
        result->stops++;
        if (place_count < VERIFY_PLACES_MAX) places[place_count++] = victim->place;
        verify_freeze_judge(threads, victim, result);
        gyre_store_relaxed(&victim->answer, VERIFY_ANSWER_NONE); // the handler writes it only once the gate is open
        gyre_store_release(&victim->gate, 0);
        gyre_futex_wake(&victim->gate, 1);
        (void)verify_freeze_await(victim);
    }
    result->places = verify_freeze_distinct(places, place_count);
    return result->stops == stops;
}

bool verify_freeze(verify_freeze_subject subject, verify_queue_kind kind, uint32_t capacity, uint32_t stops,
                   uint64_t seed, verify_freeze_result *result) {
    *result = (verify_freeze_result){0};
    static verify_freeze_structure structure;
    static verify_freeze_thread threads[VERIFY_FREEZE_THREADS];
    if (!verify_freeze_structure_init(&structure, subject, kind, capacity)) return false;
    int number = SIGRTMIN + 1;
    struct sigaction action = {.sa_sigaction = verify_freeze_hold, .sa_flags = SA_SIGINFO | SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, &before);

    uint32_t started = 0;
    while (started < VERIFY_FREEZE_THREADS) {
        verify_freeze_thread *thread = &threads[started];
        *thread = (verify_freeze_thread){.structure = &structure, .index = started};
        if (pthread_create(&thread->thread, NULL, verify_freeze_live, thread) != 0) break;
        (void)verify_freeze_await(thread);
        started++;
    }
    bool complete = started == VERIFY_FREEZE_THREADS &&
                    verify_freeze_stop_threads(threads, stops, seed, number, result);
    verify_freeze_end(&structure);
    for (uint32_t index = 0; index < started; index++) pthread_join(threads[index].thread, NULL);
    sigaction(number, &before, NULL);
    verify_freeze_structure_destroy(&structure);
    return complete;
}
