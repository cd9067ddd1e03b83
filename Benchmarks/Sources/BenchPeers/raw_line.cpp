// raw_line.cpp: a number that goes back and forth over two cache lines. No ring can do a round trip faster.

#include "bench_parts.hpp"

namespace {

struct alignas(128) Line {
    std::atomic<uint64_t> number{0};
};

} // namespace

bench_outcome bench_raw_line(const bench_shape *shape, bench_result *result) {
    *result = bench_result{};
    if (shape->kind != BENCH_PING_PONG) return BENCH_UNSUPPORTED;
    Line there, back;
    bench::Tally tallies[2];
    result->nanoseconds = bench::together(2, [&](uint32_t index) {
        Line &source = index == 0 ? back : there;
        Line &target = index == 0 ? there : back;
        bench::Wait wait;
        bench::Tally tally;
        for (uint64_t n = 1; n <= shape->operations; n++) {
            if (index == 0) target.number.store(n, std::memory_order_release);
            while (source.number.load(std::memory_order_acquire) != n) wait.once();
            wait.over();
            if (index == 1) target.number.store(n, std::memory_order_release);
            tally.add(n);
        }
        tallies[index] = tally;
    });
    result->operations = result->count_in = tallies[0].count;
    result->digest_in = tallies[0].sum;
    result->count_out = tallies[1].count;
    result->digest_out = tallies[1].sum;
    return BENCH_DONE;
}
