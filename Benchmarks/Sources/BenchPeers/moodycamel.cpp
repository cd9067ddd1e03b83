// moodycamel.cpp: moodycamel::ConcurrentQueue with a token for each thread. It keeps the order of each producer and
// none between them. It has no bound: pushes never fail and never wait, and what consumers leave behind grows. (Its
// calls that do not allocate were tried in place of a bound: on a busy machine runs of 40,000 elements with two and with
// four producers were not done after ten seconds. Why was not looked into.)

#include "bench_loop.hpp"

#if __has_include(<concurrentqueue/blockingconcurrentqueue.h>)
#include <concurrentqueue/blockingconcurrentqueue.h>

namespace {

template <class Queue, class Element> class Tokens {
  public:
    static constexpr bool has_bulk = true, has_blocking = true;

    Tokens(uint32_t capacity, uint32_t) : queue(capacity) {}

    bool is_ready() const { return true; }

    struct Producer {
        Queue &queue;
        moodycamel::ProducerToken token;
        explicit Producer(Tokens &ring) : queue(ring.queue), token(ring.queue) {}
        bool push(const Element &element) { return queue.enqueue(token, element); }
        uint32_t push_some(const Element *elements, uint32_t count) {
            return queue.enqueue_bulk(token, elements, count) ? count : 0;
        }
        void push_wait(const Element &element) { queue.enqueue(token, element); }
    };

    struct Consumer {
        Queue &queue;
        moodycamel::ConsumerToken token;
        explicit Consumer(Tokens &ring) : queue(ring.queue), token(ring.queue) {}
        bool pop(Element &element) { return queue.try_dequeue(token, element); }
        uint32_t pop_some(Element *elements, uint32_t count) {
            return (uint32_t)queue.try_dequeue_bulk(token, elements, count);
        }
        void pop_wait(Element &element) { queue.wait_dequeue(token, element); }
    };

  private:
    Queue queue;
};

template <class Element> class Plain : public Tokens<moodycamel::ConcurrentQueue<Element>, Element> {
  public:
    static constexpr bool has_blocking = false;
    using Tokens<moodycamel::ConcurrentQueue<Element>, Element>::Tokens;
};
template <class Element> using Blocking = Tokens<moodycamel::BlockingConcurrentQueue<Element>, Element>;

} // namespace

bench_outcome bench_moodycamel(const bench_shape *shape, bench_result *result) {
    if (shape->kind == BENCH_BLOCKING) return bench::run<Blocking>(shape, result);
    return bench::run<Plain>(shape, result);
}
#else
bench_outcome bench_moodycamel(const bench_shape *, bench_result *) { return BENCH_ABSENT; }
#endif
