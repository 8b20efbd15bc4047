/*
 * hook-parent-after-clone.sh of the library: on the host, in the container's directory, it writes down the container's first
 * process, whose pid is in the environment, puts it into the cgroups of etc/cgroups, and leaves a watcher behind for a
 * container that ends with its owner. That is this program again, as "watch WATCHER ID": standard input is a pipe whose other
 * end only the owner holds. Nothing ever comes from there, it just ends, and then the script WATCHER takes over.
 */
#include "hook.h"
#include <asm/signal.h>

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

/* The file's text with a NUL behind it; one that does not fit is an error. */
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

/* The start time in digits; the name, in brackets, may hold anything. */
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

/* "CONTROLLER VERSION DIRECTORY" a line. The process runs nothing yet: all that it ever starts is in these groups, too. */
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

static void leave_watcher(const char *script, const char *const *environment) {
    static const char self[] = "/proc/self/exe";
    const char *const arguments[] = {watch_name, script, own_id(), NULL};
    if (must(sys(fork), "cannot start the watcher", script)) return;
    must(sys(execve, self, arguments, environment), "cannot execute", self);
}

/* A shell would take as long to start as all of the above; this waits instead of it, and what it ignores the shell does, too. */
static void watch(const char *const *arguments, const char *const *environment) {
    static const char shell[] = "/bin/sh";
    static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct { void (*handler)(int); unsigned long flags; void (*restorer)(void); unsigned long mask; } ignore = {.handler = SIG_IGN};
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
    if (watcher) leave_watcher(watcher, environment);
    leave(0);
}
