// gyre_inline.c: the one external copy of every inline function of the headers (see GYRE_INLINE in gyre_atomic.h).

#define GYRE_INLINE extern inline

#include "gyre_atomic.h"
#include "gyre_clock.h"
#include "gyre_counter.h"
#include "gyre_cpu.h"
#include "gyre_histogram.h"

#if defined(GYRE_THREAD_SANITIZER)
gyre_atomic_u64 gyre_fence_word;
#endif
