// gyre_text.h: reading the small text files in which the kernel describes itself. Not part of the interface.

#ifndef GYRE_TEXT_H
#define GYRE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/// Reads at most `bytes` - 1 bytes of a file and ends them with a zero. False, and an empty text, when the file cannot
/// be read.
bool gyre_text_read(const char *path, char *text, size_t bytes);

#endif
