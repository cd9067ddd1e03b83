// tbb.cpp: oneTBB's concurrent_bounded_queue.

#include "bench_loop.hpp"

#if __has_include(<oneapi/tbb/concurrent_queue.h>)
#include <oneapi/tbb/concurrent_queue.h>

namespace {

template <class Element> class Ring {
  public:
    static constexpr bool has_bulk = false, has_blocking = true;
    using Producer = bench::Port<Ring, Element>;
    using Consumer = Producer;

    Ring(uint32_t capacity, uint32_t) { queue.set_capacity(capacity); }

    bool is_ready() const { return true; }
    bool push(const Element &element) { return queue.try_push(element); }
    bool pop(Element &element) { return queue.try_pop(element); }
    void push_wait(const Element &element) { queue.push(element); }
    void pop_wait(Element &element) { queue.pop(element); }

  private:
    oneapi::tbb::concurrent_bounded_queue<Element> queue;
};

} // namespace

bench_outcome bench_tbb(const bench_shape *shape, bench_result *result) { return bench::run<Ring>(shape, result); }
#else
bench_outcome bench_tbb(const bench_shape *, bench_result *) { return BENCH_ABSENT; }
#endif
