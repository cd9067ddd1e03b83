// CPUQuota.c: the readers of /proc/self/mountinfo, /proc/self/cgroup and the limits of control groups.
//
// Input: mountinfo, cgroup, cpu.max of the process's group, cpu.max of groups above it, the version 1 quota and period.

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>

#include "FuzzFiles.h"

static FILE *fuzz_open(const char *path, const char *mode) {
    (void)mode;
    size_t file = fuzz_ends_with(path, "/proc/self/mountinfo") ? 0 : 1;
    // A stream over no bytes cannot be made; a file that is missing stands for it.
    if (file >= fuzz_file_count || fuzz_files[file].bytes == 0) {
        errno = ENOENT;
        return NULL;
    }
    return fmemopen((void *)(uintptr_t)fuzz_files[file].start, fuzz_files[file].bytes, "r");
}

#define fopen fuzz_open
#include "gyre_cpu_quota.c"

static unsigned fuzz_groups_read;

bool gyre_text_read(const char *path, char *text, size_t bytes) {
    if (fuzz_ends_with(path, "/cpu.max")) return fuzz_read(fuzz_groups_read++ == 0 ? 2 : 3, text, bytes);
    if (fuzz_ends_with(path, "/cpu.cfs_quota_us")) return fuzz_read(4, text, bytes);
    FUZZ_CHECK(fuzz_ends_with(path, "/cpu.cfs_period_us"));
    return fuzz_read(5, text, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_cut(data, size);
    fuzz_groups_read = 0;
    gyre_cpu_quota quota;
    gyre_cpu_quota_read("/root", &quota);
    FUZZ_CHECK(memchr(quota.group, 0, sizeof quota.group) != NULL);
    if (quota.is_limited) {
        FUZZ_CHECK(quota.version == 1 || quota.version == 2);
        FUZZ_CHECK(quota.quota_us > 0);
        FUZZ_CHECK(quota.period_us > 0);
        FUZZ_CHECK(quota.group[0] == '/');
    } else {
        FUZZ_CHECK(quota.quota_us == 0);
        FUZZ_CHECK(quota.group[0] == 0);
    }
    return 0;
}
