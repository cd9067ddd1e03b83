// gyre_inline.c: the one external copy of every inline function of the headers (see GYRE_INLINE in gyre_atomic.h).

#define GYRE_INLINE extern inline

#include "gyre_atomic.h"
<<<<<<< HEAD
#include "gyre_countdown.h"
#include "gyre_depot.h"
#include "gyre_dispatch.h"
#include "gyre_event.h"
#include "gyre_futex.h"
#include "gyre_overflow.h"
#include "gyre_park.h"
#include "gyre_record.h"
#include "gyre_ring.h"
#include "gyre_runq.h"
=======
#include "gyre_clock.h"
#include "gyre_counter.h"
#include "gyre_histogram.h"
>>>>>>> 8bed4c0a23db0f0f45851d0fb439df7198ccc41c

#if defined(GYRE_THREAD_SANITIZER)
gyre_atomic_u64 gyre_fence_word;
#endif
