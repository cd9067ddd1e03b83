// bench_peers.h: one function for each ring, counter and line that is measured.
//
// Every function runs one shape once, from its own translation unit, in which the subject's code is inlined into the
// loop that drives it. The loops are the same text for all of them (bench_loop.hpp), so that a figure says something
// about the subject and not about who wrote its loop.

#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum bench_kind {
    BENCH_STREAM = 0,      // producers and consumers, calls that never wait, one wait policy for all subjects
    BENCH_BLOCKING = 1,    // producers and consumers, calls that wait as the subject does it
    BENCH_UNCONTENDED = 2, // one thread: push, pop
    BENCH_PING_PONG = 3,   // two threads, two rings, one element that goes back and forth
    BENCH_EMPTY_POP = 4,   // one thread: pop from an empty ring
    BENCH_COUNT = 5,       // `producers` threads add one to a counter
} bench_kind;

typedef enum bench_element {
    BENCH_HANDLE = 0,   // 31 bits
    BENCH_WORD64 = 1,   // 64 bits, all of them used
    BENCH_RECORD32 = 2, // 32 bytes
} bench_element;

typedef struct bench_shape {
    bench_kind kind;
    bench_element element;
    uint32_t producers;
    uint32_t consumers;
    uint32_t capacity;
    uint32_t batch;      // elements of one call; 1 uses the calls for single elements
    uint64_t operations; // elements, round trips, pops or increments of each thread
} bench_shape;

/// What one run took, and what went in and came out. The caller compares them: a figure of a run whose digests differ
/// is no figure.
typedef struct bench_result {
    uint64_t nanoseconds; // from the first thread over the line to the last one done
    uint64_t operations;  // what the time is divided by
    uint64_t count_in;
    uint64_t count_out;
    uint64_t digest_in; // sums of a digest of every element, taken by the threads that push and that pop
    uint64_t digest_out;
} bench_result;

typedef enum bench_outcome {
    BENCH_DONE = 0,
    BENCH_ABSENT = 1,      // the header was not there when this was compiled
    BENCH_UNSUPPORTED = 2, // the subject has no such operation
    BENCH_NO_MEMORY = 3,
    BENCH_NOT_LOADED = 4, // the header was there and the library is not
    BENCH_STUCK = 5,      // bench_isolated: the time was over
    BENCH_CRASHED = 6,    // bench_isolated: it ended without an answer
} bench_outcome;

typedef bench_outcome (*bench_function)(const bench_shape *shape, bench_result *result);

#ifdef __cplusplus
extern "C" {
#endif

bench_outcome bench_gyre(const bench_shape *shape, bench_result *result);
bench_outcome bench_gyre_spsc(const bench_shape *shape, bench_result *result);
bench_outcome bench_gyre_mpsc(const bench_shape *shape, bench_result *result);
bench_outcome bench_libcds(const bench_shape *shape, bench_result *result);
bench_outcome bench_moodycamel(const bench_shape *shape, bench_result *result);
bench_outcome bench_boost(const bench_shape *shape, bench_result *result);
bench_outcome bench_tbb(const bench_shape *shape, bench_result *result);
bench_outcome bench_ck_ring(const bench_shape *shape, bench_result *result);
bench_outcome bench_rte_ring(const bench_shape *shape, bench_result *result);
bench_outcome bench_rte_ring_hts(const bench_shape *shape, bench_result *result);
bench_outcome bench_rte_ring_rts(const bench_shape *shape, bench_result *result);
bench_outcome bench_mutex(const bench_shape *shape, bench_result *result);

/// Ping-pong over two bare cache lines: the floor of every ping-pong.
bench_outcome bench_raw_line(const bench_shape *shape, bench_result *result);

/// Counters: one cell for each thread, stripes by CPU, and one shared word.
bench_outcome bench_counter_cells(const bench_shape *shape, bench_result *result);
bench_outcome bench_counter_stripes(const bench_shape *shape, bench_result *result);
bench_outcome bench_counter_fetch_add(const bench_shape *shape, bench_result *result);

/// Calls `function` in a process of its own, for `seconds` at the longest. The caller must be the only thread.
bench_outcome bench_isolated(bench_function function, const bench_shape *shape, bench_result *result,
                             uint32_t seconds);

/// The same wait for loops that are written in Swift: pauses for some rounds, then yields. `rounds` starts at 0.
void bench_wait(uint32_t *rounds);

#ifdef __cplusplus
}
#endif

#endif
