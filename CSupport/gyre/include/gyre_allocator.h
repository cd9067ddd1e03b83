// gyre_allocator.h: which file serves malloc in this process.
//
// A program may be linked with an allocator that nobody calls, because another definition of malloc comes first. So
// this asks the dynamic linker whose malloc it hands out, and never what is linked.

#ifndef GYRE_ALLOCATOR_H
#define GYRE_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Writes the path of the library or program that contains the malloc in use, cut off to `bytes`. False, and an empty
/// text, when the linker does not tell, as in a program without dynamic linking.
bool gyre_allocator_path(char *path, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
