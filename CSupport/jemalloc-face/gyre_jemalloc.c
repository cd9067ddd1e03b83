// gyre_jemalloc.c: see gyre_jemalloc.h.

#define _GNU_SOURCE
#include "gyre_jemalloc.h"

#include <dlfcn.h>
#include <jemalloc/jemalloc.h>
#include <stdint.h>
#include <sys/types.h>

/// A linker that is told to leave out what nobody needs must find a need: this refers to jemalloc from a place that is
/// never collected. Being linked, jemalloc's malloc comes before the C library's.
static int (*volatile gyre_jemalloc_hold)(const char *, void *, size_t *, void *, size_t);
__attribute__((constructor)) static void gyre_jemalloc_keep(void) { gyre_jemalloc_hold = mallctl; }

// jemalloc reads this before its first allocation; what the environment says in MALLOC_CONF comes on top of it, and a
// program that says something of its own replaces it. Unused pages go back to the system after a minute instead of ten
// seconds: the thread that frees does it, and while a million waiting tasks ended within ten seconds that made those
// that became due at the end late by 200 to 430 ms (p99), where with this it is 16.
__attribute__((weak)) const char *malloc_conf = "dirty_decay_ms:60000";

bool gyre_jemalloc_serves_malloc(void) {
    Dl_info ours, live;
    void *in_use = dlsym(RTLD_DEFAULT, "malloc");
    void *jemalloc = dlsym(RTLD_DEFAULT, "mallctl");
    if (!in_use || !jemalloc || dladdr(in_use, &live) == 0 || dladdr(jemalloc, &ours) == 0) return false;
    return live.dli_fbase == ours.dli_fbase;
}

const char *gyre_jemalloc_version(void) {
    const char *version = NULL;
    size_t bytes = sizeof version;
    return mallctl("version", &version, &bytes, NULL, 0) == 0 ? version : NULL;
}

bool gyre_jemalloc_read_decay(int64_t *milliseconds) {
    ssize_t decay;
    size_t bytes = sizeof decay;
    if (mallctl("arenas.dirty_decay_ms", &decay, &bytes, NULL, 0) != 0) return false;
    *milliseconds = decay;
    return true;
}

static bool gyre_jemalloc_read_size(const char *name, size_t *value) {
    size_t bytes = sizeof *value;
    return mallctl(name, value, &bytes, NULL, 0) == 0;
}

bool gyre_jemalloc_read(gyre_jemalloc_statistics *statistics) {
    // The counts are a copy that is renewed when the epoch is written, whatever the number.
    uint64_t epoch = 1;
    if (mallctl("epoch", NULL, NULL, &epoch, sizeof epoch) != 0) return false;
    return gyre_jemalloc_read_size("stats.allocated", &statistics->allocated) &&
           gyre_jemalloc_read_size("stats.active", &statistics->active) &&
           gyre_jemalloc_read_size("stats.resident", &statistics->resident);
}
