// rte_ring.cpp: the ring of DPDK in its three kinds for many producers and consumers: MPMC (each waits for the ones
// before it), HTS (one at a time), RTS (the last one publishes for all). Its operations are inline functions; only the
// one that sets a ring up is in a library, which is loaded when it is first needed, so that a program with this file
// does not depend on DPDK.

#include "bench_loop.hpp"

#if __has_include(<rte_ring_elem.h>)
#include <rte_config.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <dlfcn.h>
#include <cstdlib>

namespace {

using Initialise = int (*)(rte_ring *, const char *, unsigned, unsigned);

Initialise initialiser() {
    static void *library = dlopen("librte_ring.so", RTLD_NOW | RTLD_LOCAL);
    static void *function = library == nullptr ? nullptr : dlsym(library, "rte_ring_init");
    return reinterpret_cast<Initialise>(function);
}

enum class Sync { mpmc, hts, rts };

template <class Element, Sync sync> class Any {
  public:
    static constexpr bool has_bulk = true, has_blocking = false;
    using Producer = bench::Port<Any, Element>;
    using Consumer = Producer;

    Any(uint32_t capacity, uint32_t) {
        // With the exact size the array has the next power of two above the capacity.
        size_t slots = 1;
        while (slots < (size_t)capacity + 1) slots *= 2;
        size_t bytes = sizeof(rte_ring) + slots * sizeof(Element);
        bytes = (bytes + RTE_CACHE_LINE_SIZE - 1) / RTE_CACHE_LINE_SIZE * RTE_CACHE_LINE_SIZE;
        ring = static_cast<rte_ring *>(aligned_alloc(128, (bytes + 127) / 128 * 128));
        constexpr unsigned kind = sync == Sync::hts   ? RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ
                                  : sync == Sync::rts ? RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ
                                                      : 0;
        if (ring != nullptr && initialiser()(ring, "bench", capacity, kind | RING_F_EXACT_SZ) != 0) {
            ::free(ring);
            ring = nullptr;
        }
    }
    ~Any() { ::free(ring); }
    Any(const Any &) = delete;
    Any &operator=(const Any &) = delete;

    bool is_ready() const { return ring != nullptr; }
    bool push(const Element &element) { return push_some(&element, 1) == 1; }
    bool pop(Element &element) { return pop_some(&element, 1) == 1; }

    uint32_t push_some(const Element *from, uint32_t count) {
        constexpr unsigned bytes = sizeof(Element);
        if constexpr (sync == Sync::hts) return rte_ring_mp_hts_enqueue_burst_elem(ring, from, bytes, count, nullptr);
        if constexpr (sync == Sync::rts) return rte_ring_mp_rts_enqueue_burst_elem(ring, from, bytes, count, nullptr);
        return rte_ring_mp_enqueue_burst_elem(ring, from, bytes, count, nullptr);
    }

    uint32_t pop_some(Element *to, uint32_t count) {
        constexpr unsigned bytes = sizeof(Element);
        if constexpr (sync == Sync::hts) return rte_ring_mc_hts_dequeue_burst_elem(ring, to, bytes, count, nullptr);
        if constexpr (sync == Sync::rts) return rte_ring_mc_rts_dequeue_burst_elem(ring, to, bytes, count, nullptr);
        return rte_ring_mc_dequeue_burst_elem(ring, to, bytes, count, nullptr);
    }

  private:
    rte_ring *ring;
};

template <class Element> using Mpmc = Any<Element, Sync::mpmc>;
template <class Element> using Hts = Any<Element, Sync::hts>;
template <class Element> using Rts = Any<Element, Sync::rts>;

template <template <class> class Ring> bench_outcome run(const bench_shape *shape, bench_result *result) {
    return initialiser() == nullptr ? BENCH_NOT_LOADED : bench::run<Ring>(shape, result);
}

} // namespace

bench_outcome bench_rte_ring(const bench_shape *shape, bench_result *result) { return run<Mpmc>(shape, result); }
bench_outcome bench_rte_ring_hts(const bench_shape *shape, bench_result *result) { return run<Hts>(shape, result); }
bench_outcome bench_rte_ring_rts(const bench_shape *shape, bench_result *result) { return run<Rts>(shape, result); }
#else
bench_outcome bench_rte_ring(const bench_shape *, bench_result *) { return BENCH_ABSENT; }
bench_outcome bench_rte_ring_hts(const bench_shape *, bench_result *) { return BENCH_ABSENT; }
bench_outcome bench_rte_ring_rts(const bench_shape *, bench_result *) { return BENCH_ABSENT; }
#endif
