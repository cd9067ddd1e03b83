// gyre_table.h: a hash table whose readers take no lock, of objects that the caller owns.
//
// Source      M. Desnoyers, L. Jiangshan, the lock-free resizable hash table of liburcu (urcu/rculfhash.h), with its
//             bulletproof flavour: any thread may read without having announced itself.
// Progress    find is wait-free but for the first read of a thread, which registers it. put and remove are for one
//             caller at a time; put of one more than there are buckets doubles them: O(objects), once a doubling.
// Order       A find that begins after a put or remove sees it.
// Allocation  put: a node of 96 bytes; 16 bytes a bucket, doubled as objects come.
//
// A node that was replaced or removed is freed, and its object dropped, by liburcu's own thread after every reader that
// might have it has left. That thread starts with the first removal of the process; gyre_table_settle waits for it.
//
// I1  Between enter and leave a reader calls nothing that waits: removed nodes pile up meanwhile.
// I2  put, remove and destroy of one table are never called at the same time.
// I3  Objects that `match` calls different may have the same hash.

#ifndef GYRE_TABLE_H
#define GYRE_TABLE_H

#include "gyre_cached.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gyre_table gyre_table;
typedef struct gyre_table_node gyre_table_node;

/// Whether `object` is the one with `key`.
typedef bool (*gyre_table_match)(const void *object, const void *key);
/// Takes an object back, on any thread.
typedef void (*gyre_table_drop)(void *object);

/// NULL when memory is out.
gyre_table *gyre_table_create(gyre_table_match match, gyre_table_drop drop);
/// Drops everything and frees the table, which nobody reads any more. NULL is allowed.
void gyre_table_destroy(gyre_table *table);

/// Begins and ends a read: what find returns in between stays until the end. Reads nest.
void gyre_table_enter(void);
void gyre_table_leave(void);
/// The node with `key`, or NULL. Between enter and leave, or by the one who puts and removes.
gyre_table_node *gyre_table_find(gyre_table *table, uint64_t hash, const void *key);

/// A node of `table` for `object`, open (gyre_cached.h), not in it yet: to be put. NULL when memory is out.
gyre_table_node *gyre_table_node_create(
    const gyre_table *table, void *object, uint64_t hash, uint64_t due, bool visited);
/// Adds `node`, in place of the one with the same key, if there is one: whether there was.
bool gyre_table_put(gyre_table *table, const void *key, gyre_table_node *node);
/// Removes `node`, which is in the table.
void gyre_table_remove(gyre_table *table, gyre_table_node *node);
/// A node of the table, or NULL when there is none.
gyre_table_node *gyre_table_any(gyre_table *table);

void *gyre_table_object(const gyre_table_node *node);
gyre_cached *gyre_table_cached(gyre_table_node *node);
/// Objects in the table.
uint64_t gyre_table_count(const gyre_table *table);

/// Waits until everything that was removed before this call, from any table, has been dropped. Not between enter and
/// leave.
void gyre_table_settle(void);

#ifdef __cplusplus
}
#endif

#endif
