// ClockSource.c: the words of the kernel's list of clock sources, and what follows from them.
//
// Input: a byte whose lowest bit says whether the counter is invariant, the present source, those that are available.

#include <stdlib.h>

#include "FuzzFiles.h"
#include "gyre_clock.h"

/// Whether one of the words of the file is `word`. Slow and plain.
static bool fuzz_has(size_t file, const char *word) {
    if (file >= fuzz_file_count) return false;
    size_t length = strlen(word), bytes = fuzz_files[file].bytes;
    const uint8_t *text = fuzz_files[file].start;
    const uint8_t *stop = memchr(text, 0, bytes);
    if (stop) bytes = (size_t)(stop - text);
    for (size_t at = 0; at + length <= bytes; ++at) {
        bool begins = at == 0 || text[at - 1] == ' ' || text[at - 1] == '\n';
        bool ends = at + length == bytes || text[at + length] == ' ' || text[at + length] == '\n';
        if (begins && ends && memcmp(text + at, word, length) == 0) return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > 512) return 0;
    fuzz_cut(data + 1, size - 1);
    // Exactly as long as they are, so that reading on is seen.
    char *texts[2];
    for (size_t file = 0; file < 2; ++file) {
        size_t bytes = file < fuzz_file_count ? fuzz_files[file].bytes : 0;
        texts[file] = malloc(bytes + 1);
        FUZZ_CHECK(texts[file] != NULL);
        (void)fuzz_read(file, texts[file], bytes + 1);
    }
    bool is_invariant = data[0] & 1;
    bool expected = is_invariant && (fuzz_has(0, "tsc") || fuzz_has(0, "arch_sys_counter") ||
                                     (fuzz_has(0, "kvm-clock") && fuzz_has(1, "tsc")));
    FUZZ_CHECK(gyre_clock_counter_is_trusted(is_invariant, texts[0], texts[1]) == expected);
    free(texts[0]);
    free(texts[1]);
    return 0;
}
