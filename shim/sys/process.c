#include "description.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/resource.h>
#include <asm/signal.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/prctl.h>
#include <linux/sched.h>

/* What is still needed is moved up here first, so that no dup3 closes it. */
#define ABOVE_TARGETS DESCRIPTORS_MAX
#define SIGNALS 64
#define STANDARD_SIGNALS 31
#define WAIT_NOHANG 1
#define EXIT_NOT_STARTED 255

static long move_up(int *fd) {
    if (*fd < 0 || *fd >= ABOVE_TARGETS) return 0;
    long moved = sys(fcntl, *fd, F_DUPFD_CLOEXEC, ABOVE_TARGETS);
    if (moved >= 0) *fd = (int)moved;
    return moved;
}

/* Marks every descriptor but the standard ones for closing when it executes, then places the child's. */
static long place_descriptors(struct description *child) {
    long result = move_up(&child->report);
    if (result >= 0) result = move_up(&child->self_fd);
    for (uint32_t i = 0; i < child->descriptor_count && result >= 0; i++) result = move_up(&child->descriptors[i].fd);
    if (result >= 0) result = sys(close_range, child->bare ? 0 : 3, ~0U, CLOSE_RANGE_CLOEXEC);
    // A copy has no mark.
    for (uint32_t i = 0; i < child->descriptor_count && result >= 0; i++)
        result = sys(dup3, child->descriptors[i].fd, child->descriptors[i].target, 0);
    return result;
}

static long become_user(const struct description *child, uint32_t *step) {
    long result = 0;
    if (child->flags & SPAWN_NO_GROUPS) {
        *step = STEP_GROUPS;
        if ((result = sys(setgroups, 0, NULL)) < 0) return result;
    }
    if (child->set_user) {
        // Whose files these are decides the user, not whoever started the daemon.
        sys(umask, 022);
        *step = STEP_GROUP;
        if ((result = sys(setresgid, child->gid, child->gid, child->gid)) < 0) return result;
        *step = STEP_USER;
        if ((result = sys(setresuid, child->uid, child->uid, child->uid)) < 0) return result;
    }
    *step = STEP_PRIVILEGES;
    return child->flags & SPAWN_NO_NEW_PRIVS ? sys(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) : 0;
}

static long take_terminal(const struct description *child) {
    long result = sys(ioctl, 0, TIOCSCTTY, 0);
    // Whoever works at the terminal owns it, as after a login; group and mode are the mount's.
    return result < 0 || !child->set_user ? result : sys(fchown, 0, child->uid, -1);
}

/* Tries each file in turn, as execvp(3) does: "may not be run" is a better reason than "is not there". */
static long execute(struct description *child) {
    static const char empty[] = "", shell[] = "/bin/sh";
    if (child->self) return sys(execveat, child->self_fd, empty, child->argument_list, child->environment_list, AT_EMPTY_PATH);
    long reason = -ENOENT;
    for (const char **file = child->file_list; *file; file++) {
        long result = sys(execve, *file, child->argument_list, child->environment_list);
        if (result == -ENOEXEC) {
            // A script without #!: "/bin/sh FILE ARGUMENT..."; a place for the shell is kept in front of the arguments.
            child->argument_list[0] = *file;
            child->argument_list[-1] = shell;
            return sys(execve, shell, child->argument_list - 1, child->environment_list);
        }
        if (result == -EACCES) reason = result;
        else if (result != -ENOENT && result != -ENOTDIR) return result;
    }
    return reason;
}

/* Everything between fork and exec. Only system calls: in the addon, other threads may have held locks at the fork. */
static long become(struct description *child, uint32_t *step) {
    uint64_t no_signals = 0;
    long result;
    *step = STEP_PARENT;
    if (child->flags & SPAWN_DIE_WITH_PARENT) {
        if ((result = sys(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)) < 0) return result;
        // The parent may have died before the request was made.
        if (sys(getppid) != child->parent) return -ESRCH;
    }
    if (child->gate >= 0) {
        char released;
        if (sys(read, child->gate, &released, 1) != 1) sys(exit_group, EXIT_NOT_STARTED);
    }
    *step = STEP_DESCRIPTORS;
    if ((result = place_descriptors(child)) < 0) return result;
    *step = STEP_SESSION;
    if (child->flags & SPAWN_SESSION && (result = sys(setsid)) < 0) return result;
    *step = STEP_TERMINAL;
    if (child->flags & SPAWN_TERMINAL && (result = take_terminal(child)) < 0) return result;
    for (uint32_t i = 0; i < child->limit_count; i++) {
        *step = STEP_LIMIT | child->limits[i].id << 8;
        if ((result = sys(prlimit64, 0, child->limits[i].id, child->limits[i].soft_hard, NULL)) < 0) return result;
    }
    if ((result = become_user(child, step)) < 0) return result;
    *step = STEP_DIRECTORY;
    if (child->directory.text && (result = sys(chdir, child->directory.text)) < 0) return result;
    // The program's own SIGPIPE and mask are no business of the command's.
    struct { uint64_t handler, flags, restorer, mask; } by_default = {0, 0, 0, 0};
    for (int signal = 1; signal <= STANDARD_SIGNALS; signal++) sys(rt_sigaction, signal, &by_default, NULL, sizeof(uint64_t));
    sys(rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
    *step = STEP_EXECUTE;
    return execute(child);
}

static void child_entry(struct description *child) {
    struct { uint32_t step, error; } failure;
    failure.error = (uint32_t)-become(child, &failure.step);
    sys(write, child->report, &failure, sizeof failure);
    sys(exit_group, EXIT_NOT_STARTED);
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

/*
 * A child that shares this program's memory, on a stack of its own, until it executes: no page is copied, and this
 * program goes on meanwhile, however long an execve(2) on somebody's stuck file system takes. clone(2), CLONE_VM
 * Nothing but its arena is the child's to write; signals stay blocked until their handlers are the default.
 */
static long clone_onto(
    unsigned long flags, void *stack_top, volatile int *busy, void (*entry)(struct description *), struct description *child) {
    void **stack = stack_top;
    *--stack = child;
    *--stack = (void *)entry;
    long pid;
    register volatile int *child_tid __asm__("r10") = busy;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rax\n\t"
                     "pop %%rdi\n\t"
                     "call *%%rax\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(pid)
                     : "a"(__NR_clone), "D"(flags), "S"(stack), "d"(NULL), "r"(child_tid)
                     : "rcx", "r11", "memory");
    return pid;
}

static long start_child(struct description *child) {
    uint64_t all = ~0ULL, before;
    unsigned long namespaces =
        child->flags & SPAWN_CONTAINER ? CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS : 0;
    // In a new pid namespace the parent is nobody: getppid() is 0 there.
    child->parent = namespaces ? 0 : (int)sys(getpid);
    sys(rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    child->busy = 1;
    long pid = clone_onto(CLONE_VM | CLONE_CHILD_CLEARTID | namespaces | SIGCHLD, stack_top(child), &child->busy, child_entry, child);
    if (pid < 0) child->busy = 0;
    sys(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return pid;
}

/* The place of a child that was not waited for, or, of pid 0, a free one; CHILDREN_MAX when there is none. */
static uint32_t child_place(const struct host *host, int32_t pid) {
    uint32_t place = 0;
    while (place < host->children_used && host->children[place] != pid) place++;
    return place < host->children_used || pid == 0 ? place : CHILDREN_MAX;
}

static void add_child(struct host *host, uint32_t place, int32_t pid) {
    host->children[place] = pid;
    if (place >= host->children_used) host->children_used = place + 1;
}

int32_t shim_spawn(struct host *host, uint32_t flags, uint32_t report_at) {
    struct description *child = host->child;
    guest_i32 *report = guest(host, report_at, sizeof *report);
    int ends[2];
    if (!report) return -EFAULT;
    if (!child) return -ENOMEM;
    if (child->failed) return child->failed;
    uint32_t place = child_place(host, 0);
    if (place == CHILDREN_MAX) return -EAGAIN;
    int32_t missing = prepare_descriptors(host, child);
    if (missing < 0) return missing;
    if (!prepare_lists(child, flags & SPAWN_INHERIT_ENVIRONMENT ? host->environment : NULL)) return -E2BIG;
    child->flags = flags;
    child->bare = host->silent;
    child->self_fd = child->self ? (int)sealed_copy() : -1;
    if (child->self && child->self_fd < 0) return child->self_fd;
    long pid = sys(pipe2, ends, O_CLOEXEC | O_NONBLOCK);
    if (pid >= 0) {
        child->report = ends[1];
        pid = start_child(child);
        sys(close, ends[1]);
        // A report that finds no handle is dropped: the exit code still tells.
        if (pid >= 0) *report = handle_for(host, ends[0]);
        else sys(close, ends[0]);
    }
    if (child->self_fd >= 0) sys(close, child->self_fd);
    if (pid > 0) add_child(host, place, (int32_t)pid);
    host->child = NULL;
    return (int32_t)pid;
}

int32_t shim_wait(struct host *host, uint32_t pid, uint32_t status_at) {
    guest_i32 *status = guest(host, status_at, sizeof *status);
    if (!status) return -EFAULT;
    int32_t ended = (int32_t)sys(wait4, (int32_t)pid, status, WAIT_NOHANG, NULL);
    // From now on the number may be anybody's.
    uint32_t place = ended > 0 ? child_place(host, ended) : CHILDREN_MAX;
    if (place < CHILDREN_MAX) host->children[place] = 0;
    while (host->children_used && !host->children[host->children_used - 1]) host->children_used--;
    return ended;
}

int32_t shim_kill(struct host *host, uint32_t pid, uint32_t signal) {
    // Groups and "everybody" are never meant, nor is whoever has the number of a child that was.
    bool own = (int32_t)pid > 0 && child_place(host, (int32_t)pid) < CHILDREN_MAX;
    return own ? (int32_t)sys(kill, pid, signal) : -EPERM;
}

int32_t shim_raise(struct host *host, uint32_t signal) {
    (void)host;
    struct { uint64_t handler, flags, restorer, mask; } by_default = {0, 0, 0, 0};
    if (signal < 1 || signal > SIGNALS) return -EINVAL;
    uint64_t set = 1ULL << (signal - 1), before;
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
    if (result >= 0) result = sys(prlimit64, 0, RLIMIT_NOFILE, soft_hard, NULL);
    if (result < 0) return (int32_t)result;
    return soft_hard[0] > INT32_MAX ? INT32_MAX : (int32_t)soft_hard[0];
}

int32_t shim_forgetOrigin(struct host *host) {
    // A second time the numbers would be those of handles.
    if (host->silent) return -EPERM;
    for (const char *const *entry = host->environment; *entry; entry++)
        for (volatile char *at = (volatile char *)*entry; *at; at++) *at = 0;
    long result = sys(close_range, 0, 2, 0);
    if (result >= 0) {
        host->silent = true;
        host->given &= ~7U;
    }
    return (int32_t)result;
}
