// gyre_cpu_host.c: what the kernel says of the host's processors and of itself (gyre_cpu.h).

#define _GNU_SOURCE
#include "gyre_cpu.h"

#include "gyre_counter.h"
#include "gyre_text.h"

#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/// Reads root and the path that `format` and `number` make.
static bool gyre_cpu_read_below(const char *root, const char *format, uint32_t number, char *text, size_t bytes) {
    char path[PATH_MAX], name[128];
    text[0] = 0;
    snprintf(name, sizeof name, format, number);
    if (snprintf(path, sizeof path, "%s%s", root, name) >= (int)sizeof path) return false;
    return gyre_text_read(path, text, bytes);
}

/// Takes the next span of a list such as "0-3,8,10-11". False at its end, and where it stops making sense.
static bool gyre_cpu_take_span(const char **list, uint32_t *first, uint32_t *last) {
    char *end;
    if (**list < '0' || **list > '9') return false;
    unsigned long low = strtoul(*list, &end, 10), high = low;
    if (*end == '-') {
        if (end[1] < '0' || end[1] > '9') return false;
        high = strtoul(end + 1, &end, 10);
    }
    if (high < low || high >= UINT32_MAX) return false;
    *list = end + (*end == ',');
    *first = (uint32_t)low;
    *last = (uint32_t)high;
    return true;
}

/// How many CPUs or nodes a list names; 0 for a list that no machine has.
static uint32_t gyre_cpu_list_count(const char *list) {
    uint64_t count = 0;
    for (uint32_t first, last; gyre_cpu_take_span(&list, &first, &last);) count += (uint64_t)last - first + 1;
    return count <= 1u << 20 ? (uint32_t)count : 0;
}

static uint32_t gyre_cpu_sysconf(int name) {
    long count = sysconf(name);
    return count > 0 ? (uint32_t)count : 1;
}

/// Whether `cpu` is the first that `format` lists as its siblings: counting these counts the groups. A CPU that lists
/// nothing is a group of its own.
static bool gyre_cpu_is_first_sibling(const char *root, const char *format, uint32_t cpu) {
    char text[1024];
    const char *list = text;
    uint32_t first, last;
    if (!gyre_cpu_read_below(root, format, cpu, text, sizeof text)) return true;
    return !gyre_cpu_take_span(&list, &first, &last) || first == cpu;
}

void gyre_cpu_host_read(const char *root, gyre_cpu_host *host) {
    char text[4096];
    memset(host, 0, sizeof *host);
    if (gyre_cpu_read_below(root, "/sys/devices/system/cpu/possible", 0, text, sizeof text))
        host->configured = gyre_cpu_list_count(text);
    if (host->configured == 0) host->configured = gyre_cpu_sysconf(_SC_NPROCESSORS_CONF);
    if (gyre_cpu_read_below(root, "/sys/devices/system/node/online", 0, text, sizeof text))
        host->numa_nodes = gyre_cpu_list_count(text);
    if (host->numa_nodes == 0) host->numa_nodes = 1;
    bool is_listed = gyre_cpu_read_below(root, "/sys/devices/system/cpu/online", 0, text, sizeof text);
    if (is_listed) host->online = gyre_cpu_list_count(text);
    if (host->online == 0 || host->online > host->configured) {
        host->online = is_listed && host->online ? host->configured : gyre_cpu_sysconf(_SC_NPROCESSORS_ONLN);
        if (host->configured < host->online) host->configured = host->online; // two sources that do not fit together
        host->cores = host->online;
        host->packages = 1;
        return;
    }
    const char *list = text;
    for (uint32_t first, last; gyre_cpu_take_span(&list, &first, &last);) {
        for (uint32_t cpu = first; cpu <= last; ++cpu) {
            const char *core = "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list";
            const char *package = "/sys/devices/system/cpu/cpu%u/topology/core_siblings_list";
            host->cores += gyre_cpu_is_first_sibling(root, core, cpu);
            host->packages += gyre_cpu_is_first_sibling(root, package, cpu);
        }
    }
}

/// Copies what stands between `begin` and `end` in `text`, without blanks around it.
static void gyre_cpu_copy_between(const char *text, const char *begin, const char *end, char *out, size_t bytes) {
    const char *from = strstr(text, begin);
    if (!from) return;
    from += strlen(begin);
    from += strspn(from, " \t");
    size_t length = strcspn(from, end);
    if (length >= bytes) length = bytes - 1;
    memcpy(out, from, length);
    out[length] = 0;
}

void gyre_cpu_features_read(const char *root, gyre_cpu_features *features) {
    char text[4096];
    memset(features, 0, sizeof *features);
    struct utsname system;
    if (uname(&system) == 0) snprintf(features->release, sizeof features->release, "%.64s", system.release);
    // The first processor's part is within the first 4 KB. aarch64 has no such line.
    if (gyre_cpu_read_below(root, "/proc/cpuinfo", 0, text, sizeof text))
        gyre_cpu_copy_between(text, "model name\t:", "\n", features->model, sizeof features->model);
    if (gyre_cpu_read_below(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", 0, text, sizeof text))
        gyre_cpu_copy_between(text, "", "\n", features->governor, sizeof features->governor);
    if (gyre_cpu_read_below(root, "/sys/kernel/mm/transparent_hugepage/enabled", 0, text, sizeof text))
        gyre_cpu_copy_between(text, "[", "]", features->transparent_huge_pages,
                              sizeof features->transparent_huge_pages);
    features->has_rseq = gyre_rseq_registered();
    long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    features->has_membarrier = commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
    uint32_t word = 0; // nobody waits for it: waking returns 0 where the call exists
    features->has_futex = syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0;
    int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    features->timer_slack_ns = slack > 0 ? (uint64_t)slack : 0;
}
