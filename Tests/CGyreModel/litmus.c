// litmus.c: the checker itself, on programs whose outcomes C11 fixes: it must show all of them and no other.
//
// An outcome is written as one digit for each register, r0 first. Every program is run twice: complete with sleep sets,
// and again without them, so that what they leave out is shown to be repetition.

#include "model.h"

static gyre_atomic_u64 x, y;
static uint64_t r[4];

static void setup(void) {
    gyre_store_relaxed(&x, 0);
    gyre_store_relaxed(&y, 0);
    for (uint32_t i = 0; i < 4; i++) r[i] = 0;
}

static void check_two(void) { model_outcome((uint32_t)(r[0] * 10 + r[1])); }
static void check_three(void) { model_outcome((uint32_t)(r[0] * 100 + r[1] * 10 + r[2])); }
static void check_four(void) { model_outcome((uint32_t)(r[0] * 1000 + r[1] * 100 + r[2] * 10 + r[3])); }
static void check_memory(void) { model_outcome((uint32_t)(gyre_load_relaxed(&x) * 10 + gyre_load_relaxed(&y))); }

// Store buffering: each stores one and loads the other.

static void sb_release_acquire(uint32_t i) {
    gyre_store_release(i == 0 ? &x : &y, 1);
    r[i] = gyre_load_acquire(i == 0 ? &y : &x);
}

static void sb_fences(uint32_t i) {
    gyre_store_relaxed(i == 0 ? &x : &y, 1);
    gyre_fence_seq_cst();
    r[i] = gyre_load_relaxed(i == 0 ? &y : &x);
}

static void sb_one_fence(uint32_t i) {
    gyre_store_relaxed(i == 0 ? &x : &y, 1);
    if (i == 0) gyre_fence_seq_cst();
    r[i] = gyre_load_relaxed(i == 0 ? &y : &x);
}

static void sb_seq_cst(uint32_t i) {
    gyre_store_seq_cst(i == 0 ? &x : &y, 1);
    r[i] = gyre_load_seq_cst(i == 0 ? &y : &x);
}

static void sb_fence_and_seq_cst(uint32_t i) {
    if (i == 0) {
        gyre_store_relaxed(&x, 1);
        gyre_fence_seq_cst();
        r[0] = gyre_load_relaxed(&y);
    } else {
        gyre_store_seq_cst(&y, 1);
        r[1] = gyre_load_seq_cst(&x);
    }
}

// Message passing: data in x, the flag in y.

static void mp_release_acquire(uint32_t i) {
    if (i == 0) {
        gyre_store_relaxed(&x, 1);
        gyre_store_release(&y, 1);
    } else {
        r[0] = gyre_load_acquire(&y);
        r[1] = gyre_load_relaxed(&x);
    }
}

static void mp_relaxed_store(uint32_t i) {
    if (i == 0) {
        gyre_store_relaxed(&x, 1);
        gyre_store_relaxed(&y, 1);
    } else {
        r[0] = gyre_load_acquire(&y);
        r[1] = gyre_load_relaxed(&x);
    }
}

static void mp_relaxed_load(uint32_t i) {
    if (i == 0) {
        gyre_store_relaxed(&x, 1);
        gyre_store_release(&y, 1);
    } else {
        r[0] = gyre_load_relaxed(&y);
        r[1] = gyre_load_relaxed(&x);
    }
}

static void mp_fences(uint32_t i) {
    if (i == 0) {
        gyre_store_relaxed(&x, 1);
        GYRE_FENCE(GYRE_RELEASE);
        gyre_store_relaxed(&y, 1);
    } else {
        r[0] = gyre_load_relaxed(&y);
        GYRE_FENCE(GYRE_ACQUIRE);
        r[1] = gyre_load_relaxed(&x);
    }
}

// The release sequence: an exchange by another thread passes a release on, whatever its own order; a store does not.

static void sequence_exchange(uint32_t i) {
    if (i == 0) {
        gyre_store_relaxed(&x, 1);
        gyre_store_release(&y, 1);
    } else if (i == 1) {
        uint64_t expected = 1;
        (void)gyre_cas_relaxed_relaxed(&y, &expected, 2);
    } else {
        r[0] = gyre_load_acquire(&y);
        r[1] = gyre_load_relaxed(&x);
    }
}

static void sequence_store(uint32_t i) {
    if (i == 0) {
        gyre_store_relaxed(&x, 1);
        gyre_store_release(&y, 1);
    } else if (i == 1) {
        if (gyre_load_relaxed(&y) == 1) gyre_store_relaxed(&y, 2);
    } else {
        r[0] = gyre_load_acquire(&y);
        r[1] = gyre_load_relaxed(&x);
    }
}

// A compare-and-swap that fails is a load with the order of failure, and may return an old value.

static void cas_fails_acquire(uint32_t i) {
    if (i == 0) {
        gyre_store_relaxed(&x, 1);
        gyre_store_release(&y, 1);
    } else {
        r[0] = 7;
        (void)gyre_cas_relaxed_acquire(&y, &r[0], 9);
        r[1] = gyre_load_relaxed(&x);
    }
}

static void cas_fails_relaxed(uint32_t i) {
    if (i == 0) {
        gyre_store_relaxed(&x, 1);
        gyre_store_release(&y, 1);
    } else {
        r[0] = 7;
        (void)gyre_cas_acquire_relaxed(&y, &r[0], 9);
        r[1] = gyre_load_relaxed(&x);
    }
}

// Load buffering: r0 = r1 = 1 is allowed by C11 for relaxed accesses. The checker never shows it: a thread cannot read
// what has not been stored. Code of Gyre relies on nothing of the kind being absent: all its relaxed loads that lead to
// stores are followed by an exchange, or are loads of what the thread itself stored.

static void load_buffering(uint32_t i) {
    r[i] = gyre_load_relaxed(i == 0 ? &x : &y);
    gyre_store_relaxed(i == 0 ? &y : &x, 1);
}

// Independent reads of independent writes.

static void iriw_acquire(uint32_t i) {
    if (i == 0) gyre_store_release(&x, 1);
    else if (i == 1) gyre_store_release(&y, 1);
    else {
        r[2 * (i - 2)] = gyre_load_acquire(i == 2 ? &x : &y);
        r[2 * (i - 2) + 1] = gyre_load_acquire(i == 2 ? &y : &x);
    }
}

static void iriw_seq_cst(uint32_t i) {
    if (i == 0) gyre_store_seq_cst(&x, 1);
    else if (i == 1) gyre_store_seq_cst(&y, 1);
    else {
        r[2 * (i - 2)] = gyre_load_seq_cst(i == 2 ? &x : &y);
        r[2 * (i - 2) + 1] = gyre_load_seq_cst(i == 2 ? &y : &x);
    }
}

static void iriw_fences(uint32_t i) {
    if (i == 0) gyre_store_relaxed(&x, 1);
    else if (i == 1) gyre_store_relaxed(&y, 1);
    else {
        r[2 * (i - 2)] = gyre_load_relaxed(i == 2 ? &x : &y);
        gyre_fence_seq_cst();
        r[2 * (i - 2) + 1] = gyre_load_relaxed(i == 2 ? &y : &x);
    }
}

// Write-to-read causality: what one has read, another one who hears of it reads too.

static void wrc_release_acquire(uint32_t i) {
    if (i == 0) gyre_store_relaxed(&x, 1);
    else if (i == 1) {
        r[0] = gyre_load_relaxed(&x);
        gyre_store_release(&y, 1);
    } else {
        r[1] = gyre_load_acquire(&y);
        r[2] = gyre_load_relaxed(&x);
    }
}

static void wrc_relaxed(uint32_t i) {
    if (i == 0) gyre_store_relaxed(&x, 1);
    else if (i == 1) {
        r[0] = gyre_load_relaxed(&x);
        gyre_store_relaxed(&y, 1);
    } else {
        r[1] = gyre_load_relaxed(&y);
        r[2] = gyre_load_relaxed(&x);
    }
}

// 2+2W: two locations, two stores to each, in opposite orders.

static void two_two_relaxed(uint32_t i) {
    gyre_store_relaxed(i == 0 ? &x : &y, 1);
    gyre_store_relaxed(i == 0 ? &y : &x, 2);
}

static void two_two_seq_cst(uint32_t i) {
    gyre_store_seq_cst(i == 0 ? &x : &y, 1);
    gyre_store_seq_cst(i == 0 ? &y : &x, 2);
}

static void two_two_fences(uint32_t i) {
    gyre_store_relaxed(i == 0 ? &x : &y, 1);
    gyre_fence_seq_cst();
    gyre_store_relaxed(i == 0 ? &y : &x, 2);
}

// Coherence of two reads, and of two readers.

static void corr(uint32_t i) {
    if (i == 0) gyre_store_relaxed(&x, 1);
    else {
        r[0] = gyre_load_relaxed(&x);
        r[1] = gyre_load_relaxed(&x);
    }
}

static void corr_two_readers(uint32_t i) {
    if (i < 2) gyre_store_relaxed(&x, i + 1);
    else {
        r[2 * (i - 2)] = gyre_load_relaxed(&x);
        r[2 * (i - 2) + 1] = gyre_load_relaxed(&x);
    }
}

// Two additions are never lost; one of them reads the other.

static void additions(uint32_t i) { r[i] = gyre_fetch_add_relaxed(&x, 1); }

#define LITMUS(title, count, body, last, set)                                                                        \
    {.name = "litmus/" title, .threads = count, .setup = setup, .thread = body, .check = last,                       \
     .bound = MODEL_COMPLETE, .chance = 4000, .reorders = true, .stale = 4, .outcomes = set},                        \
    {.name = "litmus/" title " without sleep sets", .threads = count, .setup = setup, .thread = body, .check = last, \
     .bound = 100, .reorders = true, .stale = 4, .outcomes = set}

#define IRIW_STRONG "0 1 10 11 100 101 110 111 1000 1001 1011 1100 1101 1110 1111"
#define IRIW_WEAK IRIW_STRONG " 1010"

static const model_test tests[] = {
    LITMUS("SB release acquire", 2, sb_release_acquire, check_two, "0 1 10 11"),
    LITMUS("SB fences", 2, sb_fences, check_two, "1 10 11"),
    LITMUS("SB one fence", 2, sb_one_fence, check_two, "0 1 10 11"),
    LITMUS("SB seq_cst", 2, sb_seq_cst, check_two, "1 10 11"),
    LITMUS("SB fence and seq_cst", 2, sb_fence_and_seq_cst, check_two, "1 10 11"),
    LITMUS("MP release acquire", 2, mp_release_acquire, check_two, "0 1 11"),
    LITMUS("MP relaxed store", 2, mp_relaxed_store, check_two, "0 1 10 11"),
    LITMUS("MP relaxed load", 2, mp_relaxed_load, check_two, "0 1 10 11"),
    LITMUS("MP fences", 2, mp_fences, check_two, "0 1 11"),
    LITMUS("release sequence of exchanges", 3, sequence_exchange, check_two, "0 1 11 21"),
    LITMUS("no release sequence of stores", 3, sequence_store, check_two, "0 1 11 20 21"),
    LITMUS("CAS fails, acquire", 2, cas_fails_acquire, check_two, "0 1 11"),
    LITMUS("CAS fails, relaxed", 2, cas_fails_relaxed, check_two, "0 1 10 11"),
    LITMUS("LB, a limit: 11 is never shown", 2, load_buffering, check_two, "0 1 10"),
    LITMUS("IRIW acquire", 4, iriw_acquire, check_four, IRIW_WEAK),
    LITMUS("IRIW seq_cst", 4, iriw_seq_cst, check_four, IRIW_STRONG),
    LITMUS("IRIW fences", 4, iriw_fences, check_four, IRIW_STRONG),
    LITMUS("WRC release acquire", 3, wrc_release_acquire, check_three, "0 1 10 11 100 101 111"),
    LITMUS("WRC relaxed", 3, wrc_relaxed, check_three, "0 1 10 11 100 101 110 111"),
    LITMUS("2+2W relaxed", 2, two_two_relaxed, check_memory, "11 12 21 22"),
    LITMUS("2+2W seq_cst", 2, two_two_seq_cst, check_memory, "12 21 22"),
    LITMUS("2+2W fences", 2, two_two_fences, check_memory, "12 21 22"),
    LITMUS("CoRR", 2, corr, check_two, "0 1 11"),
    LITMUS("CoRR two readers", 4, corr_two_readers, check_four,
           "0 1 2 11 12 21 22 100 101 102 111 112 121 122 200 201 202 211 212 221 222 "
           "1100 1101 1102 1111 1112 1121 1122 1200 1201 1202 1211 1212 1222 2100 2101 2102 2111 2121 2122 "
           "2200 2201 2202 2211 2212 2221 2222"),
    LITMUS("two additions", 2, additions, check_two, "1 10"),
};

MODEL_HARNESS(litmus, tests);
