// fault_hooks.h: what a program does to itself to see what becomes of it.
//
// Linking this target puts functions of the C library behind ones of ours: those that allocate, and the one that starts
// threads. They do what they always do until a fault is asked for. Nothing but GyreFaultHost links it.

#ifndef FAULT_HOOKS_H
#define FAULT_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

// Allocations of the calling thread: malloc, calloc, aligned_alloc, mmap, and their opposites.

/// From now on allocations of this thread are counted and remembered, and the `nth` of them fails (0 for none).
void fault_allocations_begin(uint32_t nth);
/// Returns how many allocations there were since; the failed one counts.
uint32_t fault_allocations_end(void);
/// Of the allocations remembered, those that were not given back.
uint32_t fault_allocations_live(void);

/// The functions of CGyre that create something, by number. NULL beyond the last.
const char *fault_creation_name(uint32_t creation);

typedef struct fault_creation_result {
    uint32_t allocations; // that were made, or failed
    uint32_t live;        // that were not given back after all was destroyed
    bool created;
    bool wrong;           // created without an allocation that it needs, or with something missed
} fault_creation_result;

/// Where the tree lies whose quota one of them reads.
void fault_quota_root(const char *root);
/// Creates with the `nth` allocation failing (0 for none), and destroys what was created.
fault_creation_result fault_creation_try(uint32_t creation, uint32_t nth);

/// From now on threads share one arena of malloc: each further one reserves 64 MB of address space, which would hide
/// the stack of a thread that nobody joined.
void fault_allocations_share(void);

// Threads.

/// pthread_create succeeds `count` more times, then fails with EAGAIN; below 0 it never fails.
void fault_threads_allow(int64_t count);
/// How often it failed.
uint64_t fault_threads_refused(void);

// Signals. Their handlers are installed without SA_RESTART: system calls return EINTR.

void fault_signals_install(void);
/// The kernel's number of the calling thread.
int32_t fault_thread(void);
/// Interrupts a thread of this process with a handler that does nothing. False when there is no such thread any more.
bool fault_interrupt(int32_t thread);
/// Interruptions that reached their threads.
uint64_t fault_interruptions(void);
/// Holds a thread at whatever instruction it is, until fault_release; one at a time. False when there is none such.
bool fault_hold(int32_t thread);
/// Returns when the thread goes on.
void fault_release(void);

// Processes.

typedef enum fault_child { FAULT_CHILD_EXITS, FAULT_CHILD_EXECUTES } fault_child;

/// Forks, and waits for the child to end: at once, or by becoming another program. Returns its exit status, or -1 when
/// it could not be made, was killed, or did not end within a minute (it is killed then).
int fault_fork(fault_child child);

#endif
