/* What a program asks of its own process; what a runtime changes of it before it executes the container's, and wshd as PID 1 before it
 * serves. */
#include "policy.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/resource.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#define GROUPS_MAX 65536
#define INSTRUCTIONS_MAX 4096
#define PROCESSORS_MAX 8192
// From <linux/sched/types.h>, whose other structure collides with a C library's.
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static bool may_confine(const struct host *host) { return is_runtime(host) || is_starting_init(host); }

int32_t shim_isIgnored(struct host *host, uint32_t signal) {
    (void)host;
    struct {
        uint64_t handler, flags, restorer, mask;
    } now = {0, 0, 0, 0};
    long result = sys(rt_sigaction, signal, NULL, &now, sizeof now.mask);
    return (int32_t)(result < 0 ? result : now.handler == 1);
}

int32_t shim_raiseNofileLimit(struct host *host) {
    (void)host;
    uint64_t soft_hard[2];
    long result = sys(prlimit64, 0, RLIMIT_NOFILE, NULL, soft_hard);
    soft_hard[0] = soft_hard[1];
    if (result >= 0) result = sys(prlimit64, 0, RLIMIT_NOFILE, soft_hard, NULL);
    if (result < 0) return (int32_t)result;
    return soft_hard[0] > INT32_MAX ? INT32_MAX : (int32_t)soft_hard[0];
}

int32_t shim_joinNamespace(struct host *host, uint32_t handle, uint32_t kind) {
    int fd = fd_of(host, handle);
    if (!is_runtime(host)) return -EPERM;
    return fd < 0 ? fd : (int32_t)sys(setns, fd, kind);
}

int32_t shim_unshare(struct host *host, uint32_t namespaces) {
    uint32_t known = is_runtime(host) ? NAMESPACES : is_starting_init(host) ? CLONE_NEWCGROUP : 0;
    if (!known) return -EPERM;
    return namespaces & ~known ? -EINVAL : (int32_t)sys(unshare, namespaces);
}

int32_t shim_openProcess(struct host *host, uint32_t pid) { return is_runtime(host) ? handle_for(host, sys(pidfd_open, pid, 0)) : -EPERM; }

int32_t shim_signalProcess(struct host *host, uint32_t process, uint32_t signal) {
    int fd = fd_of(host, process);
    if (!is_runtime(host)) return -EPERM;
    return fd < 0 ? fd : (int32_t)sys(pidfd_send_signal, fd, signal, NULL, 0);
}

int32_t shim_placeDescriptor(struct host *host, uint32_t target, uint32_t handle) {
    int fd = fd_of(host, handle);
    if (!is_runtime(host)) return -EPERM;
    if (fd < 0) return fd;
    return target > 2 ? -EINVAL : (int32_t)sys(dup3, fd, target, 0);
}

int32_t shim_takeTerminal(struct host *host, uint32_t handle) {
    int fd = fd_of(host, handle);
    if (!is_runtime(host)) return -EPERM;
    return fd < 0 ? fd : (int32_t)sys(ioctl, fd, TIOCSCTTY, 0);
}

int32_t shim_setUmask(struct host *host, uint32_t mask) { return is_runtime(host) ? (int32_t)sys(umask, mask & 0777) : -EPERM; }

int32_t shim_setGroups(struct host *host, uint32_t at, uint32_t count) {
    if (!is_runtime(host)) return -EPERM;
    if (count > GROUPS_MAX) return -EINVAL;
    const void *groups = guest(host, at, count * 4);
    return groups ? (int32_t)sys(setgroups, count, groups) : -EFAULT;
}

int32_t shim_setUser(struct host *host, uint32_t uid, uint32_t gid) {
    if (!is_runtime(host)) return -EPERM;
    long result = sys(setresgid, gid, gid, gid);
    return (int32_t)(result < 0 ? result : sys(setresuid, uid, uid, uid));
}

int32_t shim_setCapabilities(struct host *host, uint32_t at) {
    uint8_t *header = guest(host, at, 8 + 24);
    if (!may_confine(host)) return -EPERM;
    return header ? (int32_t)sys(capset, header, header + 8) : -EFAULT;
}

int32_t shim_processControl(struct host *host, uint32_t option, uint32_t first, uint32_t second) {
    if (!may_confine(host)) return -EPERM;
    switch (option) {
    // None of these options takes an address.
    case PR_SET_KEEPCAPS:
    case PR_SET_NO_NEW_PRIVS:
    case PR_SET_DUMPABLE:
    case PR_SET_PDEATHSIG:
    case PR_SET_CHILD_SUBREAPER:
        if (!is_runtime(host)) return -EPERM;
        return (int32_t)sys(prctl, option, first, second, 0, 0);
    case PR_SET_SECUREBITS:
    case PR_CAPBSET_DROP:
    case PR_CAPBSET_READ:
    case PR_CAP_AMBIENT: return (int32_t)sys(prctl, option, first, second, 0, 0);
    default: return -EINVAL;
    }
}

int32_t shim_setLimit(struct host *host, uint32_t id, uint32_t soft_low, uint32_t soft_high, uint32_t hard_low, uint32_t hard_high) {
    uint64_t soft_hard[2] = {(uint64_t)soft_high << 32 | soft_low, (uint64_t)hard_high << 32 | hard_low};
    return is_runtime(host) ? (int32_t)sys(prlimit64, 0, id, soft_hard, NULL) : -EPERM;
}

int32_t shim_setFilter(struct host *host, uint32_t flags, uint32_t at, uint32_t count) {
    if (!may_confine(host)) return -EPERM;
    if (count > INSTRUCTIONS_MAX) return -EINVAL;
    // struct sock_fprog of linux/filter.h
    struct {
        unsigned short count;
        const void *instructions;
    } program = {(unsigned short)count, guest(host, at, count * 8)};
    return program.instructions ? (int32_t)sys(seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) : -EFAULT;
}

int32_t shim_setScheduler(struct host *host, uint32_t at, uint32_t size) {
    void *attributes = guest(host, at, size);
    if (!is_runtime(host)) return -EPERM;
    return attributes && size >= 48 ? (int32_t)sys(sched_setattr, 0, attributes, 0) : -EFAULT;
}

int32_t shim_setIoPriority(struct host *host, uint32_t priority) {
    return is_runtime(host) ? (int32_t)sys(ioprio_set, IOPRIO_WHO_PROCESS, 0, priority) : -EPERM;
}

int32_t shim_setPersonality(struct host *host, uint32_t domain) {
    long before = is_runtime(host) ? sys(personality, domain) : -EPERM;
    return before < 0 ? (int32_t)before : 0;
}

int32_t shim_newKeyring(struct host *host) { return may_confine(host) ? (int32_t)sys(keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) : -EPERM; }

int32_t shim_resetAttributes(struct host *host) {
    if (!is_starting_wshd(host)) return -EPERM;
    struct scheduling usual = {.size = sizeof usual};
    uint8_t processors[PROCESSORS_MAX / 8];
    for (unsigned i = 0; i < sizeof processors; i++) processors[i] = 0xff;
    // Each is tried, whatever becomes of the others. The first is PER_LINUX, the last IOPRIO_WHO_PROCESS with IOPRIO_CLASS_NONE.
    long results[] = {
        sys(personality, 0),
        sys(sched_setattr, 0, &usual, 0),
        sys(sched_setaffinity, 0, sizeof processors, processors),
        sys(ioprio_set, 1, 0, 0),
    };
    for (unsigned i = 0; i < sizeof results / sizeof *results; i++)
        if (results[i] < 0) return (int32_t)results[i];
    return 0;
}

int32_t shim_setHostName(struct host *host, uint32_t at, uint32_t size, uint32_t domain) {
    const char *name = guest(host, at, size);
    if (!is_runtime(host)) return -EPERM;
    if (!name) return -EFAULT;
    return (int32_t)(domain ? sys(setdomainname, name, size) : sys(sethostname, name, size));
}
