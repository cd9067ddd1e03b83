// gyre_inline.c: the one external copy of every inline function of the headers (see GYRE_INLINE in gyre_atomic.h).

#define GYRE_INLINE extern inline

#include "gyre_allocator.h"
#include "gyre_atomic.h"
#include "gyre_cached.h"
#include "gyre_clock.h"
#include "gyre_countdown.h"
#include "gyre_counter.h"
#include "gyre_cpu.h"
#include "gyre_depot.h"
#include "gyre_dispatch.h"
#include "gyre_event.h"
#include "gyre_flag.h"
#include "gyre_futex.h"
#include "gyre_gate.h"
#include "gyre_histogram.h"
#include "gyre_lane.h"
#include "gyre_mpsc.h"
#include "gyre_order.h"
#include "gyre_overflow.h"
#include "gyre_park.h"
#include "gyre_record.h"
#include "gyre_ring.h"
#include "gyre_runq.h"
#include "gyre_sanitizer.h"
#include "gyre_slab.h"
#include "gyre_spares.h"
#include "gyre_spsc.h"
#include "gyre_state.h"
#include "gyre_swap.h"
#include "gyre_table.h"
#include "gyre_thread.h"
#include "gyre_timer.h"
#include "gyre_waiters.h"
#include "gyre_word.h"

#if defined(GYRE_THREAD_SANITIZER)
gyre_atomic_u64 gyre_fence_word;
#endif
