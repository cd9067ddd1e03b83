// overflow.c: gyre_overflow.c on the checker, with liburcu's own queue behind it: no job is lost or had by two, each
// arrives with its fields, one thread at a time pops.
//
// A step of liburcu's queue is one step here, so a push is never half-way. It orders nothing in the eyes of the
// checker, but shows whoever takes a node the newest `written` there is, as its exchange does: O1 -> O2 must do the
// rest. A plain word that every step at the head writes stands for the head, which the token guards.

#include "gyre_overflow.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <urcu/wfcqueue.h>

#define NODES 4u // of each thread

static gyre_atomic_u32 queue_step; // moved by every step of the queue, so that the search knows what depends on what
static uint64_t queue_head;

static void *memory_take(size_t bytes);
static void memory_give(void *node);
static void queue_push(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail, struct cds_wfcq_node *node);
static struct cds_wfcq_node *queue_pop(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail);
static bool queue_is_empty(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail);

#define malloc(bytes) memory_take(bytes)
#define aligned_alloc(alignment, bytes) ((void)(alignment), memory_take(bytes))
#define free(node) memory_give(node)
#define cds_wfcq_enqueue(head, tail, node) queue_push(head, tail, node)
#define __cds_wfcq_dequeue_nonblocking(head, tail) queue_pop(head, tail)
#define cds_wfcq_empty(head, tail) queue_is_empty(head, tail)
#include "gyre_overflow.c"
#undef malloc
#undef aligned_alloc
#undef free
#undef cds_wfcq_enqueue
#undef __cds_wfcq_dequeue_nonblocking
#undef cds_wfcq_empty

static gyre_overflow *overflow;
static gyre_overflow queue_memory;
static gyre_overflow_node nodes[MODEL_THREADS][NODES]; // the same addresses in every execution
static uint32_t nodes_taken[MODEL_THREADS];
static uint32_t nodes_given;
static uint64_t payload[8];
static uint8_t pushed[8];
static uint8_t popped[8];
static gyre_atomic_u32 told;

static void *memory_take(size_t bytes) {
    if (bytes == sizeof(gyre_overflow)) return &queue_memory;
    MODEL_CHECK(bytes == sizeof(gyre_overflow_node));
    MODEL_CHECK(nodes_taken[model.current] < NODES);
    return &nodes[model.current][nodes_taken[model.current]++];
}

static void memory_give(void *node) {
    gyre_plain_write(((gyre_overflow_node *)node)->item, (gyre_overflow_item){0}); // the allocator's from here on
    nodes_given += 1;
}

static void queue_push(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail, struct cds_wfcq_node *node) {
    (void)gyre_fetch_add_relaxed(&queue_step, 1);
    (void)cds_wfcq_enqueue(head, tail, node);
}

static struct cds_wfcq_node *queue_pop(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail) {
    (void)gyre_fetch_add_relaxed(&queue_step, 1);
    struct cds_wfcq_node *node = __cds_wfcq_dequeue_nonblocking(head, tail);
    gyre_plain_write(queue_head, 1);
    if (node == NULL) return NULL;
    uint64_t written;
    gyre_atomic_u32 *word = &caa_container_of(node, gyre_overflow_node, link)->written;
    (void)model_memory_kernel_load(&word->value, sizeof word->value, &written, __FILE__, __LINE__);
    return node;
}

static bool queue_is_empty(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail) {
    (void)gyre_fetch_add_relaxed(&queue_step, 1);
    return cds_wfcq_empty(head, tail);
}

static void setup(void) {
    memset(nodes, 0, sizeof nodes);
    memset(nodes_taken, 0, sizeof nodes_taken);
    memset(pushed, 0, sizeof pushed);
    memset(popped, 0, sizeof popped);
    nodes_given = 0;
    overflow = gyre_overflow_create();
    gyre_store_relaxed(&queue_step, 0);
    gyre_store_relaxed(&told, 0);
}

static void push(uint64_t word) {
    gyre_plain_write(payload[word], word);
    gyre_overflow_item item = {NULL, {word, word + 100}, word + 200};
    gyre_overflow_push(overflow, &item);
    pushed[word] += 1;
}

static uint64_t pop(void) {
    gyre_overflow_item item;
    if (!gyre_overflow_pop(overflow, &item)) return 0;
    uint64_t word = item.words[0];
    MODEL_CHECK(word < 8);
    MODEL_CHECK(item.words[1] == word + 100);
    MODEL_CHECK(item.submitted == word + 200);
    MODEL_CHECK(gyre_plain_read(payload[word]) == word);
    popped[word] += 1;
    return word;
}

static void setup_two(void) {
    setup();
    push(6);
    push(7);
}

/// What was pushed came out once or still lies there, the counts are exact, and every node went back.
static void check(void) {
    uint32_t in = 0;
    for (uint32_t i = 0; i < 8; i++) in += pushed[i];
    uint32_t out = nodes_given;
    MODEL_CHECK(gyre_overflow_count(overflow) == in - out);
    MODEL_CHECK(gyre_overflow_has_item(overflow) == (in > out));
    MODEL_CHECK(gyre_overflow_count_max(overflow) >= in - out);
    MODEL_CHECK(gyre_overflow_count_max(overflow) <= in);
    while (pop() != 0) {}
    for (uint32_t i = 0; i < 8; i++) MODEL_CHECK(pushed[i] == popped[i]);
    MODEL_CHECK(nodes_given == in);
    MODEL_CHECK(gyre_overflow_count(overflow) == 0);
}

/// Two push, one pops; the count is never below zero for anybody.
static void push_and_pop(uint32_t i) {
    if (i < 2) return push(i + 1);
    (void)pop();
    MODEL_CHECK(gyre_overflow_count(overflow) <= 2);
    (void)pop();
}

/// Two pop while one pushes. The two that lay there leave in order, one thread at a time, and the token is free again
/// whatever a pop found.
static void pop_both(uint32_t i) {
    if (i == 2) return push(1);
    uint64_t first = pop();
    uint64_t second = pop();
    if (first != 0 && second != 0) MODEL_CHECK((first == 6) ? second != 6 : first == 7 && second == 1);
}

/// A pop that begins after another has ended is not turned away, nor is there nothing.
static void pop_after(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(pop() == 6);
        gyre_store_release(&told, 1);
    } else if (gyre_load_acquire(&told) == 1) {
        MODEL_CHECK(gyre_overflow_has_item(overflow));
        MODEL_CHECK(pop() == 7);
        MODEL_CHECK(pop() == 0);
    }
}

/// The most there ever were, by whoever saw it.
static void push_two(uint32_t i) {
    push(2 * i + 1);
    push(2 * i + 2);
}

static void check_most(void) {
    MODEL_CHECK(gyre_overflow_count_max(overflow) == 4);
    check();
}

#define OVERFLOW(title, count, start, body, last)                                                                     \
    {.name = "overflow/" title, .threads = count, .setup = start, .thread = body, .check = last,                       \
     .bound = MODEL_COMPLETE, .chance = 4000, .stale = 1}

static const model_test tests[] = {
    OVERFLOW("two push, one pops", 3, setup, push_and_pop, check),
    OVERFLOW("two pop, one pushes", 3, setup_two, pop_both, check),
    OVERFLOW("one pop after another", 2, setup_two, pop_after, check),
    OVERFLOW("the most there were", 2, setup, push_two, check_most),
};

MODEL_HARNESS(overflow, tests);
