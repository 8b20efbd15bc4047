/*
 * hook-parent-after-clone.sh of the library. It runs on the host, in the container's directory: writes the pid of the
 * container's init (PID in the environment) to run/wshd.pid, moves init into the cgroups of etc/cgroups, gives it the ids of
 * etc/ids, makes the root in its namespaces (inside.c), and starts a watcher for a container that ends with its owner. With
 * SHARES_NETWORK in the environment init has the network namespace of this process. The watcher is this program, started as
 * "watch WATCHER ID": its standard input is a pipe whose write end only the owner holds. At end of file the watcher executes the
 * script WATCHER.
 */
#include "ids.h"
#include "inside.h"
#include "steps.h"
#include <asm/signal.h>
#include <linux/sched.h>

/* <linux/mount.h> does not have it. */
#define MNT_DETACH 2

#define STAT_BYTES 4096
#define PATH_BYTES 4096
#define GROUPS_BYTES 16384
/* Of /proc/PID/stat, counted from the one behind the name. proc(5) */
#define START_FIELD 20

const char hook_name[] = "hook-parent-after-clone.sh";
static const char watch_name[] = "watch";

static const char *variable(const char *const *environment, const char *head) {
    for (; *environment; environment++) {
        const char *value = after(*environment, head);
        if (value) return value;
    }
    return NULL;
}

/* Reads a file and appends a NUL; a file that does not fit is an error. */
static void read_text(const char *path, char *into, unsigned long size) {
    long fd = must(sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC), "cannot open", path);
    unsigned long length = 0;
    for (;;) {
        long got = must(sys(read, fd, into + length, size - length), "cannot read", path);
        if (got == 0) break;
        length += (unsigned long)got;
        if (length == size) fail("too long:", path, 0);
    }
    into[length] = 0;
    sys(close, fd);
}

static void write_text(const char *path, int flags, const char *text, unsigned long size) {
    long fd = must(sys(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC | flags, 0600), "cannot open", path);
    write_all((int)fd, text, size, path);
    sys(close, fd);
}

/* The process's start time in digits. The name, in brackets, may contain any byte. proc(5) */
static const char *start_time(const char *pid) {
    static char path[64], stat[STAT_BYTES];
    *put(put(put(path, "/proc/"), pid), "/stat") = 0;
    read_text(path, stat, sizeof stat);
    char *at = stat, *behind = stat;
    for (; *at; at++)
        if (*at == ')') behind = at + 1;
    at = behind;
    for (int field = 0; *at && field < START_FIELD; at++) field += *at == ' ';
    char *digits = at;
    while (*at >= '0' && *at <= '9') at++;
    if (at == digits) fail("there is no start time in", path, 0);
    *at = 0;
    return digits;
}

static void write_down(const char *pid) {
    static char line[64];
    char *at = put(line, pid);
    at = put(put(put(at, " "), start_time(pid)), "\n");
    write_text("run/wshd.pid", O_CREAT | O_TRUNC, line, (unsigned long)(at - line));
}

/* Each line is "CONTROLLER VERSION DIRECTORY". Init has started no process yet, so all of its children are in the groups. */
static void join_groups(const char *pid) {
    static char groups[GROUPS_BYTES], path[PATH_BYTES + 64];
    unsigned long size = 0;
    while (pid[size]) size++;
    read_text("etc/cgroups", groups, sizeof groups);
    for (char *at = groups; *at;) {
        for (int field = 0; *at && field < 2; at++) field += *at == ' ';
        char *directory = at;
        while (*at && *at != '\n') at++;
        if (*at) *at++ = 0;
        if (at - directory > PATH_BYTES) fail("too long:", directory, 0);
        *put(put(path, directory), "/cgroup.procs") = 0;
        write_text(path, 0, pid, size);
    }
}

/* The directory's name is the container's id. */
static const char *own_id(void) {
    static char directory[PATH_BYTES];
    must(sys(getcwd, directory, sizeof directory), "cannot find out the current directory", NULL);
    const char *id = directory;
    for (const char *at = directory; *at; at++)
        if (*at == '/') id = at + 1;
    return id;
}

/* Waits until the child has ended, and ends as it did. */
static void must_end_well(long child) {
    int status = 0;
    must(sys(wait4, child, &status, 0, NULL), "cannot wait for a process in the container", NULL);
    // The child has written why.
    if (status != 0) leave(1);
}

static long fork_or_fail(void) { return must(sys(clone, SIGCHLD, NULL, NULL, NULL, NULL), "cannot start a process", NULL); }

/* In a new user namespace the process is nobody until it takes an id of that. Supplementary groups stay where they must. */
static void become_root(const struct ids *ids) {
    if (ids->method != IDS_SINGLE) must(sys(setgroups, 0, NULL), "cannot leave the groups of the host", NULL);
    must(sys(setresgid, 0, 0, 0), "cannot become root of the container", NULL);
    must(sys(setresuid, 0, 0, 0), "cannot become root of the container", NULL);
}

/*
 * Init waits meanwhile, so that nothing of the container's runs yet. The host's files are reached as the host's root, or as the
 * user who made the container, before this process takes an id of the container's; and the container's directory by init's
 * current directory, which is in the container's mount namespace.
 */
static void set_up(const char *pid, const struct ids *ids, bool shares_network) {
    static char directory[64];
    bool has_own_ids = ids->method != IDS_OF_HOST;
    long child = fork_or_fail();
    if (child) return must_end_well(child);
    if (!read_steps("etc/steps")) fail("there is no etc/steps", NULL, 0);
    *put(put(put(directory, "/proc/"), pid), "/cwd") = 0;
    long inside = must(sys(openat, AT_FDCWD, directory, O_PATH | O_DIRECTORY | O_CLOEXEC), "cannot open", directory);
    long init = must(sys(pidfd_open, number(pid), 0), "cannot open the process", pid);
    unsigned long namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
    if (has_own_ids) namespaces |= CLONE_NEWUSER;
    // A user other than root may not enter the host's, in which this process is already.
    if (!shares_network) namespaces |= CLONE_NEWNET;
    must(sys(setns, init, namespaces), "cannot enter the namespaces of the process", pid);
    must(sys(fchdir, inside), "cannot enter the container's directory", NULL);
    // A PID namespace is that of the children: the mount of /proc is of the process that makes it.
    child = fork_or_fail();
    if (child) {
        must_end_well(child);
        leave(0);
    }
    if (has_own_ids) become_root(ids);
    make_root(has_own_ids);
    leave(0);
}

static void leave_watcher(const char *script, const char *const *environment) {
    static const char self[] = "/proc/self/exe";
    const char *const arguments[] = {watch_name, script, own_id(), NULL};
    if (must(sys(clone, SIGCHLD, NULL, NULL, NULL, NULL), "cannot start the watcher", script)) return;
    must(sys(execve, self, arguments, environment), "cannot execute", self);
}

/* Waits here instead of in the shell, whose start-up would double the time. Ignored signals stay ignored across execve(). */
static void watch(const char *const *arguments, const char *const *environment) {
    static const char shell[] = "/bin/sh";
    static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } ignore = {.handler = SIG_IGN};
    for (unsigned i = 0; i < sizeof ignored / sizeof *ignored; i++) sys(rt_sigaction, ignored[i], &ignore, NULL, sizeof ignore.mask);
    char byte;
    while (sys(read, 0, &byte, 1) > 0) {}
    must(sys(execve, shell, arguments, environment), "cannot execute", shell);
}

void begin(const char *const *arguments, const char *const *environment) {
    const char *rest = *arguments ? after(*arguments, watch_name) : NULL;
    if (rest && !*rest) watch(arguments, environment);
    const char *pid = variable(environment, "PID="), *watcher = variable(environment, "WATCHER=");
    if (!pid || number(pid) == 0) fail("PID is not in the environment", NULL, 0);
    write_down(pid);
    join_groups(pid);
    struct ids ids = read_ids();
    if (ids.method != IDS_OF_HOST) write_maps(&ids, pid, environment);
    set_up(pid, &ids, variable(environment, "SHARES_NETWORK=") != NULL);
    // The container has its copy of what hook-parent-before-clone.sh mounted. The watcher could not remove the directory below.
    if (ids.method == IDS_WRITE) must(sys(umount2, "root", MNT_DETACH), "cannot unmount", "root");
    if (watcher) leave_watcher(watcher, environment);
    leave(0);
}
