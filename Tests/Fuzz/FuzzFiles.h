// FuzzFiles.h: files in memory for parsers that read a tree of files. The input of the fuzzer is cut into files by
// form feeds; a target says which path reads which of them.

#ifndef FUZZ_FILES_H
#define FUZZ_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FUZZ_FILES_MAX 8

typedef struct {
    const uint8_t *start;
    size_t bytes;
} fuzz_file;

static fuzz_file fuzz_files[FUZZ_FILES_MAX];
static size_t fuzz_file_count;

static inline void fuzz_cut(const uint8_t *data, size_t size) {
    fuzz_file_count = 0;
    while (fuzz_file_count < FUZZ_FILES_MAX) {
        const uint8_t *end = fuzz_file_count + 1 < FUZZ_FILES_MAX ? memchr(data, '\f', size) : NULL;
        size_t bytes = end ? (size_t)(end - data) : size;
        fuzz_files[fuzz_file_count++] = (fuzz_file){data, bytes};
        if (!end) return;
        data += bytes + 1;
        size -= bytes + 1;
    }
}

static inline bool fuzz_ends_with(const char *path, const char *end) {
    size_t length = strlen(path), wanted = strlen(end);
    return length >= wanted && strcmp(path + length - wanted, end) == 0;
}

/// As gyre_text_read does it, from a file in memory.
static inline bool fuzz_read(size_t file, char *text, size_t bytes) {
    text[0] = 0;
    if (file >= fuzz_file_count) return false;
    size_t length = fuzz_files[file].bytes < bytes - 1 ? fuzz_files[file].bytes : bytes - 1;
    memcpy(text, fuzz_files[file].start, length);
    text[length] = 0;
    return true;
}

#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) __builtin_trap();                                                                            \
    } while (0)

#endif
