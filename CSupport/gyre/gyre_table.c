// gyre_table.c: the table on liburcu's rculfhash.

#include "gyre_table.h"

#include "gyre_sanitizer.h"

#include <stdlib.h>
#include <urcu/urcu-bp.h>

#include <urcu/rculfhash.h>

#define GYRE_TABLE_BUCKETS 64u

struct gyre_table_node {
    struct cds_lfht_node link;
    struct rcu_head retired;
    gyre_cached cached;
    uint64_t hash;
    void *object;
    gyre_table_match match;
    gyre_table_drop drop;
};

struct gyre_table {
    struct cds_lfht *nodes;
    gyre_table_match match;
    gyre_table_drop drop;
    gyre_atomic_u64 count;
    unsigned long buckets;
};

/// Names the edge from every leave to every drop for ThreadSanitizer, which sees nothing of liburcu's own.
static const char grace;

gyre_table *gyre_table_create(gyre_table_match match, gyre_table_drop drop) {
    gyre_table *table = malloc(sizeof(gyre_table));
    if (table == NULL) return NULL;
    // It grows by gyre_table_put alone: growing by itself would take a thread of liburcu's for each table.
    table->nodes = cds_lfht_new_flavor(GYRE_TABLE_BUCKETS, GYRE_TABLE_BUCKETS, 0, 0, &urcu_bp_flavor, NULL);
    if (table->nodes == NULL) {
        free(table);
        return NULL;
    }
    table->match = match;
    table->drop = drop;
    gyre_store_relaxed(&table->count, 0); // nobody else knows it yet
    table->buckets = GYRE_TABLE_BUCKETS;
    return table;
}

void gyre_table_destroy(gyre_table *table) {
    if (table == NULL) return;
    for (gyre_table_node *node = gyre_table_any(table); node != NULL; node = gyre_table_any(table)) {
        gyre_table_remove(table, node);
    }
    (void)cds_lfht_destroy(table->nodes, NULL); // an empty table cannot refuse
    free(table);
}

void gyre_table_enter(void) { urcu_bp_read_lock(); }

void gyre_table_leave(void) {
    gyre_sanitizer_releases(&grace);
    urcu_bp_read_unlock();
}

static gyre_table_node *gyre_table_node_of(struct cds_lfht_node *link) {
    return link == NULL ? NULL : caa_container_of(link, gyre_table_node, link);
}

static int gyre_table_matches(struct cds_lfht_node *link, const void *key) {
    gyre_table_node *node = gyre_table_node_of(link);
    return gyre_cached_is_open(&node->cached) && node->match(node->object, key);
}

gyre_table_node *gyre_table_find(gyre_table *table, uint64_t hash, const void *key) {
    struct cds_lfht_iter found;
    gyre_table_enter();
    cds_lfht_lookup(table->nodes, hash, gyre_table_matches, key, &found);
    gyre_table_leave();
    return gyre_table_node_of(cds_lfht_iter_get_node(&found));
}

gyre_table_node *gyre_table_node_create(
    const gyre_table *table, void *object, uint64_t hash, uint64_t due, bool visited) {
    gyre_table_node *node = malloc(sizeof(gyre_table_node));
    if (node == NULL) return NULL;
    cds_lfht_node_init(&node->link);
    node->hash = hash;
    node->object = object;
    node->match = table->match;
    node->drop = table->drop;
    gyre_cached_open(&node->cached, due, visited);
    return node;
}

static void gyre_table_reclaim(struct rcu_head *retired) {
    gyre_table_node *node = caa_container_of(retired, gyre_table_node, retired);
    gyre_sanitizer_acquired(&grace);
    node->drop(node->object);
    free(node);
}

static void gyre_table_retire(gyre_table_node *node) {
    gyre_sanitizer_releases(&grace); // and what the remover did before, such as putting it in
    urcu_bp_call_rcu(&node->retired, gyre_table_reclaim);
}

bool gyre_table_put(gyre_table *table, const void *key, gyre_table_node *node) {
    gyre_table_enter();
    struct cds_lfht_node *replaced =
        cds_lfht_add_replace(table->nodes, node->hash, gyre_table_matches, key, &node->link);
    gyre_table_leave();
    if (replaced != NULL) {
        gyre_table_retire(gyre_table_node_of(replaced));
        return true;
    }
    if (gyre_fetch_add_relaxed(&table->count, 1) + 1 > table->buckets) {
        table->buckets *= 2;
        cds_lfht_resize(table->nodes, table->buckets);
    }
    return false;
}

void gyre_table_remove(gyre_table *table, gyre_table_node *node) {
    gyre_table_enter();
    int refused = cds_lfht_del(table->nodes, &node->link);
    gyre_table_leave();
    GYRE_ASSERT(refused == 0); // I2
    (void)refused;
    (void)gyre_fetch_sub_relaxed(&table->count, 1);
    gyre_table_retire(node);
}

gyre_table_node *gyre_table_any(gyre_table *table) {
    struct cds_lfht_iter first;
    gyre_table_enter();
    cds_lfht_first(table->nodes, &first);
    gyre_table_leave();
    return gyre_table_node_of(cds_lfht_iter_get_node(&first));
}

void *gyre_table_object(const gyre_table_node *node) { return node->object; }
gyre_cached *gyre_table_cached(gyre_table_node *node) { return &node->cached; }
uint64_t gyre_table_count(const gyre_table *table) { return gyre_load_relaxed(&table->count); }
void gyre_table_settle(void) { urcu_bp_barrier(); }
