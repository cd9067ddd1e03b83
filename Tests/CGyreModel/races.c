// races.c: data races on plain data, by the declared orders.
//
// Plain data carries no values here. A read or write that is not ordered after the last write, or a write that is not
// ordered after every read, is a data race, whatever the schedule made of it.

#include "model.h"

#include <stdlib.h>
#include <string.h>

#define PLAIN_MAX 2048u

typedef struct plain {
    uint64_t execution;
    uint32_t writer;
    uint32_t written;   // the writer's clock
    model_clock read;   // each reader's clock
} plain;

static plain plains[PLAIN_MAX];
static uint32_t plain_count;
static model_entry table[MODEL_TABLE_SIZE];

model_entry *model_find(model_entry *entries, const void *address) {
    uint64_t hash = (uint64_t)(uintptr_t)address * UINT64_C(0x9E3779B97F4A7C15);
    for (uint32_t i = (uint32_t)(hash >> 40);; i++) {
        model_entry *at = &entries[i & (MODEL_TABLE_SIZE - 1)];
        if (at->address == address || at->address == NULL) return at;
    }
}

void model_races_forget(void) {
    memset(table, 0, sizeof table);
    plain_count = 0;
}

static model_thread *self(void) { return &model.threads[model.current]; }

static plain *plain_of(const void *address) {
    model_entry *known = model_find(table, address);
    if (known->address == NULL) {
        if (plain_count == PLAIN_MAX) abort();
        known->address = address;
        known->index = plain_count++;
        plains[known->index].execution = 0;
    }
    plain *at = &plains[known->index];
    if (at->execution != model.execution) {
        memset(at, 0, sizeof *at);
        at->execution = model.execution;
    }
    return at;
}

/// `before` counts the stores that the thread has made since.
static void plain_read(const void *address, uint32_t before, const char *file, int line) {
    plain *at = plain_of(address);
    model_thread *thread = self();
    if (model.trace) model_trace_note("reads plain data", file, line);
    if (at->written > thread->clock.at[at->writer]) {
        gyre_model_fail("data race: a plain read is not ordered after a write", file, line);
    }
    at->read.at[model.current] = thread->clock.at[model.current] - before;
}

static void plain_write(const void *address, uint32_t before, const char *file, int line) {
    plain *at = plain_of(address);
    model_thread *thread = self();
    if (model.trace) model_trace_note("writes plain data", file, line);
    if (at->written > thread->clock.at[at->writer]) {
        gyre_model_fail("data race: a plain write is not ordered after a write", file, line);
    }
    for (uint32_t reader = 0; reader < MODEL_THREADS; reader++) {
        if (at->read.at[reader] > thread->clock.at[reader]) {
            gyre_model_fail("data race: a plain write is not ordered after a read", file, line);
        }
    }
    at->writer = model.current;
    at->written = thread->clock.at[model.current] - before;
}

void gyre_model_plain_read(const void *address, const char *file, int line) { plain_read(address, 0, file, line); }
void gyre_model_plain_write(const void *address, const char *file, int line) { plain_write(address, 0, file, line); }
void model_plain_read_before(const void *address, const char *file, int line) { plain_read(address, 1, file, line); }
void model_plain_write_before(const void *address, const char *file, int line) { plain_write(address, 1, file, line); }
