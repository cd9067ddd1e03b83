// fault_signals.c: threads that are interrupted, and threads that are held.

#define _GNU_SOURCE // tgkill

#include "fault_hooks.h"

#include "gyre_futex.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static gyre_atomic_u64 fault_interrupted;
static gyre_atomic_u32 fault_gate; // 1 while a thread is to be held
static gyre_atomic_u32 fault_held; // 1 when it is

static void fault_take_interruption(int number) {
    (void)number;
    (void)gyre_fetch_add_relaxed(&fault_interrupted, 1);
}

static void fault_take_hold(int number) {
    (void)number;
    int error = errno;
    gyre_store_release(&fault_held, 1);
    gyre_futex_wake(&fault_held, 1);
    while (gyre_load_acquire(&fault_gate) != 0) (void)gyre_futex_wait(&fault_gate, 1, GYRE_FUTEX_NO_DEADLINE);
    gyre_store_release(&fault_held, 0);
    gyre_futex_wake(&fault_held, 1);
    errno = error;
}

void fault_signals_install(void) {
    struct sigaction interruption = {.sa_handler = fault_take_interruption};
    struct sigaction hold = {.sa_handler = fault_take_hold};
    sigaction(SIGUSR1, &interruption, NULL);
    sigaction(SIGUSR2, &hold, NULL);
}

int32_t fault_thread(void) { return (int32_t)syscall(SYS_gettid); }

bool fault_interrupt(int32_t thread) { return syscall(SYS_tgkill, getpid(), thread, SIGUSR1) == 0; }

uint64_t fault_interruptions(void) { return gyre_load_relaxed(&fault_interrupted); }

bool fault_hold(int32_t thread) {
    gyre_store_release(&fault_gate, 1);
    if (syscall(SYS_tgkill, getpid(), thread, SIGUSR2) != 0) return false;
    while (gyre_load_acquire(&fault_held) == 0) (void)gyre_futex_wait(&fault_held, 0, GYRE_FUTEX_NO_DEADLINE);
    return true;
}

void fault_release(void) {
    gyre_store_release(&fault_gate, 0);
    gyre_futex_wake(&fault_gate, 1);
    while (gyre_load_acquire(&fault_held) != 0) (void)gyre_futex_wait(&fault_held, 1, GYRE_FUTEX_NO_DEADLINE);
}
