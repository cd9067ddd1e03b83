// gyre_allocator.c: see gyre_allocator.h.

#define _GNU_SOURCE
#include "gyre_allocator.h"

#include <dlfcn.h>
#include <stdio.h>

bool gyre_allocator_path(char *path, size_t bytes) {
    Dl_info found;
    path[0] = 0;
    // Not &malloc: in a program without position independence that is an address of the program itself.
    void *address = dlsym(RTLD_DEFAULT, "malloc");
    if (!address || dladdr(address, &found) == 0 || !found.dli_fname) return false;
    snprintf(path, bytes, "%s", found.dli_fname);
    return true;
}
