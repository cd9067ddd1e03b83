// table.c: gyre_table.c on the checker: who reads finds what is in, whole and not yet dropped; everything is dropped
// once, and the count is exact.
//
// liburcu's hash table is trusted: a few links stand in its place, of which each call is a step or two. They order
// nothing, but who finds a node finds the newest marks of it, as liburcu's own exchange shows them: the pair E1 -> E2
// of gyre_cached.h must do the rest. Its sections, and its thread that frees, are those of sections.h. The table begins
// with 64 buckets and never grows here.

#include "gyre_table.h"
#include "model.h"
#include "sections.h"

#include <stdlib.h>
#include <string.h>
#include <urcu/rculfhash.h>

static struct cds_lfht *links_make(void);
static int links_destroy(void);
static void links_lookup(unsigned long hash, cds_lfht_match_fct match, const void *key, struct cds_lfht_iter *found);
static struct cds_lfht_node *links_add_replace(
    unsigned long hash, cds_lfht_match_fct match, const void *key, struct cds_lfht_node *link);
static int links_delete(struct cds_lfht_node *link);
static void links_first(struct cds_lfht_iter *first);
static void *memory_take(size_t bytes);
static void memory_give(void *memory);

#define malloc(bytes) memory_take(bytes)
#define free(memory) memory_give(memory)
#define cds_lfht_new_flavor(...) links_make()
#define cds_lfht_destroy(nodes, attributes) ((void)(nodes), links_destroy())
#define cds_lfht_lookup(nodes, hash, match, key, found) ((void)(nodes), links_lookup(hash, match, key, found))
#define cds_lfht_add_replace(nodes, hash, match, key, link) ((void)(nodes), links_add_replace(hash, match, key, link))
#define cds_lfht_del(nodes, link) ((void)(nodes), links_delete(link))
#define cds_lfht_first(nodes, first) ((void)(nodes), links_first(first))
#define cds_lfht_resize(nodes, buckets) MODEL_CHECK(!"a table of a few grows")
#include "gyre_table.c"
#undef malloc
#undef free

#define NODES 6u
#define KEYS 3u
#define SAME_HASH 77u // of every key (I3)

typedef struct object {
    uint64_t key;
    uint64_t value;
} object;

static gyre_table table_memory;
static gyre_table *table;
static bool table_is_given;
static gyre_table_node nodes[NODES];
static uint32_t nodes_taken, nodes_given;
static uint64_t node_life[NODES]; // read by whoever looks at a node, written when it is freed
static object objects[NODES];
static uint32_t objects_made, drops[NODES];

static gyre_atomic_u32 links_step; // moved by every step of the links, so that the search knows what depends on what
static struct cds_lfht_node *links[KEYS];
static unsigned long links_hash[KEYS];
static gyre_atomic_u32 told;

// ---------------------------------------------------------------------------------------------------------
// In place of the allocator.

static void drop_freed(void *object) {
    (void)object;
    gyre_model_fail("a node is read after it was freed", __FILE__, __LINE__);
}

static void *memory_take(size_t bytes) {
    if (bytes == sizeof(gyre_table)) return &table_memory;
    MODEL_CHECK(bytes == sizeof(gyre_table_node));
    MODEL_CHECK(nodes_taken < NODES);
    return &nodes[nodes_taken++];
}

static void memory_give(void *memory) {
    if (memory == &table_memory) {
        table_is_given = true;
        return;
    }
    gyre_table_node *node = memory;
    gyre_plain_write(node_life[node - nodes], 0);
    node->drop = drop_freed;
    nodes_given += 1;
}

// ---------------------------------------------------------------------------------------------------------
// In place of liburcu's table. Each call but the first and the last is made in a section, as it demands.

static void links_take_step(void) {
    MODEL_CHECK(sections_depth[model.current] > 0);
    (void)gyre_fetch_add_relaxed(&links_step, 1);
}

static struct cds_lfht *links_make(void) {
    memset(links, 0, sizeof links);
    gyre_store_relaxed(&links_step, 0);
    return (struct cds_lfht *)(void *)links;
}

static int links_destroy(void) {
    for (uint32_t i = 0; i < KEYS; i++) MODEL_CHECK(links[i] == NULL);
    return 0;
}

static bool links_match(
    uint32_t place, struct cds_lfht_node *link, unsigned long hash, cds_lfht_match_fct match, const void *key) {
    if (link == NULL || links_hash[place] != hash) return false;
    gyre_table_node *node = gyre_table_node_of(link);
    gyre_atomic_u32 *marks = &node->cached.marks;
    uint64_t newest;
    (void)model_memory_kernel_load(&marks->value, sizeof marks->value, &newest, __FILE__, __LINE__);
    (void)gyre_plain_read(node_life[node - nodes]);
    return match(link, key) != 0;
}

static void links_lookup(unsigned long hash, cds_lfht_match_fct match, const void *key, struct cds_lfht_iter *found) {
    links_take_step();
    struct cds_lfht_node *seen[KEYS];
    memcpy(seen, links, sizeof seen);
    found->node = NULL;
    for (uint32_t i = 0; i < KEYS && found->node == NULL; i++) {
        if (links_match(i, seen[i], hash, match, key)) found->node = seen[i];
    }
}

static struct cds_lfht_node *links_add_replace(
    unsigned long hash, cds_lfht_match_fct match, const void *key, struct cds_lfht_node *link) {
    uint32_t place = 0;
    while (place < KEYS && !links_match(place, links[place], hash, match, key)) place++;
    if (place == KEYS) {
        for (place = 0; links[place] != NULL; place++) MODEL_CHECK(place + 1 < KEYS);
    }
    links_take_step();
    struct cds_lfht_node *replaced = links[place];
    links[place] = link;
    links_hash[place] = hash;
    return replaced;
}

static int links_delete(struct cds_lfht_node *link) {
    links_take_step();
    for (uint32_t i = 0; i < KEYS; i++) {
        if (links[i] != link) continue;
        links[i] = NULL;
        return 0;
    }
    return -1;
}

static void links_first(struct cds_lfht_iter *first) {
    links_take_step();
    first->node = NULL;
    for (uint32_t i = 0; i < KEYS && first->node == NULL; i++) first->node = links[i];
}

// ---------------------------------------------------------------------------------------------------------
// What the threads do. Thread 0 is the one who puts and removes (I2).

static bool has_key(const void *candidate, const void *key) {
    return gyre_plain_read(((const object *)candidate)->key) == *(const uint64_t *)key;
}

static void drop(void *dropped) {
    object *gone = dropped;
    gyre_plain_write(gone->key, 0);
    gyre_plain_write(gone->value, 0);
    drops[gone - objects] += 1;
}

/// Puts a new object under `key`: its value is ten times the key, and the number of the object.
static bool put(uint64_t key) {
    MODEL_CHECK(objects_made < NODES);
    object *made = &objects[objects_made];
    gyre_plain_write(made->key, key);
    gyre_plain_write(made->value, key * 10 + objects_made);
    objects_made += 1;
    gyre_table_node *node = gyre_table_node_create(table, made, SAME_HASH, GYRE_CACHED_NEVER, false);
    return gyre_table_put(table, &key, node);
}

static void remove_key(uint64_t key) {
    gyre_table_node *node = gyre_table_find(table, SAME_HASH, &key);
    MODEL_CHECK(node != NULL);
    gyre_table_remove(table, node);
    MODEL_CHECK(gyre_table_find(table, SAME_HASH, &key) == NULL);
}

/// Which object stands under `key`, or NODES.
static uint32_t read(uint64_t key) {
    uint32_t number = NODES;
    gyre_table_enter();
    gyre_table_node *node = gyre_table_find(table, SAME_HASH, &key);
    if (node != NULL) {
        const object *found = gyre_table_object(node);
        gyre_cached_touch(gyre_table_cached(node));
        MODEL_CHECK(gyre_plain_read(found->key) == key);
        number = (uint32_t)(gyre_plain_read(found->value) - key * 10);
        MODEL_CHECK(number < NODES);
    }
    gyre_table_leave();
    return number;
}

/// Object 0 is under key 1, object 1 under key 2.
static void setup(void) {
    memset(&table_memory, 0xaa, sizeof table_memory);
    memset(nodes, 0xaa, sizeof nodes);
    memset(drops, 0, sizeof drops);
    nodes_taken = nodes_given = objects_made = 0;
    table_is_given = false;
    for (uint32_t i = 0; i < NODES; i++) gyre_plain_write(node_life[i], 1);
    gyre_store_relaxed(&told, 0);
    sections_setup();
    table = gyre_table_create(has_key, drop);
    MODEL_CHECK(!put(1));
    MODEL_CHECK(!put(2));
}

/// `count` objects are in, and everything goes when the table does.
static void check(uint64_t count) {
    MODEL_CHECK(gyre_table_count(table) == count);
    uint32_t dropped = 0;
    gyre_table_settle();
    for (uint32_t i = 0; i < objects_made; i++) dropped += drops[i];
    MODEL_CHECK(dropped == objects_made - count);
    gyre_table_destroy(table);
    gyre_table_settle();
    MODEL_CHECK(table_is_given);
    MODEL_CHECK(nodes_given == nodes_taken);
    for (uint32_t i = 0; i < objects_made; i++) MODEL_CHECK(drops[i] == 1);
}
static void check_two(void) { check(2); }
static void check_three(void) { check(3); }
static void check_one(void) { check(1); }

/// A reader finds the old object or the new one, which is dropped when nobody has it.
static void replace_and_read(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(put(1));
        MODEL_CHECK(gyre_table_count(table) == 2);
        gyre_table_settle();
        MODEL_CHECK(drops[0] == 1);
    } else {
        uint32_t found = read(1);
        MODEL_CHECK(found == 0 || found == 2);
    }
}

/// What is removed is found or not; another object with the same hash is always found.
static void remove_and_read(uint32_t i) {
    if (i == 0) {
        remove_key(1);
        gyre_table_settle();
        MODEL_CHECK(drops[0] == 1);
    } else {
        uint32_t found = read(1);
        MODEL_CHECK(found == 0 || found == NODES);
        MODEL_CHECK(read(2) == 1);
    }
}

/// A find that begins after a put sees it, and so does the count.
static void put_and_read(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(!put(3));
        gyre_store_release(&told, 1);
    } else {
        bool is_told = gyre_load_acquire(&told) == 1;
        uint32_t found = read(3);
        MODEL_CHECK(found == 2 || (!is_told && found == NODES));
        uint64_t count = gyre_table_count(table);
        MODEL_CHECK(count == 3 || (!is_told && count == 2));
    }
}

/// liburcu's thread drops while the table goes on changing and another reads.
static void drop_meanwhile(uint32_t i) {
    if (i == 0) {
        MODEL_CHECK(put(1));
        remove_key(1);
    } else if (i == 1) {
        (void)read(1);
    } else {
        sections_reclaim();
    }
}

#define TABLE(title, count, body, last, preemptions)                                                                   \
    {.name = "table/" title, .threads = count, .setup = setup, .thread = body, .check = last, .bound = preemptions,    \
     .chance = 2000}

static const model_test tests[] = {
    TABLE("one replaces, one reads", 2, replace_and_read, check_two, MODEL_COMPLETE),
    TABLE("one replaces, two read", 3, replace_and_read, check_two, 2),
    TABLE("one removes, one reads", 2, remove_and_read, check_one, MODEL_COMPLETE),
    TABLE("one puts, one reads", 2, put_and_read, check_three, MODEL_COMPLETE),
    TABLE("one drops meanwhile", 3, drop_meanwhile, check_one, 2),
};

MODEL_HARNESS(table, tests);
