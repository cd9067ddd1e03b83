// mutex.cpp: what everybody would write: an array, two positions, a mutex and two conditions.

#include "bench_loop.hpp"

#include <condition_variable>
#include <mutex>

namespace {

template <class Element> class Ring {
  public:
    static constexpr bool has_bulk = true, has_blocking = true;
    using Producer = bench::Port<Ring, Element>;
    using Consumer = Producer;

    Ring(uint32_t capacity, uint32_t) : elements(capacity) {}

    bool is_ready() const { return true; }
    bool push(const Element &element) { return push_some(&element, 1) == 1; }
    bool pop(Element &element) { return pop_some(&element, 1) == 1; }

    uint32_t push_some(const Element *from, uint32_t count) {
        std::lock_guard<std::mutex> guard(lock);
        uint32_t moved = std::min<uint32_t>(count, (uint32_t)elements.size() - size);
        for (uint32_t i = 0; i < moved; i++) put(from[i]);
        return moved;
    }

    uint32_t pop_some(Element *to, uint32_t count) {
        std::lock_guard<std::mutex> guard(lock);
        uint32_t moved = std::min(count, size);
        for (uint32_t i = 0; i < moved; i++) to[i] = take();
        return moved;
    }

    void push_wait(const Element &element) {
        std::unique_lock<std::mutex> guard(lock);
        has_room.wait(guard, [&] { return size < elements.size(); });
        put(element);
        guard.unlock();
        has_stock.notify_one();
    }

    void pop_wait(Element &element) {
        std::unique_lock<std::mutex> guard(lock);
        has_stock.wait(guard, [&] { return size > 0; });
        element = take();
        guard.unlock();
        has_room.notify_one();
    }

  private:
    void put(const Element &element) {
        elements[tail] = element;
        tail = tail + 1 == elements.size() ? 0 : tail + 1;
        size += 1;
    }

    Element take() {
        Element element = elements[head];
        head = head + 1 == elements.size() ? 0 : head + 1;
        size -= 1;
        return element;
    }

    std::mutex lock;
    std::condition_variable has_stock, has_room;
    std::vector<Element> elements;
    uint32_t head = 0, tail = 0, size = 0;
};

} // namespace

bench_outcome bench_mutex(const bench_shape *shape, bench_result *result) { return bench::run<Ring>(shape, result); }

void bench_wait(uint32_t *rounds) {
    bench::Wait wait{*rounds};
    wait.once();
    *rounds = wait.rounds;
}
