/* fork(): a child that goes on with the module at the same place, and the sealed copy of the program. */
#include "launcher.h"
#include "../sys/policy.h"
#include "../sys/spawn.h"
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/sched.h>

int32_t shim_fork(struct host *host, uint32_t namespaces) {
    if (!is_runtime(host)) return -EPERM;
    if (namespaces & ~NAMESPACES) return -EINVAL;
    if (!has_child_room(host)) return -EAGAIN;
    long pid = sys(clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid > 0) note_child(host, (int32_t)pid);
    if (pid != 0) return (int32_t)pid;
    // The parent's children are not this process's. Its mounts may be private.
    host->children_used = 0;
    host->child = NULL;
    host->mounts_isolated = host->mounts_isolated || namespaces & CLONE_NEWNS;
    loop_again();
    run_loop(ON_FORK);
}

int32_t shim_seal(struct host *host) {
    static const char running[] = "/proc/self/exe", empty[] = "";
    if (!is_runtime(host)) return -EPERM;
    long source = sys(openat, AT_FDCWD, running, O_RDONLY | O_CLOEXEC);
    if (source < 0) return (int32_t)source;
    long seals = sys(fcntl, source, F_GET_SEALS);
    sys(close, source);
    if (seals >= 0 && seals & F_SEAL_WRITE) return 0;
    long copy = sealed_copy();
    if (copy < 0) return (int32_t)copy;
    long result = sys(execveat, copy, empty, host->arguments, host->environment, AT_EMPTY_PATH);
    sys(close, copy);
    return (int32_t)result;
}
