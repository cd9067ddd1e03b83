// gyre_text.c: see gyre_text.h.

#include "gyre_text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool gyre_text_read(const char *path, char *text, size_t bytes) {
    text[0] = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    size_t length = 0;
    bool is_read = true;
    while (length < bytes - 1) {
        ssize_t got = read(file, text + length, bytes - 1 - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) is_read = false;
        if (got <= 0) break;
        length += (size_t)got;
    }
    close(file);
    text[is_read ? length : 0] = 0;
    return is_read;
}
