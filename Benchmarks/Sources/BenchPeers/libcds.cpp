// libcds.cpp: the Vyukov queue of libcds: a sequence beside each element, a ticket for each operation.

#include "bench_loop.hpp"

#if __has_include(<cds/container/vyukov_mpmc_cycle_queue.h>)
#include <cds/container/vyukov_mpmc_cycle_queue.h>

namespace {

template <class Element> class Ring {
  public:
    static constexpr bool has_bulk = false, has_blocking = false;
    using Producer = bench::Port<Ring, Element>;
    using Consumer = Producer;

    Ring(uint32_t capacity, uint32_t) : queue(capacity) {}

    bool is_ready() const { return true; }
    bool push(const Element &element) { return queue.enqueue(element); }
    bool pop(Element &element) { return queue.dequeue(element); }

  private:
    cds::container::VyukovMPMCCycleQueue<Element> queue;
};

} // namespace

bench_outcome bench_libcds(const bench_shape *shape, bench_result *result) { return bench::run<Ring>(shape, result); }
#else
bench_outcome bench_libcds(const bench_shape *, bench_result *) { return BENCH_ABSENT; }
#endif
