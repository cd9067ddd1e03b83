// gyre_overflow.c: the overflow queue on liburcu's wfcqueue.

#include "gyre_overflow.h"

#include <stdlib.h>
#include <urcu/wfcqueue.h>

typedef struct gyre_overflow_node {
    struct cds_wfcq_node link;
    gyre_overflow_item item;
    gyre_atomic_u32 written; // O1 -> O2
} gyre_overflow_node;

struct gyre_overflow {
    GYRE_CACHE_ALIGNED struct cds_wfcq_tail tail;   // line 0: pushers exchange it
    GYRE_CACHE_ALIGNED struct __cds_wfcq_head head; // line 1: whoever pops
    gyre_atomic_u32 popping;                        //         the token
    gyre_atomic_u64 count;
    gyre_atomic_u64 count_max;
};

gyre_overflow *gyre_overflow_create(void) {
    gyre_overflow *overflow = aligned_alloc(GYRE_CACHE_LINE_BYTES, sizeof(gyre_overflow));
    if (overflow == NULL) return NULL;
    __cds_wfcq_init(&overflow->head, &overflow->tail);
    gyre_store_relaxed(&overflow->popping, 0);
    gyre_store_relaxed(&overflow->count, 0);
    gyre_store_relaxed(&overflow->count_max, 0);
    return overflow;
}

void gyre_overflow_destroy(gyre_overflow *overflow) { free(overflow); }

void gyre_overflow_push(gyre_overflow *overflow, const gyre_overflow_item *item) {
    gyre_overflow_node *node = malloc(sizeof(gyre_overflow_node));
    if (node == NULL) __builtin_trap(); // see Allocation
    cds_wfcq_node_init(&node->link);
    gyre_plain_write(node->item, *item);
    gyre_store_release(&node->written, 1); // O1
    uint64_t count = gyre_fetch_add_relaxed(&overflow->count, 1) + 1;
    uint64_t most = gyre_load_relaxed(&overflow->count_max);
    while (count > most) {
        if (gyre_cas_relaxed_relaxed(&overflow->count_max, &most, count)) break;
    }
    cds_wfcq_enqueue(&overflow->head, &overflow->tail, &node->link);
}

bool gyre_overflow_pop(gyre_overflow *overflow, gyre_overflow_item *item) {
    uint32_t free_token = 0; // else another thread pops
    if (!gyre_cas_acquire_relaxed(&overflow->popping, &free_token, 1)) return false; // O4
    struct cds_wfcq_node *link = __cds_wfcq_dequeue_nonblocking(&overflow->head, &overflow->tail);
    gyre_store_release(&overflow->popping, 0); // O3
    if (link == NULL || link == CDS_WFCQ_WOULDBLOCK) return false;
    gyre_overflow_node *node = caa_container_of(link, gyre_overflow_node, link);
    (void)gyre_load_acquire(&node->written); // O2
    *item = gyre_plain_read(node->item);
    free(node);
    (void)gyre_fetch_sub_relaxed(&overflow->count, 1);
    return true;
}

bool gyre_overflow_has_item(gyre_overflow *overflow) {
    return !cds_wfcq_empty(&overflow->head, &overflow->tail);
}

uint64_t gyre_overflow_count(gyre_overflow *overflow) { return gyre_load_relaxed(&overflow->count); }
uint64_t gyre_overflow_count_max(gyre_overflow *overflow) { return gyre_load_relaxed(&overflow->count_max); }
