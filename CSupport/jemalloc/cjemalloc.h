// jemalloc, as its own header describes it.
#include <jemalloc/jemalloc.h>
