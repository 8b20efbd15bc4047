/* Which paths a program may name, and for what, whatever its module asks for. */
#include "policy.h"
#include <asm/errno.h>
#include <linux/fcntl.h>

enum shape {
    /* This path. */
    FIXED,
    /* One of the program's arguments with this ending. */
    ARGUMENT,
    /* One of the program's arguments in some directory: a command that is looked for. */
    FOUND,
    /* Any path with this ending: wshd's child, whose only argument is its title. */
    ENDING,
};

static const struct rule { const char *program; enum shape shape; const char *path; unsigned uses; } rules[] = {
    {"wshd", FIXED, "/etc/passwd", USE_READ},
    {"wshd", FIXED, "run", USE_INSPECT | USE_LOCATE},
    {"wshd", FIXED, "lib", USE_INSPECT | USE_LOCATE},
    {"wshd", FIXED, "root", USE_INSPECT | USE_LOCATE},
    {"wshd", ARGUMENT, "", USE_INSPECT | USE_LOCATE},
    {"wshd", ENDING, "/wshd.sock", USE_LISTEN | USE_UNLINK | USE_CONNECT | USE_INSPECT},
    {"wshd", ENDING, "/hook-parent-before-clone.sh", USE_INSPECT},
    {"wshd", ENDING, "/hook-parent-after-clone.sh", USE_INSPECT},
    {"wshd", ENDING, "/hook-child-before-pivot.sh", USE_INSPECT},
    {"wshd", ENDING, "/hook-child-after-pivot.sh", USE_INSPECT},
    {"wshd", FIXED, "mnt", USE_INSPECT | USE_MAKE | USE_REMOVE | USE_PIVOT},
    {"wshd", FIXED, "/mnt", USE_REMOVE | USE_ENTER},
    {"wshd", FIXED, ".", USE_PIVOT | USE_UNMOUNT},
    {"wshd", FIXED, "/", USE_ENTER},
    // Its job: a root that the parent tells, commands and home directories that clients and the container's users tell.
    {"wshd", ENDING, "", USE_ROOT | USE_RUN | USE_HOME},
    {"wsh", FIXED, "run/wshd.sock", USE_CONNECT},
    {"wsh", ARGUMENT, "", USE_CONNECT},
    {"iomux-spawn", ARGUMENT, "", USE_INSPECT | USE_RUN},
    {"iomux-spawn", FOUND, "", USE_RUN},
    {"iomux-spawn", ARGUMENT, "/stdout.sock", USE_LISTEN | USE_UNLINK},
    {"iomux-spawn", ARGUMENT, "/stderr.sock", USE_LISTEN | USE_UNLINK},
    {"iomux-spawn", ARGUMENT, "/status.sock", USE_LISTEN | USE_UNLINK | USE_CONNECT},
    {"iomux-link", ARGUMENT, "/stdout.sock", USE_CONNECT},
    {"iomux-link", ARGUMENT, "/stderr.sock", USE_CONNECT},
    {"iomux-link", ARGUMENT, "/status.sock", USE_CONNECT},
    {"iomux-link", ARGUMENT, "", USE_READ | USE_RENAMED},
    {"iomux-link", ARGUMENT, ".new", USE_REPLACE | USE_RENAME},
    {"oom", ARGUMENT, "", USE_INSPECT | USE_FOLLOW},
    {"oom", ARGUMENT, "/memory.oom_control", USE_INSPECT | USE_READ},
    {"oom", ARGUMENT, "/cgroup.event_control", USE_INSPECT | USE_REPLACE},
    {"oom", ARGUMENT, "/memory.events", USE_INSPECT | USE_READ | USE_FOLLOW},
};

static bool same(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

/* Whether `path` is `head` followed by `tail`. */
static bool joined(const char *path, const char *head, const char *tail) {
    for (; *head; head++, path++)
        if (*head != *path) return false;
    return same(path, tail);
}

static bool ends_with(const char *path, const char *ending) {
    for (; *path; path++)
        if (same(path, ending)) return true;
    return same(path, ending);
}

/* Whether `path` is `argument` in some directory. */
static bool found(const char *path, const char *argument) {
    for (; *path; path++)
        if (*path == '/' && same(path + 1, argument)) return true;
    return false;
}

/* Of the arguments the first is the program's own name. */
static bool of_arguments(const struct host *host, const char *path, const struct rule *rule) {
    const char *const *argument = host->arguments;
    if (!*argument) return false;
    while (*++argument) {
        if (rule->shape == FOUND ? found(path, *argument) : joined(path, *argument, rule->path)) return true;
        // An option with its value in one: -wFILE.
        if (rule->shape == ARGUMENT && (*argument)[0] == '-' && (*argument)[1] && joined(path, *argument + 2, rule->path)) return true;
    }
    return false;
}

static bool fits(const struct host *host, const char *path, const struct rule *rule) {
    switch (rule->shape) {
    case FIXED: return same(path, rule->path);
    case ENDING: return ends_with(path, rule->path);
    default: return of_arguments(host, path, rule);
    }
}

bool path_allowed(const struct host *host, const char *path, enum use use) {
    for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].uses & use && same(rules[i].program, host->program) && fits(host, path, &rules[i])) return true;
    }
    return false;
}

const char *allowed_path(const struct host *host, uint32_t at, enum use use, int32_t *error) {
    const char *path = guest_string(host, at);
    *error = !path ? -EFAULT : -EACCES;
    return path && path_allowed(host, path, use) ? path : NULL;
}

void note_given(struct host *host) {
    // The second stage of wshd gets its listener and its parent's socket, at the numbers of assembly/wshd/stages.ts.
    int most = same(host->program, "wshd") ? 5 : 3;
    for (int fd = 0; fd < most; fd++)
        if (sys(fcntl, fd, F_GETFD) >= 0) host->given |= 1U << fd;
}
