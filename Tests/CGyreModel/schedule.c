// schedule.c: fibers, whose turn it is, sleeping on futexes, and what a stuck execution is.
//
// A thread announces its next access and hands the turn on; the access takes place when the turn comes back. So the
// choice among threads is made with the knowledge of what each is about to do.

#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define STACK_BYTES (256u * 1024)
/// An execution that is longer than this goes round in circles.
#define STEPS_MAX 2000u
/// Sleeps that end for no reason, in one execution.
#define SPURIOUS_MAX 2u

model_state model;

enum { HOME_FIRST = 0, HOME_THREAD_READY = 1, HOME_OVER = 2 };

static char *stacks[MODEL_THREADS];
static ucontext_t contexts[MODEL_THREADS];

// ---------------------------------------------------------------------------------------------------------
// Ends of an execution.

__attribute__((noreturn)) static void go_home(int why) { _longjmp(model.home, why); }

void gyre_model_fail(const char *what, const char *file, int line) {
    const char *name = strrchr(file, '/') == NULL ? file : strrchr(file, '/') + 1;
    model.failed = true;
    snprintf(model.failure, sizeof model.failure, "%s (%s:%d), thread %u, step %llu", what, name, line, model.current,
             (unsigned long long)model.steps);
    if (model.trace) model_trace_note(what, file, line);
    go_home(HOME_OVER);
}

void model_discard(void) {
    model.discarded = true;
    go_home(HOME_OVER);
}

// ---------------------------------------------------------------------------------------------------------
// Whose turn it is.

static bool is_enabled(const model_thread *thread) {
    if (thread->ended || thread->asleep) return false;
    return !thread->pausing || thread->paused_at != model.messages;
}

/// Nobody can go on: everybody has ended, or may sleep for ever, or is stuck.
__attribute__((noreturn)) static void finish(void) {
    bool somebody_pauses = false;
    bool somebody_sleeps = false;
    for (uint32_t i = 1; i <= model.test->threads; i++) {
        if (model.threads[i].ended) continue;
        if (model.threads[i].asleep) somebody_sleeps = true;
        else somebody_pauses = true;
        model.current = i;
    }
    if (somebody_pauses) gyre_model_fail("livelock: every thread that is awake spins", __FILE__, __LINE__);
    if (somebody_sleeps && !model.test->may_sleep) {
        gyre_model_fail("deadlock: everybody sleeps, a wake-up was lost", __FILE__, __LINE__);
    }
    model.current = 0;
    go_home(HOME_OVER);
}

/// Picks the next thread. Does not return when there is none.
static uint32_t pick(void) {
    uint32_t enabled[MODEL_THREADS];
    uint32_t count = 0;
    if (model.last != 0 && is_enabled(&model.threads[model.last])) enabled[count++] = model.last; // no preemption
    for (uint32_t i = 1; i <= model.test->threads; i++) {
        if (i != model.last && is_enabled(&model.threads[i])) enabled[count++] = i;
    }
    if (count == 0) finish();
    uint32_t chosen = model_choose_thread(enabled, count);
    if (chosen == 0) model_discard();
    return chosen;
}

static void resume(uint32_t chosen) {
    model.last = chosen;
    model.current = chosen;
    model.threads[chosen].pausing = false;
    model.steps += 1;
}

/// Hands the turn to whom it belongs to now; returns when it is the caller's again.
static void turn_over(model_thread *caller) {
    uint32_t chosen = pick();
    model_thread *next = &model.threads[chosen];
    resume(chosen);
    if (next == caller) return;
    if (_setjmp(caller->here) == 0) _longjmp(next->here, 1);
}

void model_yield(model_kind kind, uint32_t location, int order, const char *file, int line) {
    if (model.current == 0) {
        if (model.steps++ > STEPS_MAX * 8) gyre_model_fail("setup or check goes round in circles", file, line);
        return;
    }
    model_thread *thread = &model.threads[model.current];
    if (model.steps > STEPS_MAX) gyre_model_fail("livelock: the execution goes round in circles", file, line);
    thread->next = (model_step){kind, location, order};
    if (!model.starting) turn_over(thread);
    else if (_setjmp(thread->here) == 0) go_home(HOME_THREAD_READY);
}

void gyre_model_pause(const char *file, int line) {
    if (model.current == 0) return;
    model_thread *thread = &model.threads[model.current];
    // At the start everybody runs to the first access: that is this one. Who has read an old value looks again at once.
    if (!model.starting && !thread->read_old) {
        thread->pausing = true;
        thread->paused_at = model.messages;
    }
    if (model.trace) model_trace_note("pauses until somebody stores", file, line);
    model_yield(MODEL_PAUSE, 0, GYRE_RELAXED, file, line);
    // A store becomes visible in finite time: who has paused reads what is new.
    thread->read_old = false;
    memset(thread->stale, UINT8_MAX, model.locations);
}

// ---------------------------------------------------------------------------------------------------------
// Futexes.

bool gyre_model_futex_wait(gyre_atomic_u32 *word, uint32_t expected, const char *file, int line) {
    // A load makes the location known and brings the thread's view up to date as the kernel's own load does, which
    // takes place as one step with falling asleep.
    uint64_t value;
    uint32_t number = model_memory_kernel_load(&word->value, sizeof word->value, &value, file, line);
    if (value != expected) {
        if (model.trace) model_trace("wait", GYRE_RELAXED, number, value, value, "has moved on", file, line);
        return false;
    }
    if (model.test->spurious && model.spurious < SPURIOUS_MAX && model_choose(2) == 1) {
        model.spurious += 1;
        if (model.trace) model_trace("wait", GYRE_RELAXED, number, value, value, "returns for no reason", file, line);
        return false;
    }
    if (model.trace) model_trace("wait", GYRE_RELAXED, number, value, value, "sleeps", file, line);
    if (model.current == 0) gyre_model_fail("setup or check would sleep for ever", file, line);
    model_thread *thread = &model.threads[model.current];
    thread->asleep = true;
    thread->sleeps_on = number;
    model_yield(MODEL_NOTHING, number, GYRE_RELAXED, file, line);
    if (model.trace) model_trace_note("is awake again", file, line);
    return true;
}

uint32_t gyre_model_futex_wake(gyre_atomic_u32 *word, uint32_t count, const char *file, int line) {
    uint32_t number = model_memory_number(&word->value, sizeof word->value);
    model_yield(MODEL_WAKE, number, GYRE_RELAXED, file, line);
    uint32_t sleepers[MODEL_THREADS];
    uint32_t sleeping = 0;
    for (uint32_t i = 1; i <= model.test->threads; i++) {
        if (model.threads[i].asleep && model.threads[i].sleeps_on == number) sleepers[sleeping++] = i;
    }
    const char *note = sleeping == 0 ? "nobody sleeps" : "";
    if (model.trace) model_trace("wake", GYRE_RELAXED, number, count, count, note, file, line);
    uint32_t woken = 0;
    while (sleeping > 0 && woken < count) {
        uint32_t which = sleeping == 1 ? 0 : model_choose(sleeping);
        model.threads[sleepers[which]].asleep = false;
        sleepers[which] = sleepers[--sleeping];
        woken += 1;
    }
    return woken;
}

// ---------------------------------------------------------------------------------------------------------
// Fibers. Each is made once and begins anew, at its base, in every execution.

static void fiber(unsigned number) {
    model_thread *thread = &model.threads[number];
    if (_setjmp(thread->base) == 0) {
        thread->exists = true;
        go_home(HOME_THREAD_READY);
    }
    model.test->thread(number - 1);
    thread->ended = true;
    if (model.starting) go_home(HOME_THREAD_READY);
    uint32_t chosen = pick();
    resume(chosen);
    _longjmp(model.threads[chosen].here, 1);
}

static void fiber_make(uint32_t number) {
    if (stacks[number] == NULL) stacks[number] = malloc(STACK_BYTES);
    if (stacks[number] == NULL || getcontext(&contexts[number]) != 0) abort();
    contexts[number].uc_stack.ss_sp = stacks[number];
    contexts[number].uc_stack.ss_size = STACK_BYTES;
    contexts[number].uc_link = NULL;
    makecontext(&contexts[number], (void (*)(void))fiber, 1, number);
    if (_setjmp(model.home) == HOME_FIRST) setcontext(&contexts[number]);
}

/// Begins thread `number` and comes back when it has announced its first access, or has ended.
static void fiber_start(uint32_t number) {
    model_thread *thread = &model.threads[number];
    if (!thread->exists) fiber_make(number);
    thread->ended = false;
    thread->asleep = false;
    thread->pausing = false;
    thread->next = (model_step){MODEL_NOTHING, 0, GYRE_RELAXED};
    model.current = number;
    if (_setjmp(model.home) == HOME_FIRST) _longjmp(thread->base, 1);
}

static bool is_over(void) { return model.failed || model.discarded; }

static void run_setup(void) {
    if (_setjmp(model.home) == HOME_FIRST) model.test->setup();
}

static void run_threads(void) {
    int why = _setjmp(model.home);
    if (why != HOME_FIRST) return;
    uint32_t chosen = pick();
    resume(chosen);
    _longjmp(model.threads[chosen].here, 1);
}

static void run_check(void) {
    if (_setjmp(model.home) == HOME_FIRST) model.test->check();
}

/// One execution, from setup to check or to wherever it ends.
void model_execute(void) {
    model.current = 0;
    model.last = 0;
    model.steps = 0;
    model.spurious = 0;
    model.failed = false;
    model.discarded = false;
    model.checking = false;
    model_memory_begin();
    run_setup();
    if (is_over()) return;
    model_memory_threads_begin();
    model.steps = 0;
    model.starting = true;
    for (uint32_t i = 1; i <= model.test->threads && !is_over(); i++) fiber_start(i);
    model.starting = false;
    if (is_over()) return;
    run_threads();
    if (is_over()) return;
    model_memory_threads_end();
    model.current = 0;
    model.checking = true;
    run_check();
}
