// TimerWheel.c: sequences of insert, cancel and advance on a timing wheel, against a list that is searched.
//
// Input: one operation after another. A byte says which; a time is a byte of magnitude and three bytes of value, so
// that short inputs reach every level of the wheel.

#include <stdlib.h>

#include "FuzzFiles.h"
#include "gyre_timer.h"

#define CAPACITY 64u

typedef struct {
    gyre_timer_token token;
    uint64_t due, number;
    bool is_waiting;
} fuzz_timer;

typedef struct {
    fuzz_timer timers[256];
    size_t count;
    uint64_t now, last_due, last_number, fired;
} fuzz_model;

static uint64_t fuzz_time(const uint8_t **data, size_t *size) {
    uint8_t bytes[4] = {0};
    size_t count = *size < 4 ? *size : 4;
    memcpy(bytes, *data, count);
    *data += count;
    *size -= count;
    uint64_t value = (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 | bytes[3];
    return value << (bytes[0] % 40) >> (bytes[0] / 64 * 6);
}

static void fuzz_function(uint64_t word0, uint64_t word1) { (void)word0, (void)word1; }

static void fuzz_sink(void *context, const gyre_timer_fired *fired) {
    fuzz_model *model = context;
    FUZZ_CHECK(fired->word0 < model->count);
    FUZZ_CHECK(fired->word1 == ~fired->word0);
    fuzz_timer *timer = &model->timers[fired->word0];
    FUZZ_CHECK(timer->is_waiting); // neither twice nor after a cancel
    FUZZ_CHECK(timer->due == fired->due);
    FUZZ_CHECK(timer->due <= model->now); // never early
    FUZZ_CHECK(fired->lateness == model->now - timer->due);
    // By due time; those of one time in the order of their inserts.
    FUZZ_CHECK(timer->due > model->last_due || (timer->due == model->last_due && timer->number >= model->last_number));
    model->last_due = timer->due;
    model->last_number = timer->number;
    timer->is_waiting = false;
    ++model->fired;
}

static void fuzz_advance(gyre_timer_wheel *wheel, fuzz_model *model) {
    model->last_due = model->last_number = model->fired = 0;
    gyre_timer_turn turn = gyre_timer_advance(wheel, model->now, fuzz_sink, model);
    FUZZ_CHECK(!turn.busy);
    FUZZ_CHECK(turn.fired == model->fired);
    for (size_t index = 0; index < model->count; ++index) { // none late
        FUZZ_CHECK(!model->timers[index].is_waiting || model->timers[index].due > model->now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static fuzz_model model;
    memset(&model, 0, sizeof model);
    model.now = fuzz_time(&data, &size);
    gyre_timer_wheel *wheel = gyre_timer_create(CAPACITY, model.now);
    FUZZ_CHECK(wheel != NULL);
    size_t cancelled = 0; // since the last turn: their records come back with it
    while (size > 0) {
        uint8_t operation = *data++;
        --size;
        if (operation % 4 < 2 && model.count < 256) {
            uint64_t distance = fuzz_time(&data, &size);
            bool is_past = operation & 64;
            uint64_t due = is_past ? model.now - (distance < model.now ? distance : model.now) : model.now + distance;
            size_t waiting = 0;
            for (size_t index = 0; index < model.count; ++index) waiting += model.timers[index].is_waiting;
            fuzz_timer *timer = &model.timers[model.count];
            bool wake = false;
            uint64_t number = model.count;
            if (gyre_timer_insert(wheel, due, fuzz_function, number, ~number, &timer->token, &wake)) {
                timer->due = due;
                timer->number = number;
                ++model.count;
                timer->is_waiting = true;
            } else {
                FUZZ_CHECK(waiting + cancelled >= CAPACITY);
            }
        } else if (operation % 4 == 2 && model.count > 0) {
            fuzz_timer *timer = &model.timers[operation / 4 % model.count];
            FUZZ_CHECK(gyre_timer_cancel(wheel, timer->token) == timer->is_waiting);
            cancelled += timer->is_waiting;
            timer->is_waiting = false;
        } else {
            uint64_t next = gyre_timer_next_due(wheel);
            uint64_t step = fuzz_time(&data, &size);
            // Either some way on, or exactly to where the wheel says that something is due.
            if (operation & 64 && next != GYRE_TIMER_NEVER && next > model.now) model.now = next;
            else model.now += step;
            fuzz_advance(wheel, &model);
            cancelled = 0;
        }
        uint64_t earliest = GYRE_TIMER_NEVER;
        for (size_t index = 0; index < model.count; ++index) {
            fuzz_timer *timer = &model.timers[index];
            if (timer->is_waiting && timer->due < earliest) earliest = timer->due;
        }
        FUZZ_CHECK(gyre_timer_next_due(wheel) <= earliest); // whoever sleeps until then is not late
    }
    gyre_timer_destroy(wheel);
    return 0;
}
