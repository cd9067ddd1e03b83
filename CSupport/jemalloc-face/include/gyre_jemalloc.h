// gyre_jemalloc.h: makes jemalloc the allocator of the process that links it, and asks it how much it holds.

#ifndef GYRE_JEMALLOC_H
#define GYRE_JEMALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bytes as jemalloc counts them: handed out; in pages that hold something; in memory at all.
typedef struct {
    size_t allocated;
    size_t active;
    size_t resident;
} gyre_jemalloc_statistics;

/// Whether the malloc that the dynamic linker hands out stands in the same file as jemalloc's own functions.
bool gyre_jemalloc_serves_malloc(void);
/// What jemalloc calls itself. NULL when it does not answer.
const char *gyre_jemalloc_version(void);
/// Reads how long unused pages are kept: milliseconds, -1 for ever. False when this jemalloc does not answer.
bool gyre_jemalloc_read_decay(int64_t *milliseconds);
/// Renews and reads the counts. False when this jemalloc was built without them.
bool gyre_jemalloc_read(gyre_jemalloc_statistics *statistics);

#endif
