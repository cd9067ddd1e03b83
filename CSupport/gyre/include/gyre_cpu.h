// gyre_cpu.h: which processors this process may use, how much of them, and where its threads stand.
//
// Progress    Everything here asks the kernel: control plane. gyre_cpu_pin, gyre_cpu_set_apply and gyre_cpu_current
//             allocate nothing and may be called by a worker between tasks; each is one system call at most.
// Allocation  gyre_cpu_set_create and gyre_cpu_set_of_thread allocate; the quota reader does while it runs.
//
// The number of threads worth having is not the number of CPUs of the host. Three limits stand one inside the other:
//
//      CPUs of the host   >=   affinity mask (taskset, cpusets, containers)   >=   quota (cgroup cpu.max: a share
//                                                                                  of time, on any of those CPUs)
//
// gyre_cpu_parallelism is the smaller of the mask's size and the quota rounded up.
//
// Functions that take `root` read below that directory instead of "/": "" is the machine, tests hand in a made-up tree.
// Results of the int functions are 0 or an errno value.

#ifndef GYRE_CPU_H
#define GYRE_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gyre_atomic.h"

/// A set of CPUs, as large as this kernel needs. Written by its owner only.
typedef struct {
    uint32_t words;
    uint64_t bits[];
} gyre_cpu_set;

/// A limit on CPU time. `is_limited` false means that there is none.
typedef struct {
    bool is_limited;
    bool is_malformed;    ///< something was there that could not be understood; it was left out
    uint32_t version;     ///< 1 or 2: the cgroup hierarchy that sets the limit
    uint64_t quota_us;    ///< this much CPU time
    uint64_t period_us;   ///< in each of these
    char group[256];      ///< the group that sets it, as a path below the mount, cut off if longer
} gyre_cpu_quota;

/// The processors of the host.
typedef struct {
    uint32_t configured; ///< CPUs that the kernel is prepared for
    uint32_t online;     ///< hardware threads in use
    uint32_t cores;
    uint32_t packages;
    uint32_t numa_nodes;
} gyre_cpu_host;

/// What else decides how fast threads run and wake. An empty text: not known.
typedef struct {
    char release[65];                ///< of the kernel
    char model[128];                 ///< of the processor
    char governor[32];               ///< of CPU 0's frequency
    char transparent_huge_pages[16]; ///< always, madvise or never
    bool has_rseq;                   ///< restartable sequences are registered for this thread
    bool has_membarrier;             ///< private expedited membarrier
    bool has_futex;
    uint64_t timer_slack_ns; ///< how late this thread's timed waits may end
} gyre_cpu_features;

#ifdef __cplusplus
extern "C" {
#endif

/// An empty set with room for every CPU below `cpus`, or NULL when there is no memory.
gyre_cpu_set *gyre_cpu_set_create(uint32_t cpus);
/// The mask of a thread as the kernel has it now; `thread` 0 is the caller. NULL with errno.
gyre_cpu_set *gyre_cpu_set_of_thread(int32_t thread);
void gyre_cpu_set_destroy(gyre_cpu_set *set);
/// Adds a CPU. False when it does not fit.
bool gyre_cpu_set_add(gyre_cpu_set *set, uint32_t cpu);
bool gyre_cpu_set_has(const gyre_cpu_set *set, uint32_t cpu);
uint32_t gyre_cpu_set_count(const gyre_cpu_set *set);
/// Finds the first CPU from `from` on. False when there is none.
bool gyre_cpu_set_next(const gyre_cpu_set *set, uint32_t from, uint32_t *cpu);
/// Lets a thread run on the CPUs of `set` only; `thread` 0 is the caller. This is also how a mask is restored.
int gyre_cpu_set_apply(const gyre_cpu_set *set, int32_t thread);

/// Lets the calling thread run on `cpu` only.
int gyre_cpu_pin(uint32_t cpu);
/// The CPU that the caller runs on at this moment. False where the kernel does not say.
bool gyre_cpu_current(uint32_t *cpu);
/// The kernel's number of the calling thread.
int32_t gyre_cpu_thread(void);
/// Names the calling thread; the kernel keeps the first 15 bytes.
int gyre_cpu_name_thread(const char *name);
/// The first 15 bytes of the calling thread's name.
int gyre_cpu_thread_name(char name[16]);

/// The tightest CPU quota of the groups that this process is in and of all groups above them, cgroup v1 and v2.
void gyre_cpu_quota_read(const char *root, gyre_cpu_quota *quota);
/// How many threads can run at once: min(`cpus`, quota rounded up), at least 1.
uint32_t gyre_cpu_parallelism(uint32_t cpus, const gyre_cpu_quota *quota);

/// What /sys says of the processors; where it is silent, what sysconf says, one thread to a core.
void gyre_cpu_host_read(const char *root, gyre_cpu_host *host);
void gyre_cpu_features_read(const char *root, gyre_cpu_features *features);

#ifdef __cplusplus
}
#endif

#endif
