// bench_parts.hpp: elements, the wait policy, and threads that start together.

#ifndef BENCH_PARTS_HPP
#define BENCH_PARTS_HPP

#include "bench_peers.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <ctime>
#include <thread>
#include <vector>

namespace bench {

// ---------------------------------------------------------------------------------------------------------
// Elements. The n-th one is made from n; its digest depends on all of its bits, and mixes the words of a record, so
// that a record put together from two others is found out.

using Handle = uint32_t;
using Word = uint64_t;
struct Record {
    uint64_t word[4];
};

template <class Element> Element make(uint64_t n);
template <> inline Handle make<Handle>(uint64_t n) { return (uint32_t)n & 0x7fffffffu; }
template <> inline Word make<Word>(uint64_t n) { return (n + 1) * UINT64_C(0x9E3779B97F4A7C15); }
template <> inline Record make<Record>(uint64_t n) {
    uint64_t word = make<Word>(n);
    return Record{{word, ~word, word >> 1, n}};
}

inline uint64_t digest(Handle handle) { return handle; }
inline uint64_t digest(Word word) { return word; }
inline uint64_t digest(const Record &record) {
    return record.word[0] * (record.word[1] | 1) + (record.word[2] ^ record.word[3]);
}

/// What one thread pushed or popped.
struct Tally {
    uint64_t count = 0;
    uint64_t sum = 0;

    template <class Element> void add(const Element &element) {
        count += 1;
        sum += digest(element);
    }
};

// ---------------------------------------------------------------------------------------------------------
// Waiting, when a call that never waits said full or empty.

inline void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#endif
}

/// Pauses for some rounds, which is enough while the other side runs on another core, then lets others have this one.
struct Wait {
    static constexpr uint32_t pauses = 64;
    uint32_t rounds = 0;

    void once() {
        if (rounds < pauses) {
            rounds += 1;
            pause();
        } else {
            sched_yield();
        }
    }
    void over() { rounds = 0; }
};

// ---------------------------------------------------------------------------------------------------------
// Threads.

inline uint64_t now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// Runs `body(index)` on so many threads, which leave one line together. Returns the time from the first one over the
/// line until the last one was done. No thread is pinned.
template <class Body> uint64_t together(uint32_t threads, Body body) {
    struct alignas(128) Span {
        uint64_t begin = 0;
        uint64_t end = 0;
    };
    std::vector<Span> spans(threads);
    pthread_barrier_t line;
    pthread_barrier_init(&line, nullptr, threads);
    std::vector<std::thread> running;
    for (uint32_t index = 0; index < threads; index++) {
        running.emplace_back([&, index] {
            pthread_barrier_wait(&line);
            uint64_t begin = now();
            body(index);
            spans[index] = Span{begin, now()};
        });
    }
    for (auto &thread : running) thread.join();
    pthread_barrier_destroy(&line);
    uint64_t begin = UINT64_MAX, end = 0;
    for (const auto &span : spans) {
        begin = std::min(begin, span.begin);
        end = std::max(end, span.end);
    }
    return end - begin;
}

} // namespace bench

#endif
