// swap.c: gyre_swap.h and gyre_swap.c on the checker, with sections as liburcu promises them (sections.h).

#include "gyre_swap.h"
#include "model.h"
#include "sections.h"

#include "gyre_swap.c"

static gyre_atomic_u64 word;
static uint64_t content[3];

static void begin(void) {
    sections_setup();
    gyre_store_relaxed(&word, 0);
    for (uint32_t i = 0; i < 3; i++) gyre_plain_write(content[i], 100 + i);
}

static void read(void) {
    gyre_swap_begin();
    uint64_t at = gyre_swap_read(&word);
    MODEL_CHECK(gyre_plain_read(content[at]) == (at == 0 ? 100 : 200 + at));
    gyre_swap_end(&word);
}

static void replace(uint64_t next) {
    gyre_plain_write(content[next], 200 + next);
    uint64_t old = gyre_swap_replace(&word, next);
    MODEL_CHECK(old != next);
    gyre_plain_write(content[old], 0); // nobody else has it
}

/// The new content is whole, the old one nobody's. (W1 -> W2, and the wait.)
static void read_and_replace(uint32_t i) {
    if (i == 0) replace(1);
    else read();
}
static void check_one(void) { MODEL_CHECK(gyre_swap_read(&word) == 1 && content[1] == 201 && content[0] == 0); }

/// Who replaces what another put there has what the other wrote.
static void replace_both(uint32_t i) {
    if (i < 2) replace(i + 1);
    else read();
}
static void check_both(void) {
    uint64_t last = gyre_swap_read(&word);
    MODEL_CHECK(last != 0 && content[last] == 200 + last);
    MODEL_CHECK(content[0] == 0 && content[3 - last] == 0);
}

#define SWAP(title, count, body, last, preemptions)                                                                    \
    {.name = "swap/" title, .threads = count, .setup = begin, .thread = body, .check = last, .bound = preemptions,     \
     .chance = 4000}

static const model_test tests[] = {
    SWAP("one replaces, one reads", 2, read_and_replace, check_one, MODEL_COMPLETE),
    SWAP("one replaces, two read", 3, read_and_replace, check_one, 2),
    SWAP("two replace", 2, replace_both, check_both, MODEL_COMPLETE),
    SWAP("two replace, one reads", 3, replace_both, check_both, 2),
};

MODEL_HARNESS(swap, tests);
