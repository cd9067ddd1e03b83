// ck_ring.cpp: the ring of Concurrency Kit, many producers and many consumers. One slot of the buffer stays free, so
// the capacity is one less than asked for.

#include "bench_loop.hpp"

#if __has_include(<ck_ring.h>)
// The header is C: one function returns `false` as a null pointer. A literal 0 is one in C++ as well.
#define false 0
#include <ck_ring.h>
#undef false

namespace {

template <class Element> class Ring {
  public:
    static constexpr bool has_bulk = false, has_blocking = false;
    using Producer = bench::Port<Ring, Element>;
    using Consumer = Producer;

    Ring(uint32_t capacity, uint32_t) : elements(capacity) { ck_ring_init(&ring, capacity); }

    bool is_ready() const { return true; }
    // What CK_RING_PROTOTYPE makes of a type, without its conversion from void *, which C++ refuses.
    bool push(const Element &element) {
        return _ck_ring_enqueue_mp(&ring, elements.data(), &element, sizeof(Element), nullptr);
    }
    bool pop(Element &element) { return _ck_ring_dequeue_mc(&ring, elements.data(), &element, sizeof(Element)); }

  private:
    alignas(64) ck_ring_t ring;
    std::vector<Element> elements;
};

} // namespace

bench_outcome bench_ck_ring(const bench_shape *shape, bench_result *result) { return bench::run<Ring>(shape, result); }
#else
bench_outcome bench_ck_ring(const bench_shape *, bench_result *) { return BENCH_ABSENT; }
#endif
