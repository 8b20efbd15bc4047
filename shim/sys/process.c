#include "host.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/resource.h>
#include <asm/signal.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/prctl.h>
#include <linux/sched.h>

/* Sources are moved up here first, so that no dup2 closes one that is still to be placed. */
#define ABOVE_TARGETS 64
#define SIGNALS 64
#define STANDARD_SIGNALS 31
#define WAIT_NOHANG 1
#define EXIT_NOT_STARTED 255

int32_t shim_spawnBegin(struct host *host) {
    struct description *child = &host->child;
    child->file_count = child->argument_count = child->environment_count = child->descriptor_count = child->limit_count = 0;
    child->directory = NULL;
    child->set_user = child->self = false;
    child->gate = -1;
    return 0;
}

/* Splits NUL-terminated strings that lie back to back; -E2BIG when there are more than the list holds. */
static int32_t strings(struct host *host, uint32_t at, uint32_t size, const char **list, uint32_t *count, uint32_t most) {
    const char *text = guest(host, at, size);
    if (!text || (size && text[size - 1] != 0)) return -EFAULT;
    for (const char *end = text + size; text < end; text++) {
        if (*count == most) return -E2BIG;
        list[(*count)++] = text;
        while (*text) text++;
    }
    list[*count] = NULL;
    return 0;
}

int32_t shim_spawnFiles(struct host *host, uint32_t at, uint32_t size) {
    return strings(host, at, size, host->child.files, &host->child.file_count, FILES_MAX);
}

int32_t shim_spawnArguments(struct host *host, uint32_t at, uint32_t size) {
    return strings(host, at, size, arguments_of(&host->child), &host->child.argument_count, ARGUMENTS_MAX);
}

int32_t shim_spawnEnvironment(struct host *host, uint32_t at, uint32_t size) {
    return strings(host, at, size, host->child.environment, &host->child.environment_count, ENVIRONMENT_MAX);
}

int32_t shim_spawnSelf(struct host *host) {
    host->child.self = true;
    return 0;
}

int32_t shim_spawnDescriptor(struct host *host, uint32_t target, uint32_t handle) {
    struct description *child = &host->child;
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    if (child->descriptor_count == DESCRIPTORS_MAX || target >= ABOVE_TARGETS) return -E2BIG;
    child->descriptors[child->descriptor_count].target = (int)target;
    child->descriptors[child->descriptor_count++].fd = fd;
    return 0;
}

int32_t shim_spawnUser(struct host *host, uint32_t uid, uint32_t gid) {
    host->child.uid = uid;
    host->child.gid = gid;
    host->child.set_user = true;
    return 0;
}

int32_t shim_spawnLimit(struct host *host, uint32_t id, uint32_t soft_low, uint32_t soft_high, uint32_t hard_low, uint32_t hard_high) {
    struct description *child = &host->child;
    if (child->limit_count == LIMITS_MAX) return -E2BIG;
    child->limits[child->limit_count++] = (struct limit){
        id, {(uint64_t)soft_high << 32 | soft_low, (uint64_t)hard_high << 32 | hard_low}};
    return 0;
}

int32_t shim_spawnDirectory(struct host *host, uint32_t path) {
    host->child.directory = guest_string(host, path);
    return host->child.directory ? 0 : -EFAULT;
}

int32_t shim_spawnGate(struct host *host, uint32_t handle) {
    host->child.gate = fd_of(host, handle);
    return host->child.gate < 0 ? host->child.gate : 0;
}

/* Places the child's descriptors and marks every other for closing when it executes. */
static long place_descriptors(struct description *child) {
    for (uint32_t i = 0; i < child->descriptor_count; i++) {
        long moved = sys(fcntl, child->descriptors[i].fd, F_DUPFD_CLOEXEC, ABOVE_TARGETS);
        if (moved < 0) return moved;
        child->descriptors[i].fd = (int)moved;
    }
    int highest = 2;
    for (uint32_t i = 0; i < child->descriptor_count; i++) {
        int target = child->descriptors[i].target;
        long result = sys(dup3, child->descriptors[i].fd, target, 0);
        if (result < 0) return result;
        if (target > highest) highest = target;
    }
    return sys(close_range, highest + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

static long become_user(const struct description *child, uint32_t flags, uint32_t *step) {
    long result = 0;
    if (flags & SPAWN_NO_GROUPS) {
        *step = STEP_GROUPS;
        if ((result = sys(setgroups, 0, NULL)) < 0) return result;
    }
    if (child->set_user) {
        *step = STEP_GROUP;
        if ((result = sys(setresgid, child->gid, child->gid, child->gid)) < 0) return result;
        *step = STEP_USER;
        if ((result = sys(setresuid, child->uid, child->uid, child->uid)) < 0) return result;
    }
    *step = STEP_PRIVILEGES;
    return flags & SPAWN_NO_NEW_PRIVS ? sys(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) : 0;
}

static long take_terminal(const struct description *child) {
    long result = sys(ioctl, 0, TIOCSCTTY, 0);
    // Whoever works at the terminal owns it, as after a login; group and mode are the mount's.
    return result < 0 || !child->set_user ? result : sys(fchown, 0, child->uid, -1);
}

/* Tries each file in turn, as execvp(3) does: "may not be run" is a better reason than "is not there". */
static long execute(struct description *child, int self) {
    static const char empty[] = "", shell[] = "/bin/sh";
    if (self >= 0) return sys(execveat, self, empty, arguments_of(child), child->environment, AT_EMPTY_PATH);
    long reason = -ENOENT;
    for (uint32_t i = 0; i < child->file_count; i++) {
        long result = sys(execve, child->files[i], arguments_of(child), child->environment);
        if (result == -ENOEXEC) {
            child->shell_arguments[0] = shell;
            child->shell_arguments[1] = child->files[i];
            return sys(execve, shell, child->shell_arguments, child->environment);
        }
        if (result == -EACCES) reason = result;
        else if (result != -ENOENT && result != -ENOTDIR) return result;
    }
    return reason;
}

/* Everything between fork and exec. Only system calls: in the addon, other threads may have held locks at the fork. */
static long become_child(struct host *host, uint32_t flags, int parent, int self, uint32_t *step) {
    struct description *child = &host->child;
    uint64_t no_signals = 0;
    long result;
    *step = STEP_PARENT;
    if (flags & SPAWN_DIE_WITH_PARENT) {
        if ((result = sys(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)) < 0) return result;
        // The parent may have died before the request was made.
        if (sys(getppid) != parent) return -ESRCH;
    }
    if (child->gate >= 0) {
        char released;
        if (sys(read, child->gate, &released, 1) != 1) sys(exit_group, EXIT_NOT_STARTED);
    }
    *step = STEP_DESCRIPTORS;
    if ((result = place_descriptors(child)) < 0) return result;
    *step = STEP_SESSION;
    if (flags & SPAWN_SESSION && (result = sys(setsid)) < 0) return result;
    *step = STEP_TERMINAL;
    if (flags & SPAWN_TERMINAL && (result = take_terminal(child)) < 0) return result;
    for (uint32_t i = 0; i < child->limit_count; i++) {
        *step = STEP_LIMIT | child->limits[i].id << 8;
        if ((result = sys(prlimit64, 0, child->limits[i].id, child->limits[i].soft_hard, NULL)) < 0) return result;
    }
    if ((result = become_user(child, flags, step)) < 0) return result;
    *step = STEP_DIRECTORY;
    if (child->directory && (result = sys(chdir, child->directory)) < 0) return result;
    // The program's own SIGPIPE and mask are no business of the command's.
    struct { uint64_t handler, flags, restorer, mask; } by_default = {0, 0, 0, 0};
    for (int signal = 1; signal <= STANDARD_SIGNALS; signal++) sys(rt_sigaction, signal, &by_default, NULL, sizeof(uint64_t));
    sys(rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
    *step = STEP_EXECUTE;
    return execute(child, self);
}

/* A copy of the running program that nobody can write to, not even root of the container that runs it. */
static long sealed_copy(void) {
    static const char running[] = "/proc/self/exe", name[] = "warden";
    long source = sys(openat, AT_FDCWD, running, O_RDONLY | O_CLOEXEC);
    if (source < 0) return source;
    long copy = sys(memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    long moved = copy < 0 ? copy : 1;
    while (moved > 0) moved = sys(sendfile, copy, source, NULL, 1 << 20);
    sys(close, source);
    if (moved == 0) moved = sys(fcntl, copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    if (moved == 0) return copy;
    if (copy >= 0) sys(close, copy);
    return moved;
}

static int32_t add_own_environment(struct host *host) {
    struct description *child = &host->child;
    for (const char *const *entry = host->environment; *entry; entry++) {
        if (child->environment_count == ENVIRONMENT_MAX) return -E2BIG;
        child->environment[child->environment_count++] = *entry;
    }
    return 0;
}

static long fork_child(struct host *host, uint32_t flags, int self, int report) {
    uint64_t all = ~0ULL, before;
    long parent = sys(getpid);
    unsigned long namespaces = flags & SPAWN_CONTAINER ? CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS : 0;
    // No handler of the parent's may run in the child.
    sys(rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    long pid = sys(clone, namespaces | SIGCHLD, 0, 0, 0, 0);
    if (pid != 0) {
        sys(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
        return pid;
    }
    struct { uint32_t step, error; } failure;
    // In a new pid namespace the parent is nobody: getppid() is 0 there.
    failure.error = (uint32_t)-become_child(host, flags, namespaces ? 0 : (int)parent, self, &failure.step);
    sys(write, report, &failure, sizeof failure);
    sys(exit_group, EXIT_NOT_STARTED);
    __builtin_unreachable();
}

int32_t shim_spawn(struct host *host, uint32_t flags, uint32_t report_at) {
    struct description *child = &host->child;
    int32_t *report = guest(host, report_at, sizeof *report);
    int ends[2];
    if (!report) return -EFAULT;
    if (flags & SPAWN_INHERIT_ENVIRONMENT && add_own_environment(host) < 0) return -E2BIG;
    arguments_of(child)[child->argument_count] = NULL;
    child->environment[child->environment_count] = NULL;
    long self = child->self ? sealed_copy() : -1;
    if (child->self && self < 0) return (int32_t)self;
    long pid = sys(pipe2, ends, O_CLOEXEC | O_NONBLOCK);
    if (pid >= 0) {
        pid = fork_child(host, flags, (int)self, ends[1]);
        sys(close, ends[1]);
        // A report that finds no handle is dropped: the exit code still tells.
        if (pid >= 0) *report = handle_for(host, ends[0]);
        else sys(close, ends[0]);
    }
    if (self >= 0) sys(close, self);
    return (int32_t)pid;
}

int32_t shim_wait(struct host *host, uint32_t pid, uint32_t status_at) {
    int32_t *status = guest(host, status_at, sizeof *status);
    return status ? (int32_t)sys(wait4, (int32_t)pid, status, WAIT_NOHANG, NULL) : -EFAULT;
}

int32_t shim_kill(struct host *host, uint32_t pid, uint32_t signal) {
    (void)host;
    // Groups and "everybody" are never meant.
    return (int32_t)pid > 0 ? (int32_t)sys(kill, pid, signal) : -EINVAL;
}

int32_t shim_raise(struct host *host, uint32_t signal) {
    (void)host;
    struct { uint64_t handler, flags, restorer, mask; } by_default = {0, 0, 0, 0};
    uint64_t set = 1ULL << (signal - 1), before;
    if (signal < 1 || signal > SIGNALS) return -EINVAL;
    sys(rt_sigaction, signal, &by_default, NULL, sizeof(uint64_t));
    sys(rt_sigprocmask, SIG_UNBLOCK, &set, &before, sizeof set);
    long self = sys(getpid);
    long result = sys(kill, self, signal);
    sys(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return (int32_t)result;
}

int32_t shim_session(struct host *host) {
    (void)host;
    return (int32_t)sys(setsid);
}

int32_t shim_dieWithParent(struct host *host, uint32_t signal) {
    (void)host;
    return (int32_t)sys(prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0);
}

int32_t shim_title(struct host *host, uint32_t path) {
    const char *name = guest_string(host, path);
    return name ? (int32_t)sys(prctl, PR_SET_NAME, name, 0, 0, 0) : -EFAULT;
}

int32_t shim_moreDescriptors(struct host *host) {
    (void)host;
    uint64_t soft_hard[2];
    long result = sys(prlimit64, 0, RLIMIT_NOFILE, NULL, soft_hard);
    soft_hard[0] = soft_hard[1];
    return (int32_t)(result < 0 ? result : sys(prlimit64, 0, RLIMIT_NOFILE, soft_hard, NULL));
}

int32_t shim_forgetOrigin(struct host *host) {
    host->silent = true;
    for (const char *const *entry = host->environment; *entry; entry++)
        for (volatile char *at = (volatile char *)*entry; *at; at++) *at = 0;
    return (int32_t)sys(close_range, 0, 2, 0);
}
