// CPUHost.c: the readers of CPU lists ("0-3,8"), of the processor's name and of kernel settings.
//
// Input: the CPUs that are possible, those that are online, NUMA nodes, siblings of one CPU, cpuinfo, governor, huge
// pages.

#include "FuzzFiles.h"
#include "gyre_cpu_host.c"

bool gyre_text_read(const char *path, char *text, size_t bytes) {
    if (fuzz_ends_with(path, "cpu/possible")) return fuzz_read(0, text, bytes);
    if (fuzz_ends_with(path, "cpu/online")) return fuzz_read(1, text, bytes);
    if (fuzz_ends_with(path, "node/online")) return fuzz_read(2, text, bytes);
    if (fuzz_ends_with(path, "_siblings_list")) {
        text[0] = 0;
        const char *number = strstr(path, "/cpu/cpu");
        FUZZ_CHECK(number != NULL);
        // A machine of a million CPUs takes a second; a few of them read a file are enough to find what is wrong.
        return strlen(number) < strlen("/cpu/cpu999/topology/thread_siblings_list") && fuzz_read(3, text, bytes);
    }
    if (fuzz_ends_with(path, "cpuinfo")) return fuzz_read(4, text, bytes);
    if (fuzz_ends_with(path, "scaling_governor")) return fuzz_read(5, text, bytes);
    return fuzz_read(6, text, bytes);
}

/// How many CPUs a list names that makes sense from its beginning to its end; 0 for others. Slow and plain.
static uint64_t fuzz_count(size_t file) {
    uint64_t count = 0, low = 0;
    if (file >= fuzz_file_count) return 0;
    const uint8_t *at = fuzz_files[file].start, *end = at + fuzz_files[file].bytes;
    for (;;) {
        uint64_t numbers[2];
        for (int index = 0; index < 2; ++index) {
            size_t digits = 0;
            low = 0;
            for (; at < end && *at >= '0' && *at <= '9' && digits < 9; ++at, ++digits) low = low * 10 + *at - '0';
            if (digits == 0 || digits == 9) return 0;
            numbers[index] = low;
            if (index == 0 && (at == end || *at != '-')) {
                numbers[1] = low;
                break;
            }
            if (index == 0) ++at;
        }
        if (numbers[1] < numbers[0]) return 0;
        count += numbers[1] - numbers[0] + 1;
        if (count > 1u << 20) return 0;
        if (at == end || (*at == '\n' && at + 1 == end)) return count;
        if (*at++ != ',') return 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096) return 0; // what is longer is cut off, which tests look at
    fuzz_cut(data, size);
    if (fuzz_count(1) > 4096) return 0; // each CPU has its files: such lists are slow and show nothing new
    gyre_cpu_host host;
    gyre_cpu_host_read("", &host);
    FUZZ_CHECK(host.configured >= host.online);
    FUZZ_CHECK(host.online >= 1);
    FUZZ_CHECK(host.cores <= host.online);
    FUZZ_CHECK(host.packages <= host.online);
    FUZZ_CHECK(host.numa_nodes >= 1);
    uint64_t possible = fuzz_count(0);
    // Beside a list of CPUs online that makes no sense stands the system's own count, and no fewer are configured.
    bool is_counted = fuzz_count(1) == 0 && host.configured == host.online && host.online > possible;
    if (possible > 0) FUZZ_CHECK(host.configured == possible || is_counted);
    uint64_t nodes = fuzz_count(2);
    if (nodes > 0) FUZZ_CHECK(host.numa_nodes == nodes);

    // In memory of its own, so that a text that is too long is not hidden by the next field.
    gyre_cpu_features *features = malloc(sizeof *features);
    FUZZ_CHECK(features != NULL);
    gyre_cpu_features_read("", features);
    FUZZ_CHECK(memchr(features->model, 0, sizeof features->model) != NULL);
    FUZZ_CHECK(memchr(features->governor, 0, sizeof features->governor) != NULL);
    FUZZ_CHECK(memchr(features->transparent_huge_pages, 0, sizeof features->transparent_huge_pages) != NULL);
    free(features);
    return 0;
}
