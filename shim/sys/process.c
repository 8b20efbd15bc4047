#include "policy.h"
#include "spawn.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <linux/sched.h>

/* From here on the child's own descriptors stand: the pipe for errors, the program's copy, the start pipe, the block of arguments. */
#define FIRST_OWN_FD DESCRIPTORS_MAX
#define OWN_FDS 4
/* Descriptors still in use are moved above these first, so that no dup3() closes them. */
#define ABOVE_TARGETS (FIRST_OWN_FD + OWN_FDS)
#define SIGNALS 64
#define STANDARD_SIGNALS 31
#define WAIT_NOHANG 1
#define WAIT_EXITED 4
#define WAIT_NOWAIT 0x01000000
#define WAIT_PID 1
#define EXIT_NOT_STARTED 255

static long move_up(int *fd) {
    if (*fd < 0 || *fd >= ABOVE_TARGETS) return 0;
    long moved = sys(fcntl, *fd, F_DUPFD_CLOEXEC, ABOVE_TARGETS);
    if (moved >= 0) *fd = (int)moved;
    return moved;
}

static long move_to(int *fd, int target) {
    if (*fd < 0) return 0;
    long result = sys(dup3, *fd, target, O_CLOEXEC);
    if (result >= 0) *fd = target;
    return result;
}

/*
 * Puts the child's descriptors in their places and closes all others: whoever waits for the end of a pipe of the program's must not
 * wait for this child, which its user may stop before it executes, and this child sees the start pipe's end when the program ends.
 */
static long place_descriptors(struct spawn *child) {
    int *own[OWN_FDS] = {&child->error_pipe, &child->self_fd, &child->start_pipe, &child->block};
    long result = 0;
    for (int i = 0; i < OWN_FDS && result >= 0; i++) result = move_up(own[i]);
    for (uint32_t i = 0; i < child->descriptor_count && result >= 0; i++) result = move_up(&child->descriptors[i].fd);
    if (result >= 0) result = sys(close_range, child->no_stdio ? 0 : 3, ABOVE_TARGETS - 1, 0);
    for (uint32_t i = 0; i < child->descriptor_count && result >= 0; i++)
        result = sys(dup3, child->descriptors[i].fd, child->descriptors[i].target, 0);
    for (int i = 0; i < OWN_FDS && result >= 0; i++) result = move_to(own[i], FIRST_OWN_FD + i);
    return result < 0 ? result : sys(close_range, ABOVE_TARGETS, ~0U, 0);
}

static long become_user(const struct spawn *child, uint32_t *step) {
    long result = 0;
    if (child->set_groups || child->flags & SPAWN_NO_GROUPS) {
        *step = STEP_GROUPS;
        if ((result = sys(setgroups, child->group_count, child->groups)) < 0) return result;
    }
    if (child->set_user) {
        // File modes are the user's choice, so do not inherit the daemon's umask.
        sys(umask, child->umask);
        *step = STEP_GROUP;
        if ((result = sys(setresgid, child->gid, child->gid, child->gid)) < 0) return result;
        *step = STEP_USER;
        if ((result = sys(setresuid, child->uid, child->uid, child->uid)) < 0) return result;
    }
    *step = STEP_PRIVILEGES;
    return child->flags & SPAWN_NO_NEW_PRIVS ? sys(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) : 0;
}

/* The user owns the pipes of its command: opening /dev/stdout again is then allowed. proc(5), inode(7) */
static void give_pipes(const struct spawn *child) {
    for (uint32_t i = 0; i < child->descriptor_count; i++)
        if (child->descriptors[i].own_pipe) sys(fchown, child->descriptors[i].target, child->uid, -1);
}

/* Its end ends one command. A tenth of a limit of memory outweighs what this program has. A system without /proc goes without. */
static void be_expendable(void) {
    static const char path[] = "/proc/self/oom_score_adj", score[] = "300";
    long file = sys(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    sys(write, file, score, sizeof score - 1);
    sys(close, file);
}

static long take_terminal(const struct spawn *child) {
    long result = sys(ioctl, 0, TIOCSCTTY, 0);
    // The user owns the terminal, as after a login; group and mode come from devpts' mount options.
    return result < 0 || !child->set_user ? result : sys(fchown, 0, child->uid, -1);
}

/* Tries each file in turn, as execvp(3): reports EACCES rather than ENOENT. */
static long try_exec(struct spawn *child) {
    static const char empty[] = "", shell[] = "/bin/sh";
    if (child->self) return sys(execveat, child->self_fd, empty, child->argument_list, child->environment_list, AT_EMPTY_PATH);
    long reason = -ENOENT;
    for (const char **file = child->file_list; *file; file++) {
        long result = sys(execve, *file, child->argument_list, child->environment_list);
        if (result == -ENOEXEC) {
            // A script without #!: "/bin/sh FILE ARGUMENT...". The list has a free entry in front of the arguments.
            child->argument_list[0] = *file;
            child->argument_list[-1] = shell;
            return sys(execve, shell, child->argument_list - 1, child->environment_list);
        }
        if (result == -EACCES) reason = result;
        else if (result != -ENOENT && result != -ENOTDIR) return result;
    }
    return reason;
}

static void reset_handlers(void) {
    struct {
        uint64_t handler, flags, restorer, mask;
    } by_default = {0, 0, 0, 0};
    for (int signal = 1; signal <= STANDARD_SIGNALS; signal++) sys(rt_sigaction, signal, &by_default, NULL, sizeof(uint64_t));
}

/* The command must not inherit the program's SIGPIPE handling and mask. */
static void reset_signals(bool handlers) {
    uint64_t no_signals = 0;
    if (handlers) reset_handlers();
    sys(rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
}

/* Sets a limit; a lowered one is never above the hard limit that is there. */
static long set_limit(struct limit *limit) {
    uint64_t now[2];
    uint32_t id = limit->id & ~(uint32_t)LOWERED;
    long result = limit->id & LOWERED ? sys(prlimit64, 0, id, NULL, now) : 0;
    if (result < 0) return result;
    for (int i = 0; i < 2 && limit->id & LOWERED; i++)
        if (limit->soft_hard[i] > now[1]) limit->soft_hard[i] = now[1];
    return sys(prlimit64, 0, id, limit->soft_hard, NULL);
}

static long enter_directory(const struct spawn *child) {
    static const char top[] = "/";
    if (!child->directory.text) return 0;
    long result = sys(chdir, child->directory.text);
    return result < 0 && child->flags & SPAWN_HOME ? sys(chdir, top) : result;
}

/* All steps between fork and exec. Only system calls: in the addon, other threads may hold locks at the fork. */
static long child_setup(struct spawn *child, uint32_t *step) {
    long result;
    *step = STEP_PARENT;
    if (child->flags & SPAWN_DIE_WITH_PARENT) {
        if ((result = sys(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)) < 0) return result;
        // The parent may have died before prctl().
        if (sys(getppid) != child->parent) return -ESRCH;
    }
    *step = STEP_DESCRIPTORS;
    if ((result = place_descriptors(child)) < 0) return result;
    if (child->start_pipe >= 0) {
        char released;
        if (sys(read, child->start_pipe, &released, 1) != 1) sys(exit_group, EXIT_NOT_STARTED);
    }
    *step = STEP_BLOCK;
    if (child->block >= 0 && (result = read_block(child)) < 0) return result;
    if (child->flags & SPAWN_EXPENDABLE) be_expendable();
    *step = STEP_SESSION;
    if (child->flags & SPAWN_SESSION && (result = sys(setsid)) < 0) return result;
    *step = STEP_TERMINAL;
    if (child->flags & SPAWN_TERMINAL && (result = take_terminal(child)) < 0) return result;
    for (uint32_t i = 0; i < child->limit_count; i++) {
        *step = STEP_LIMIT | (child->limits[i].id & ~(uint32_t)LOWERED) << 8;
        if ((result = set_limit(&child->limits[i])) < 0) return result;
    }
    if (child->set_user) give_pipes(child);
    if ((result = become_user(child, step)) < 0) return result;
    *step = STEP_DIRECTORY;
    if ((result = enter_directory(child)) < 0) return result;
    reset_signals(!child->signals_reset);
    *step = STEP_EXECUTE;
    return try_exec(child);
}

static void child_entry(void *argument) {
    struct spawn *child = argument;
    struct {
        uint32_t step, error;
    } failure;
    failure.error = (uint32_t)-child_setup(child, &failure.step);
    sys(write, child->error_pipe, &failure, sizeof failure);
    sys(exit_group, EXIT_NOT_STARTED);
}

/*
 * Starts a child on a stack of its own. A child of the program's own user shares this program's memory until it executes
 * (CLONE_VM): no page is copied, and this program goes on during the child's execve(2), which may block on a file system. The
 * child writes to its arena only. A child that becomes another user gets a copy: what ends the child, or stops it, is that user's
 * to do, and must not be able to reach this program. Signals stay blocked until their handlers are the default.
 */
static long clone_child(struct spawn *child) {
    uint64_t all = ~0ULL, before;
    unsigned long namespaces = child->flags & SPAWN_CONTAINER ? CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS : 0;
    if (namespaces && child->flags & SPAWN_USER_NAMESPACE) namespaces |= CLONE_NEWUSER;
    if (child->flags & SPAWN_SHARE_NETWORK) namespaces &= ~(unsigned long)CLONE_NEWNET;
    unsigned long shared = child->set_user ? 0 : CLONE_VM | CLONE_CHILD_CLEARTID;
    // In a new PID namespace getppid() is 0.
    child->parent = namespaces ? 0 : (int)sys(getpid);
    sys(rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    child->busy = shared != 0;
    long pid = clone_onto(shared | namespaces | SIGCHLD, spawn_stack_top(child), &child->busy, child_entry, child);
    if (pid < 0) child->busy = 0;
    sys(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return pid;
}

/* The kernel counts a user namespace for the effective id that makes it: this process takes the owner's, and keeps its capabilities. */
static long start_child(struct spawn *child) {
    if (!child->has_owner) return clone_child(child);
    long own = sys(geteuid), bits = sys(prctl, PR_GET_SECUREBITS, 0, 0, 0, 0);
    if (sys(prctl, PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0) return clone_child(child);
    sys(setresuid, -1, child->owner, -1);
    long pid = clone_child(child);
    sys(setresuid, -1, own, -1);
    sys(prctl, PR_SET_SECUREBITS, bits, 0, 0, 0);
    return pid;
}

/* The slot of an unreaped child, or a free slot for pid 0; CHILDREN_MAX without one. */
static uint32_t child_slot(const struct host *host, int32_t pid) {
    uint32_t slot = 0;
    while (slot < host->children_used && host->children[slot] != pid) slot++;
    return slot < host->children_used || pid == 0 ? slot : CHILDREN_MAX;
}

static void add_child(struct host *host, uint32_t slot, int32_t pid) {
    host->children[slot] = pid;
    if (slot >= host->children_used) host->children_used = slot + 1;
}

bool has_child_room(const struct host *host) { return child_slot(host, 0) < CHILDREN_MAX; }

void note_child(struct host *host, int32_t pid) { add_child(host, child_slot(host, 0), pid); }

int32_t shim_spawn(struct host *host, uint32_t flags, uint32_t report_at) {
    struct spawn *child = host->child;
    guest_i32 *report = guest(host, report_at, sizeof *report);
    int ends[2];
    if (!report) return -EFAULT;
    if (!child) return -ENOMEM;
    if (child->failed) return child->failed;
    uint32_t slot = child_slot(host, 0);
    if (slot == CHILDREN_MAX) return -EAGAIN;
    int32_t missing = prepare_descriptors(host, child);
    if (missing < 0) return missing;
    if (!prepare_lists(child, flags & SPAWN_INHERIT_ENVIRONMENT ? host->environment : NULL)) return -E2BIG;
    child->flags = flags;
    child->no_stdio = host->stdio_closed;
    child->signals_reset = host->signals_reset;
    child->self_fd = child->self ? (int)sealed_copy() : -1;
    if (child->self && child->self_fd < 0) return child->self_fd;
    long pid = sys(pipe2, ends, O_CLOEXEC | O_NONBLOCK);
    if (pid >= 0) {
        child->error_pipe = ends[1];
        pid = start_child(child);
        sys(close, ends[1]);
        // Without a free handle the error pipe is closed: the exit code still reports a failure.
        if (pid >= 0) *report = handle_for(host, ends[0]);
        else sys(close, ends[0]);
    }
    if (child->self_fd >= 0) sys(close, child->self_fd);
    if (pid > 0) add_child(host, slot, (int32_t)pid);
    host->child = NULL;
    return (int32_t)pid;
}

int32_t shim_execute(struct host *host, uint32_t keep) {
    struct spawn *child = host->child;
    if (!is_runtime(host)) return -EPERM;
    if (!child) return -ENOMEM;
    if (child->failed) return child->failed;
    if (keep > GIVEN_MAX - 3) return -EINVAL;
    if (!prepare_lists(child, NULL)) return -E2BIG;
    // The program's own descriptors close at the execution, whatever their numbers.
    long result = sys(close_range, 3 + keep, ~0U, CLOSE_RANGE_CLOEXEC);
    if (result < 0) return (int32_t)result;
    reset_signals(true);
    return (int32_t)try_exec(child);
}

/* struct rusage of getrusage(2) begins so, and has 18 longs. */
struct usage {
    long user[2], system[2], largest, others[13];
};

static int32_t wait_for(struct host *host, uint32_t pid, guest_i32 *status, struct usage *usage) {
    int32_t ended = (int32_t)sys(wait4, (int32_t)pid, status, WAIT_NOHANG, usage);
    // The kernel may reuse the pid from now on.
    uint32_t slot = ended > 0 ? child_slot(host, ended) : CHILDREN_MAX;
    if (slot < CHILDREN_MAX) host->children[slot] = 0;
    while (host->children_used && !host->children[host->children_used - 1]) host->children_used--;
    return ended;
}

int32_t shim_wait(struct host *host, uint32_t pid, uint32_t status_at) {
    guest_i32 *status = guest(host, status_at, sizeof *status);
    return status ? wait_for(host, pid, status, NULL) : -EFAULT;
}

#define MICROSECONDS(time) ((uint64_t)(time)[0] * 1000000 + (uint64_t)(time)[1])

int32_t shim_waitUsage(struct host *host, uint32_t pid, uint32_t at) {
    struct usage usage;
    guest_i32 *status = guest(host, at, 32);
    if (!status) return -EFAULT;
    int32_t ended = wait_for(host, pid, status, &usage);
    if (ended <= 0) return ended;
    guest_u64 *figures = guest(host, at + 8, 24);
    figures[0] = MICROSECONDS(usage.user);
    figures[1] = MICROSECONDS(usage.system);
    figures[2] = (uint64_t)usage.largest;
    return ended;
}

int32_t shim_kill(struct host *host, uint32_t pid, uint32_t signal) {
    // Only unreaped children and their groups: not -1, no process that reuses an earlier child's pid.
    int32_t child = (int32_t)((int32_t)pid < 0 ? 0 - pid : pid);
    bool own = child > 0 && pid != -1u && child_slot(host, child) < CHILDREN_MAX;
    return own ? (int32_t)sys(kill, pid, signal) : -EPERM;
}

int32_t shim_raise(struct host *host, uint32_t signal) {
    (void)host;
    struct {
        uint64_t handler, flags, restorer, mask;
    } by_default = {0, 0, 0, 0};
    if (signal < 1 || signal > SIGNALS) return -EINVAL;
    uint64_t set = 1ULL << (signal - 1), before;
    sys(rt_sigaction, signal, &by_default, NULL, sizeof(uint64_t));
    sys(rt_sigprocmask, SIG_UNBLOCK, &set, &before, sizeof set);
    long self = sys(getpid);
    long result = sys(kill, self, signal);
    sys(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return (int32_t)result;
}

int32_t shim_setsid(struct host *host) {
    (void)host;
    return (int32_t)sys(setsid);
}

int32_t shim_setChildSubreaper(struct host *host, uint32_t on) {
    (void)host;
    return (int32_t)sys(prctl, PR_SET_CHILD_SUBREAPER, on != 0, 0, 0, 0);
}

int32_t shim_adoptChild(struct host *host, uint32_t pid) {
    uint8_t info[128];
    // Looks without waiting and without reaping; ECHILD if the process is no child.
    long result = sys(waitid, WAIT_PID, pid, info, WAIT_NOHANG | WAIT_EXITED | WAIT_NOWAIT, NULL);
    if (result < 0) return (int32_t)result;
    uint32_t slot = child_slot(host, 0);
    if (slot == CHILDREN_MAX) return -EAGAIN;
    if (child_slot(host, (int32_t)pid) == CHILDREN_MAX) add_child(host, slot, (int32_t)pid);
    return 0;
}

int32_t shim_setParentDeathSignal(struct host *host, uint32_t signal) {
    (void)host;
    return (int32_t)sys(prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0);
}

int32_t shim_setProcessName(struct host *host, uint32_t path) {
    const char *name = guest_string(host, path);
    return name ? (int32_t)sys(prctl, PR_SET_NAME, name, 0, 0, 0) : -EFAULT;
}

int32_t shim_dropStdioAndEnvironment(struct host *host) {
    // After the first call these numbers may belong to handles.
    if (host->stdio_closed) return -EPERM;
    for (const char *const *entry = host->environment; *entry; entry++)
        for (volatile char *at = (volatile char *)(uintptr_t)*entry; *at; at++) *at = 0;
    // The kernel gives PID 1 no signal of its namespace that has no handler, SIGPIPE neither: no child has to reset them. signal(7)
    if (sys(getpid) == 1) {
        reset_handlers();
        host->signals_reset = true;
    }
    // Only what it was started with: a number that it has adopted is a handle's by now, or the host's own.
    long result = 0;
    for (int fd = 0; fd < 3 && result >= 0; fd++)
        if (host->inheritable_fds >> fd & 1) result = sys(close_range, fd, fd, 0);
    if (result >= 0) {
        host->stdio_closed = true;
        host->inheritable_fds &= ~7U;
    }
    return (int32_t)result;
}
