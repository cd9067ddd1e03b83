// fault_processes.c: children of a process that has threads. Swift has no fork, for good reasons.

#include "fault_hooks.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAULT_CHILD_MILLISECONDS 60000

int fault_fork(fault_child child) {
    pid_t process = fork();
    if (process < 0) return -1;
    if (process == 0) {
        // Of the parent's threads only this one is here: nothing of the runtime may be touched.
        if (child == FAULT_CHILD_EXECUTES) execlp("true", "true", (char *)NULL);
        _exit(child == FAULT_CHILD_EXITS ? 0 : 127);
    }
    int status = -1;
    for (int waited = 0; waited < FAULT_CHILD_MILLISECONDS; waited++) {
        pid_t ended = waitpid(process, &status, WNOHANG);
        if (ended == process) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (ended < 0) return -1;
        (void)poll(NULL, 0, 1);
    }
    kill(process, SIGKILL);
    waitpid(process, &status, 0);
    return -1;
}
