// gyre.cpp: Gyre's ring. Handles go into its slots. Everything else goes through a slab, as Ring<Element> of GyreCore
// does it: one ring carries the handles of what is queued, another one those of the free places.

#include "bench_loop.hpp"

#include "gyre_event.h"
#include "gyre_ring.h"

namespace {

struct Owned {
    gyre_ring *ring;
    explicit Owned(uint32_t capacity) : ring(gyre_ring_create(capacity)) {}
    ~Owned() { gyre_ring_destroy(ring); }
    Owned(const Owned &) = delete;
    Owned &operator=(const Owned &) = delete;
};

/// Waiting on event counts around calls that never wait. Elements and places are alike, so one waiter is woken, and
/// whoever takes one passes the wake on (gyre_event.h). A producer that found the ring full is woken when a quarter is
/// free: for a single place it would be asleep again at once, and cost more than the place is worth.
class Events {
  public:
    Events() {
        gyre_event_init(&stock.event);
        gyre_event_init(&room.event);
    }

    template <class Try> static void wait(gyre_event *event, Try attempt) {
        for (;;) {
            for (uint32_t round = 0; round < bench::Wait::pauses; round++) {
                if (attempt()) return;
                gyre_pause();
            }
            uint32_t key = gyre_event_prepare(event);
            if (attempt()) {
                gyre_event_cancel(event);
                return;
            }
            gyre_event_wait(event, key, GYRE_FUTEX_NO_DEADLINE);
        }
    }

    gyre_event *has_stock() { return &stock.event; }
    gyre_event *has_room() { return &room.event; }

  private:
    struct alignas(GYRE_CACHE_LINE_BYTES) Line {
        gyre_event event;
    };
    Line stock, room;
};

template <class Element> class Slab {
  public:
    static constexpr bool has_bulk = false, has_blocking = false;
    using Producer = bench::Port<Slab, Element>;
    using Consumer = Producer;

    Slab(uint32_t capacity, uint32_t, uint32_t) : queue(capacity), free(capacity + spare), places(capacity + spare) {
        for (uint32_t place = 0; free.ring != nullptr && place < capacity + spare; place++)
            gyre_ring_try_push(free.ring, place);
    }

    bool is_ready() const { return queue.ring != nullptr && free.ring != nullptr; }

    bool push(const Element &element) {
        uint32_t place;
        if (gyre_ring_try_pop(free.ring, &place) != GYRE_RING_OK) return false;
        places[place] = element;
        if (gyre_ring_try_push(queue.ring, place) == GYRE_RING_OK) return true;
        gyre_ring_try_push(free.ring, place);
        return false;
    }

    bool pop(Element &element) {
        uint32_t place;
        if (gyre_ring_try_pop(queue.ring, &place) != GYRE_RING_OK) return false;
        element = places[place];
        gyre_ring_try_push(free.ring, place);
        return true;
    }

  private:
    static constexpr uint32_t spare = 64;
    Owned queue, free;
    std::vector<Element> places;
};

class Handles {
  public:
    static constexpr bool has_bulk = false, has_blocking = true;
    using Producer = bench::Port<Handles, bench::Handle>;
    using Consumer = Producer;

    Handles(uint32_t capacity, uint32_t, uint32_t) : queue(capacity) {}

    bool is_ready() const { return queue.ring != nullptr; }
    bool push(bench::Handle handle) { return gyre_ring_try_push(queue.ring, handle) == GYRE_RING_OK; }
    bool pop(bench::Handle &handle) { return gyre_ring_try_pop(queue.ring, &handle) == GYRE_RING_OK; }

    void push_wait(bench::Handle handle) {
        if (!push(handle)) Events::wait(events.has_room(), [&] { return push(handle); });
        wake();
    }

    void pop_wait(bench::Handle &handle) {
        if (!pop(handle)) Events::wait(events.has_stock(), [&] { return pop(handle); });
        wake();
    }

  private:
    /// After a change: whoever waits for what there is now. Nobody waits most of the time, so that is found out first,
    /// for both sides at once.
    void wake() {
        gyre_fence_seq_cst(); // V2 of gyre_event.h, for the two loads
        if (gyre_unlikely(gyre_event_waiters(events.has_stock()) != 0) && gyre_ring_has_item(queue.ring))
            gyre_event_notify_one(events.has_stock());
        if (gyre_unlikely(gyre_event_waiters(events.has_room()) != 0) &&
            gyre_ring_size_approximate(queue.ring) <= queue.ring->capacity / 4 * 3)
            gyre_event_notify_one(events.has_room());
    }

    Owned queue;
    Events events;
};

template <class Element> struct Choice {
    using Ring = Slab<Element>;
};
template <> struct Choice<bench::Handle> {
    using Ring = Handles;
};
template <class Element> using Ring = typename Choice<Element>::Ring;

} // namespace

bench_outcome bench_gyre(const bench_shape *shape, bench_result *result) { return bench::run<Ring>(shape, result); }
