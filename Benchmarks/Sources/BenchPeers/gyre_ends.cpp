// gyre_ends.cpp: Gyre's rings for one producer and one consumer, and for many producers and one. They take no other
// mix.

#include "bench_loop.hpp"

#include "gyre_mpsc.h"
#include "gyre_spsc.h"

namespace {

template <class Element> class OneToOne {
  public:
    static constexpr bool has_bulk = true, has_blocking = false;
    using Producer = bench::Port<OneToOne, Element>;
    using Consumer = Producer;

    OneToOne(uint32_t capacity, uint32_t) : ring(gyre_spsc_create(capacity)), places(capacity) {}
    ~OneToOne() { gyre_spsc_destroy(ring); }
    OneToOne(const OneToOne &) = delete;
    OneToOne &operator=(const OneToOne &) = delete;

    bool is_ready() const { return ring != nullptr; }
    bool push(const Element &element) { return push_some(&element, 1) == 1; }
    bool pop(Element &element) { return pop_some(&element, 1) == 1; }

    uint32_t push_some(const Element *elements, uint32_t count) {
        uint32_t index, moved;
        if (gyre_spsc_room(ring, count, &index, &moved) != GYRE_RING_OK) return 0;
        std::copy_n(elements, moved, places.begin() + index);
        gyre_spsc_publish(ring, moved);
        return moved;
    }

    uint32_t pop_some(Element *elements, uint32_t count) {
        uint32_t index, moved;
        if (gyre_spsc_stock(ring, count, &index, &moved) != GYRE_RING_OK) return 0;
        std::copy_n(places.begin() + index, moved, elements);
        gyre_spsc_release(ring, moved);
        return moved;
    }

  private:
    gyre_spsc *ring;
    std::vector<Element> places;
};

template <class Element> class ManyToOne {
  public:
    static constexpr bool has_bulk = false, has_blocking = false;
    using Producer = bench::Port<ManyToOne, Element>;
    using Consumer = Producer;

    ManyToOne(uint32_t capacity, uint32_t) : ring(gyre_mpsc_create(capacity)), places(gyre_mpsc_places(capacity)) {}
    ~ManyToOne() { gyre_mpsc_destroy(ring); }
    ManyToOne(const ManyToOne &) = delete;
    ManyToOne &operator=(const ManyToOne &) = delete;

    bool is_ready() const { return ring != nullptr; }

    [[gnu::always_inline, gnu::flatten]] bool push(const Element &element) {
        uint32_t place;
        if (gyre_mpsc_take(ring, &place) != GYRE_RING_OK) return false;
        places[place] = element;
        if (gyre_mpsc_push(ring, place) == GYRE_RING_OK) return true;
        gyre_mpsc_give(ring, place);
        return false;
    }

    bool pop(Element &element) {
        uint32_t place;
        if (gyre_mpsc_pop(ring, &place) != GYRE_RING_OK) return false;
        element = places[place];
        gyre_mpsc_release(ring, place);
        return true;
    }

  private:
    gyre_mpsc *ring;
    std::vector<Element> places;
};

} // namespace

bench_outcome bench_gyre_spsc(const bench_shape *shape, bench_result *result) {
    if (shape->producers > 1 || shape->consumers > 1) return BENCH_UNSUPPORTED;
    return bench::run<OneToOne>(shape, result);
}

bench_outcome bench_gyre_mpsc(const bench_shape *shape, bench_result *result) {
    if (shape->consumers > 1) return BENCH_UNSUPPORTED;
    return bench::run<ManyToOne>(shape, result);
}
