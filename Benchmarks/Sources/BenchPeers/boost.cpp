// boost.cpp: boost::lockfree::queue, a linked list whose nodes come from a fixed pool of the capacity.

#include "bench_loop.hpp"

#if __has_include(<boost/lockfree/queue.hpp>)
#include <boost/lockfree/queue.hpp>

namespace {

template <class Element> class Ring {
  public:
    static constexpr bool has_bulk = false, has_blocking = false;
    using Producer = bench::Port<Ring, Element>;
    using Consumer = Producer;

    Ring(uint32_t capacity, uint32_t) : queue(capacity) {}

    bool is_ready() const { return true; }
    bool push(const Element &element) { return queue.bounded_push(element); }
    bool pop(Element &element) { return queue.pop(element); }

  private:
    boost::lockfree::queue<Element, boost::lockfree::fixed_sized<true>> queue;
};

} // namespace

bench_outcome bench_boost(const bench_shape *shape, bench_result *result) { return bench::run<Ring>(shape, result); }
#else
bench_outcome bench_boost(const bench_shape *, bench_result *) { return BENCH_ABSENT; }
#endif
