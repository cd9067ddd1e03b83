// isolated.cpp: a run in a process of its own, which can be ended. Rings in which one thread waits for another may take
// minutes for a handful of elements when the other one is not running, and a thread cannot be stopped from outside.

#include "bench_parts.hpp"

#include <cerrno>
#include <new>

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Answer {
    bench_outcome outcome;
    bench_result result;
};

/// Waits for the child to end. False when the time was over first; it has been ended then.
bool ends_in_time(pid_t child, uint32_t seconds) {
    int descriptor = (int)syscall(SYS_pidfd_open, child, 0);
    bool is_in_time = true;
    if (descriptor >= 0) {
        pollfd wanted{descriptor, POLLIN, 0};
        uint64_t deadline = bench::now() + (uint64_t)seconds * 1000000000u;
        int ready;
        do {
            uint64_t present = bench::now();
            ready = poll(&wanted, 1, present < deadline ? (int)((deadline - present) / 1000000u) : 0);
        } while (ready < 0 && errno == EINTR);
        is_in_time = ready > 0;
        close(descriptor);
    }
    if (!is_in_time) kill(child, SIGKILL);
    return is_in_time;
}

} // namespace

bench_outcome bench_isolated(bench_function function, const bench_shape *shape, bench_result *result,
                             uint32_t seconds) {
    void *memory = mmap(nullptr, sizeof(Answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return BENCH_NO_MEMORY;
    auto *answer = new (memory) Answer{BENCH_CRASHED, {}};
    pid_t child = fork();
    if (child == 0) {
        answer->outcome = function(shape, &answer->result);
        _exit(0);
    }
    bench_outcome outcome = BENCH_NO_MEMORY;
    if (child > 0) {
        bool is_in_time = ends_in_time(child, seconds);
        int status;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
        outcome = is_in_time ? answer->outcome : BENCH_STUCK;
        *result = answer->result;
    }
    munmap(memory, sizeof(Answer));
    return outcome;
}
