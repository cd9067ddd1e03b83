// tbb_pool.cpp: oneTBB's task_arena as a pool.

#include "bench_pool.h"

#if __has_include(<oneapi/tbb/task_arena.h>)
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace {

struct Pool {
    // The library keeps one thread fewer than this, for a caller that works too. Ours does not.
    oneapi::tbb::global_control limit;
    oneapi::tbb::task_arena arena;

    explicit Pool(uint32_t workers)
        : limit(oneapi::tbb::global_control::max_allowed_parallelism, workers + 1), arena((int)workers, 0) {}
};

void fork(oneapi::tbb::task_group &group, uint32_t depth) {
    if (depth == 0) return bench_task_empty();
    group.run([&group, depth] { fork(group, depth - 1); });
    group.run([&group, depth] { fork(group, depth - 1); });
}

} // namespace

void *bench_tbb_pool_create(uint32_t workers) { return new Pool(workers); }

void bench_tbb_pool_enqueue(void *memory, bench_body body, uint64_t word) {
    auto *pool = static_cast<Pool *>(memory);
    switch (body) {
    case BENCH_BODY_EMPTY: return pool->arena.enqueue([] { bench_task_empty(); });
    case BENCH_BODY_WORD: return pool->arena.enqueue([word] { bench_task_word(word); });
    case BENCH_BODY_WORK: return pool->arena.enqueue([word] { bench_task_work(word); });
    case BENCH_BODY_STAMPED: return pool->arena.enqueue([word] { bench_task_stamped(word); });
    }
}

void bench_tbb_pool_fan_out(void *memory, uint64_t count) {
    auto *pool = static_cast<Pool *>(memory);
    pool->arena.enqueue([pool, count] {
        for (uint64_t n = 0; n < count; n++) pool->arena.enqueue([n] { bench_task_word(n); });
    });
}

void bench_tbb_pool_tree(void *memory, uint32_t depth) {
    auto *pool = static_cast<Pool *>(memory);
    pool->arena.enqueue([depth] {
        oneapi::tbb::task_group group;
        fork(group, depth);
        group.wait();
    });
}
#else
void *bench_tbb_pool_create(uint32_t) { return nullptr; }
void bench_tbb_pool_enqueue(void *, bench_body, uint64_t) {}
void bench_tbb_pool_fan_out(void *, uint64_t) {}
void bench_tbb_pool_tree(void *, uint32_t) {}
#endif
