/* Which paths a program may name at all, whatever its module asks for. */
#include "host.h"
#include <asm/errno.h>

enum shape {
    /* This path. */
    FIXED,
    /* One of the program's arguments with this ending. */
    ARGUMENT,
    /* Any path with this ending: wshd's child, whose only argument is its title. */
    ENDING,
};

static const struct rule { const char *program; enum shape shape; const char *path; } rules[] = {
    {"wshd", FIXED, "/etc/passwd"},
    {"wshd", FIXED, "run"},
    {"wshd", FIXED, "lib"},
    {"wshd", FIXED, "root"},
    {"wshd", FIXED, "mnt"},
    {"wshd", ARGUMENT, ""},
    {"wshd", ENDING, "/wshd.sock"},
    {"wshd", ENDING, "/hook-parent-before-clone.sh"},
    {"wshd", ENDING, "/hook-parent-after-clone.sh"},
    {"wshd", ENDING, "/hook-child-before-pivot.sh"},
    {"wshd", ENDING, "/hook-child-after-pivot.sh"},
    {"wsh", FIXED, "run/wshd.sock"},
    {"wsh", ARGUMENT, ""},
    {"iomux-spawn", ARGUMENT, ""},
    {"iomux-spawn", ARGUMENT, "/stdout.sock"},
    {"iomux-spawn", ARGUMENT, "/stderr.sock"},
    {"iomux-spawn", ARGUMENT, "/status.sock"},
    {"iomux-link", ARGUMENT, "/stdout.sock"},
    {"iomux-link", ARGUMENT, "/stderr.sock"},
    {"iomux-link", ARGUMENT, "/status.sock"},
    {"iomux-link", ARGUMENT, ""},
    {"iomux-link", ARGUMENT, ".new"},
    {"oom", ARGUMENT, ""},
    {"oom", ARGUMENT, "/memory.oom_control"},
    {"oom", ARGUMENT, "/cgroup.event_control"},
    {"oom", ARGUMENT, "/memory.events"},
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

static bool of_arguments(const struct host *host, const char *path, const char *ending) {
    for (const char *const *argument = host->arguments; *argument; argument++) {
        if (joined(path, *argument, ending)) return true;
        // An option with its value in one: -wFILE.
        if ((*argument)[0] == '-' && (*argument)[1] && joined(path, *argument + 2, ending)) return true;
    }
    return false;
}

static bool ends_with(const char *path, const char *ending) {
    for (; *path; path++)
        if (same(path, ending)) return true;
    return false;
}

static bool fits(const struct host *host, const char *path, const struct rule *rule) {
    switch (rule->shape) {
    case FIXED: return same(path, rule->path);
    case ARGUMENT: return of_arguments(host, path, rule->path);
    default: return ends_with(path, rule->path);
    }
}

bool path_allowed(const struct host *host, const char *path) {
    for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (same(rules[i].program, host->program) && fits(host, path, &rules[i])) return true;
    }
    return false;
}

const char *allowed_path(const struct host *host, uint32_t at, int32_t *error) {
    const char *path = guest_string(host, at);
    *error = !path ? -EFAULT : -EACCES;
    return path && path_allowed(host, path) ? path : NULL;
}
