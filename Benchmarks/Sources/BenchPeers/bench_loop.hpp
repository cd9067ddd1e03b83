// bench_loop.hpp: the loops that drive a ring, the same text for every ring.
//
// A ring is a class template over its element, made with (capacity, elements of a batch), with
//
//      bool is_ready()                        false: no memory
//      Producer, Consumer                     what a thread holds to use the ring, made from it; mostly a Port
//      bool push(element), pop(element &)     through Port; never wait
//      has_bulk, has_blocking                 whether it has, through Producer and Consumer,
//          uint32_t push_some(elements, n), pop_some(elements, n)     as many as there is room or stock for
//          void push_wait(element), pop_wait(element &)               waits as the ring does it

#ifndef BENCH_LOOP_HPP
#define BENCH_LOOP_HPP

#include "bench_parts.hpp"

#include <memory>
#include <new>

namespace bench {

constexpr uint32_t batch_max = 32;

/// The way into a ring that wants nothing of a thread.
template <class Ring, class Element> struct Port {
    Ring &ring;
    explicit Port(Ring &ring) : ring(ring) {}
    bool push(const Element &element) { return ring.push(element); }
    bool pop(Element &element) { return ring.pop(element); }
    uint32_t push_some(const Element *elements, uint32_t count) { return ring.push_some(elements, count); }
    uint32_t pop_some(Element *elements, uint32_t count) { return ring.pop_some(elements, count); }
    void push_wait(const Element &element) { ring.push_wait(element); }
    void pop_wait(Element &element) { ring.pop_wait(element); }
};

template <class Element, class Ring> void produce(Ring &ring, uint64_t first, uint64_t count, Tally &tally) {
    typename Ring::Producer port(ring);
    Wait wait;
    for (uint64_t n = first; n < first + count; n++) {
        Element element = make<Element>(n);
        tally.add(element);
        while (!port.push(element)) wait.once();
        wait.over();
    }
}

template <class Element, class Ring>
void produce_some(Ring &ring, uint64_t first, uint64_t count, uint32_t batch, Tally &tally) {
    typename Ring::Producer port(ring);
    Wait wait;
    Element elements[batch_max];
    for (uint64_t n = first; n < first + count;) {
        uint32_t size = (uint32_t)std::min<uint64_t>(batch, first + count - n);
        for (uint32_t i = 0; i < size; i++) {
            elements[i] = make<Element>(n + i);
            tally.add(elements[i]);
        }
        n += size;
        for (uint32_t done = 0; done < size;) {
            uint32_t pushed = port.push_some(elements + done, size - done);
            done += pushed;
            if (pushed == 0) wait.once(); else wait.over();
        }
    }
}

/// Pops until the ring is empty after every producer was done: nothing can be left then.
template <class Element, class Ring>
void consume(Ring &ring, uint32_t batch, const std::atomic<uint32_t> &producing, Tally &tally) {
    typename Ring::Consumer port(ring);
    Wait wait;
    Element elements[batch_max];
    for (;;) {
        bool was_last = false;
        uint32_t popped;
        for (;;) {
            if constexpr (Ring::has_bulk) {
                popped = batch == 1 ? port.pop(elements[0]) : port.pop_some(elements, batch);
            } else {
                popped = port.pop(elements[0]);
            }
            if (popped > 0 || was_last) break;
            was_last = producing.load(std::memory_order_acquire) == 0;
            if (!was_last) wait.once();
        }
        if (popped == 0) return;
        wait.over();
        for (uint32_t i = 0; i < popped; i++) tally.add(elements[i]);
    }
}

inline void conclude(bench_result *result, const std::vector<Tally> &tallies, uint32_t producers) {
    for (uint32_t i = 0; i < tallies.size(); i++) {
        (i < producers ? result->count_in : result->count_out) += tallies[i].count;
        (i < producers ? result->digest_in : result->digest_out) += tallies[i].sum;
    }
    result->operations = result->count_in;
}

template <class Element, class Ring> bench_outcome stream(const bench_shape *shape, bench_result *result) {
    Ring ring(shape->capacity, shape->batch);
    if (!ring.is_ready()) return BENCH_NO_MEMORY;
    uint64_t each = shape->operations / shape->producers;
    std::atomic<uint32_t> producing{shape->producers};
    std::vector<Tally> tallies(shape->producers + shape->consumers);
    result->nanoseconds = together(shape->producers + shape->consumers, [&](uint32_t index) {
        Tally tally;
        if (index >= shape->producers) {
            consume<Element>(ring, shape->batch, producing, tally);
        } else {
            if constexpr (Ring::has_bulk) {
                if (shape->batch > 1) produce_some<Element>(ring, index * each, each, shape->batch, tally);
                else produce<Element>(ring, index * each, each, tally);
            } else {
                produce<Element>(ring, index * each, each, tally);
            }
            producing.fetch_sub(1, std::memory_order_release);
        }
        tallies[index] = tally;
    });
    conclude(result, tallies, shape->producers);
    return BENCH_DONE;
}

/// Consumers have quotas, because not every ring can be closed. What is left at the end is counted as well.
template <class Element, class Ring> bench_outcome blocking(const bench_shape *shape, bench_result *result) {
    Ring ring(shape->capacity, shape->batch);
    if (!ring.is_ready()) return BENCH_NO_MEMORY;
    uint64_t parts = (uint64_t)shape->producers * shape->consumers;
    uint64_t total = shape->operations / parts * parts;
    uint64_t each = total / shape->producers, quota = total / shape->consumers;
    std::vector<Tally> tallies(shape->producers + shape->consumers);
    result->nanoseconds = together(shape->producers + shape->consumers, [&](uint32_t index) {
        Tally tally;
        Element element;
        if (index < shape->producers) {
            typename Ring::Producer port(ring);
            for (uint64_t n = index * each; n < (index + 1) * each; n++) {
                element = make<Element>(n);
                tally.add(element);
                port.push_wait(element);
            }
        } else {
            typename Ring::Consumer port(ring);
            for (uint64_t n = 0; n < quota; n++) {
                port.pop_wait(element);
                tally.add(element);
            }
        }
        tallies[index] = tally;
    });
    Tally left;
    Element element;
    typename Ring::Consumer port(ring);
    while (port.pop(element)) left.add(element);
    tallies.push_back(left);
    conclude(result, tallies, shape->producers);
    return BENCH_DONE;
}

template <class Element, class Ring> bench_outcome uncontended(const bench_shape *shape, bench_result *result) {
    Ring ring(shape->capacity, 1);
    if (!ring.is_ready()) return BENCH_NO_MEMORY;
    std::vector<Tally> tallies(2);
    result->nanoseconds = together(1, [&](uint32_t) {
        typename Ring::Producer in(ring);
        typename Ring::Consumer out(ring);
        Tally pushed, popped;
        Element element;
        for (uint64_t n = 0; n < shape->operations; n++) {
            element = make<Element>(n);
            if (in.push(element)) pushed.add(element);
            if (out.pop(element)) popped.add(element);
        }
        tallies[0] = pushed;
        tallies[1] = popped;
    });
    conclude(result, tallies, 1);
    result->operations = shape->operations;
    return BENCH_DONE;
}

template <class Element, class Ring> bench_outcome ping_pong(const bench_shape *shape, bench_result *result) {
    Ring there(shape->capacity, 1), back(shape->capacity, 1);
    if (!there.is_ready() || !back.is_ready()) return BENCH_NO_MEMORY;
    std::vector<Tally> tallies(2);
    result->nanoseconds = together(2, [&](uint32_t index) {
        Ring &source = index == 0 ? back : there;
        Ring &target = index == 0 ? there : back;
        typename Ring::Producer out(target);
        typename Ring::Consumer in(source);
        Tally tally;
        Wait wait;
        Element element = make<Element>(0);
        for (uint64_t n = 0; n < shape->operations; n++) {
            if (index == 0) {
                element = make<Element>(n);
                tally.add(element);
                while (!out.push(element)) wait.once();
            }
            wait.over();
            while (!in.pop(element)) wait.once();
            wait.over();
            if (index == 1) {
                tally.add(element);
                while (!out.push(element)) wait.once();
            }
        }
        tallies[index] = tally;
    });
    conclude(result, tallies, 1);
    return BENCH_DONE;
}

template <class Element, class Ring> bench_outcome empty_pop(const bench_shape *shape, bench_result *result) {
    Ring ring(shape->capacity, 1);
    if (!ring.is_ready()) return BENCH_NO_MEMORY;
    std::vector<Tally> tallies(2);
    result->nanoseconds = together(1, [&](uint32_t) {
        typename Ring::Consumer out(ring);
        Element element;
        for (uint64_t n = 0; n < shape->operations; n++) {
            if (out.pop(element)) tallies[1].add(element); // an element that nobody pushed
        }
    });
    conclude(result, tallies, 1);
    result->operations = shape->operations;
    return BENCH_DONE;
}

template <class Element, class Ring> bench_outcome run_kind(const bench_shape *shape, bench_result *result) {
    switch (shape->kind) {
    case BENCH_STREAM:
        if (shape->batch == 0 || shape->batch > batch_max) return BENCH_UNSUPPORTED;
        if (shape->batch > 1 && !Ring::has_bulk) return BENCH_UNSUPPORTED;
        return stream<Element, Ring>(shape, result);
    case BENCH_BLOCKING:
        if constexpr (Ring::has_blocking) return blocking<Element, Ring>(shape, result);
        return BENCH_UNSUPPORTED;
    case BENCH_UNCONTENDED: return uncontended<Element, Ring>(shape, result);
    case BENCH_PING_PONG: return ping_pong<Element, Ring>(shape, result);
    case BENCH_EMPTY_POP: return empty_pop<Element, Ring>(shape, result);
    case BENCH_COUNT: return BENCH_UNSUPPORTED;
    }
    return BENCH_UNSUPPORTED;
}

/// One run of `shape` on the ring.
template <template <class> class Ring> bench_outcome run(const bench_shape *shape, bench_result *result) {
    *result = bench_result{};
    try {
        switch (shape->element) {
        case BENCH_HANDLE: return run_kind<Handle, Ring<Handle>>(shape, result);
        case BENCH_WORD64: return run_kind<Word, Ring<Word>>(shape, result);
        case BENCH_RECORD32: return run_kind<Record, Ring<Record>>(shape, result);
        }
    } catch (const std::bad_alloc &) {
        return BENCH_NO_MEMORY;
    }
    return BENCH_UNSUPPORTED;
}

} // namespace bench

#endif
