// gyre.cpp: Gyre's ring. Handles go into its slots. Everything else goes through a slab, as Ring<Element> of GyreCore
// does it.

#include "bench_loop.hpp"

#include "gyre_event.h"
#include "gyre_lane.h"
#include "gyre_ring.h"
#include "gyre_slab.h"

#include <cstring>

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

    Slab(uint32_t capacity, uint32_t)
        : slab(gyre_slab_create(capacity)), places(gyre_slab_places(capacity)) {}
    ~Slab() { gyre_slab_destroy(slab); }
    Slab(const Slab &) = delete;
    Slab &operator=(const Slab &) = delete;

    bool is_ready() const { return slab != nullptr; }

    // Inlined whole, as a template of a peer is: of its own accord the compiler leaves calls here, and passes the
    // element through memory.
    [[gnu::always_inline, gnu::flatten]] bool push(const Element &element) {
        uint32_t place;
        if (!gyre_slab_take(slab, &place)) return false;
        places[place] = element;
        if (gyre_slab_push(slab, place) == GYRE_RING_OK) return true;
        gyre_slab_give(slab, place);
        return false;
    }

    [[gnu::always_inline, gnu::flatten]] bool pop(Element &element) {
        uint32_t place;
        if (gyre_slab_pop(slab, &place) != GYRE_RING_OK) return false;
        element = places[place];
        gyre_slab_give(slab, place);
        return true;
    }

  private:
    gyre_slab *slab;
    std::vector<Element> places;
};

/// Handles, and a lane of batches beside them: a batch of `batch` elements takes one slot of it, so that as many
/// elements fit into the lane as into the ring.
class Handles {
  public:
    static constexpr bool has_bulk = true, has_blocking = true;
    using Producer = bench::Port<Handles, bench::Handle>;
    using Consumer = Producer;

    Handles(uint32_t capacity, uint32_t batch)
        : queue(capacity), lane(gyre_lane_create(std::max(2u, capacity / batch), sizeof(bench::Handle))) {}
    ~Handles() { gyre_lane_destroy(lane); }
    Handles(const Handles &) = delete;
    Handles &operator=(const Handles &) = delete;

    bool is_ready() const { return queue.ring != nullptr && lane != nullptr; }
    bool push(bench::Handle handle) { return gyre_ring_try_push(queue.ring, handle) == GYRE_RING_OK; }
    bool pop(bench::Handle &handle) { return gyre_ring_try_pop(queue.ring, &handle) == GYRE_RING_OK; }

    uint32_t push_some(const bench::Handle *handles, uint32_t count) {
        uint32_t chunk;
        if (!gyre_lane_take(lane, &chunk)) return 0;
        memcpy(gyre_lane_elements(lane, chunk), handles, count * sizeof(bench::Handle));
        if (gyre_lane_push(lane, chunk, count) == GYRE_RING_OK) return count;
        gyre_lane_give(lane, chunk);
        return 0;
    }

    uint32_t pop_some(bench::Handle *handles, uint32_t count) {
        gyre_batch batch;
        if (gyre_lane_pop(lane, count, &batch) != GYRE_RING_OK) return 0;
        memcpy(handles, static_cast<bench::Handle *>(gyre_lane_elements(lane, batch.chunk)) + batch.offset,
               batch.count * sizeof(bench::Handle));
        gyre_lane_finish(lane, &batch);
        return batch.count;
    }

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
    gyre_lane *lane;
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
