// pool.cpp: the tallies of all threads.

#include "bench_pool.h"

#include <cstdio>
#include <cstdlib>
#include <new>

#include <dlfcn.h>
#include <sys/prctl.h>

__thread bench_tally *bench_own_tally = nullptr;
uint64_t bench_work_rounds = 0;
uint64_t *bench_stamps = nullptr;

void bench_set_work_rounds(uint64_t rounds) { bench_work_rounds = rounds; }
void bench_set_stamps(uint64_t *stamps) { bench_stamps = stamps; }
void bench_sleep_precisely(void) { prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul); }

const char *bench_allocator_path(void) {
    Dl_info found{};
    void *function = dlsym(RTLD_DEFAULT, "malloc");
    return function != nullptr && dladdr(function, &found) != 0 ? found.dli_fname : nullptr;
}

namespace {
bench_tally *all = nullptr; // a stack that only grows
} // namespace

bench_tally *bench_tally_make(void) {
    void *memory = nullptr;
    if (posix_memalign(&memory, 128, sizeof(bench_tally)) != 0) {
        std::fputs("bench: no memory for a tally\n", stderr);
        std::abort();
    }
    auto *tally = new (memory) bench_tally{};
    tally->next = __atomic_load_n(&all, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&all, &tally->next, tally, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) continue;
    bench_own_tally = tally;
    return tally;
}

bench_total bench_tally_total(void) {
    bench_total total{};
    for (auto *tally = __atomic_load_n(&all, __ATOMIC_ACQUIRE); tally != nullptr; tally = tally->next) {
        total.count += __atomic_load_n(&tally->count, __ATOMIC_ACQUIRE);
        total.sum += __atomic_load_n(&tally->sum, __ATOMIC_RELAXED);
    }
    return total;
}
