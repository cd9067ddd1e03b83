// counters.cpp: threads that add one to a counter, which is then read.

#include "bench_parts.hpp"

#include "gyre_counter.h"

namespace {

/// Runs `add(thread)` so many times on each thread. What should have been counted is in, what `read` says is out.
template <class Add, class Read>
bench_outcome count(const bench_shape *shape, bench_result *result, Add add, Read read) {
    *result = bench_result{};
    if (shape->kind != BENCH_COUNT) return BENCH_UNSUPPORTED;
    result->nanoseconds = bench::together(shape->producers, [&](uint32_t index) {
        for (uint64_t n = 0; n < shape->operations; n++) add(index);
    });
    result->operations = shape->operations; // by each thread, all at the same time
    result->count_in = result->digest_in = shape->operations * shape->producers;
    result->count_out = result->digest_out = read();
    return BENCH_DONE;
}

} // namespace

bench_outcome bench_counter_cells(const bench_shape *shape, bench_result *result) {
    gyre_counter_line *lines = gyre_counter_lines_create(shape->producers);
    if (lines == nullptr) return BENCH_NO_MEMORY;
    auto add = [&](uint32_t index) { gyre_counter_add(gyre_counter_word(lines, index, 0), 1); };
    auto read = [&] { return gyre_counter_sum(lines, shape->producers, 0); };
    bench_outcome outcome = count(shape, result, add, read);
    gyre_counter_lines_destroy(lines);
    return outcome;
}

bench_outcome bench_counter_stripes(const bench_shape *shape, bench_result *result) {
    gyre_striped *counter = gyre_striped_create(0);
    if (counter == nullptr) return BENCH_NO_MEMORY;
    auto add = [&](uint32_t) { gyre_striped_add(counter, 1); };
    bench_outcome outcome = count(shape, result, add, [&] { return gyre_striped_read(counter); });
    gyre_striped_destroy(counter);
    return outcome;
}

bench_outcome bench_counter_fetch_add(const bench_shape *shape, bench_result *result) {
    alignas(128) std::atomic<uint64_t> counter{0};
    auto add = [&](uint32_t) { counter.fetch_add(1, std::memory_order_relaxed); };
    return count(shape, result, add, [&] { return counter.load(std::memory_order_relaxed); });
}
