/* The paths that each program may name, and their purposes. The module cannot change them. */
#include "policy.h"
#include <asm/errno.h>
#include <linux/fcntl.h>

enum shape {
    /* This path. */
    FIXED,
    /* One of the program's arguments with this ending. */
    ARGUMENT,
    /* The same, or the text after a '=' or ':' in an argument: --bundle=PATH, k8s-file:PATH. */
    VALUE,
    /* Such a value, '.', and one to four digits: older files of a log. */
    NUMBERED,
    /* The value of an option before the first operand, and this ending, in which # stands for any digit: no word of a COMMAND. */
    OPTION,
    /* Such a value, '/', and another such value with this ending. */
    INSIDE,
    /* This text, then such a value: a file that is named after a container. */
    NAMED,
    /* One of the program's arguments in some directory: a command that is searched in PATH. */
    FOUND,
    /* The argument behind this one, before any "--". */
    BEHIND,
    /* The value of this environment variable. */
    VARIABLE,
    /* DEPOT/HOST and this ending: the depot is the value of WARDEN_DEPOT, else /run/warden; HOST is an argument, or stands behind its '@'. */
    DEPOT,
    /* Any path with this ending: the arguments of wshd's child do not name its paths. */
    ENDING,
};

static const struct rule {
    const char *program;
    enum shape shape;
    const char *path;
    unsigned uses;
} rules[] = {
    {"wshd", FIXED, "/etc/passwd", USE_READ},
    {"wshd", FIXED, "/etc/group", USE_READ},
    {"wshd", FIXED, "run", USE_INSPECT | USE_LOCATE | USE_STARTING},
    {"wshd", FIXED, "lib", USE_INSPECT | USE_LOCATE | USE_STARTING},
    {"wshd", FIXED, "root", USE_INSPECT | USE_LOCATE | USE_STARTING},
    {"wshd", ARGUMENT, "", USE_INSPECT | USE_LOCATE | USE_STARTING},
    {"wshd", ENDING, "/wshd.sock", USE_LISTEN | USE_UNLINK | USE_CONNECT | USE_INSPECT | USE_STARTING},
    {"wshd", ENDING, "/hook-parent-before-clone.sh", USE_INSPECT | USE_STARTING},
    {"wshd", ENDING, "/hook-parent-after-clone.sh", USE_INSPECT | USE_STARTING},
    {"wshd", ENDING, "/hook-child-before-pivot.sh", USE_INSPECT | USE_STARTING},
    {"wshd", ENDING, "/hook-child-after-pivot.sh", USE_INSPECT | USE_STARTING},
    {"wshd", FIXED, "mnt", USE_INSPECT | USE_MAKE | USE_REMOVE | USE_PIVOT | USE_STARTING},
    {"wshd", FIXED, "/mnt", USE_REMOVE | USE_ENTER | USE_STARTING},
    {"wshd", FIXED, ".", USE_PIVOT | USE_UNMOUNT | USE_STARTING},
    {"wshd", FIXED, "/", USE_ENTER | USE_STARTING},
    // The parent names the root, clients the commands, /etc/passwd the home directories.
    {"wshd", ENDING, "", USE_ROOT | USE_STARTING},
    {"wshd", ENDING, "", USE_RUN | USE_HOME},
    {"wshd", FIXED, "/proc/self/oom_score_adj", USE_REPLACE | USE_STARTING},
    // --filter FILE
    {"wshd", ARGUMENT, "", USE_READ | USE_STARTING},
    // Its job: whatever config.json names. Only the state directory and the files that its arguments name are written to by
    // a path; all else by a directory's handle.
    {"warden-runtime", ENDING, "", USE_READ | USE_REPLACE | USE_INSPECT | USE_LOCATE | USE_MAKE | USE_REMOVE},
    {"warden-runtime", ENDING, "", USE_RENAME | USE_RENAMED | USE_RUN | USE_HOME | USE_CONNECT | USE_ENTER},
    {"warden-runtime", FIXED, ".", USE_PIVOT | USE_UNMOUNT},
    {"wsh", FIXED, "run/wshd.sock", USE_CONNECT | USE_INSPECT},
    {"wsh", BEHIND, "--socket", USE_CONNECT | USE_INSPECT},
    // --ssh: a container of the depot, or the socket that the environment names.
    {"wsh", DEPOT, "/run/wshd.sock", USE_CONNECT | USE_INSPECT},
    {"wsh", VARIABLE, "WSH_SOCKET=", USE_CONNECT | USE_INSPECT},
    {"iomux-spawn", ARGUMENT, "", USE_INSPECT | USE_RUN},
    {"iomux-spawn", FOUND, "", USE_RUN},
    {"iomux-spawn", ARGUMENT, "/stdout.sock", USE_LISTEN | USE_UNLINK},
    {"iomux-spawn", ARGUMENT, "/stderr.sock", USE_LISTEN | USE_UNLINK},
    {"iomux-spawn", ARGUMENT, "/status.sock", USE_LISTEN | USE_UNLINK | USE_CONNECT},
    // The log, its older files, and the exit file.
    {"iomux-spawn", OPTION, "", USE_APPEND | USE_RENAME | USE_RENAMED},
    {"iomux-spawn", OPTION, ".new", USE_REPLACE | USE_RENAME},
    {"iomux-spawn", OPTION, ".#", USE_RENAME | USE_RENAMED},
    {"iomux-spawn", OPTION, ".##", USE_RENAME | USE_RENAMED},
    {"iomux-spawn", OPTION, ".###", USE_RENAME | USE_RENAMED},
    {"iomux-spawn", OPTION, ".####", USE_RENAME | USE_RENAMED},
    {"iomux-link", ARGUMENT, "/stdout.sock", USE_CONNECT},
    {"iomux-link", ARGUMENT, "/stderr.sock", USE_CONNECT},
    {"iomux-link", ARGUMENT, "/status.sock", USE_CONNECT},
    {"iomux-link", ARGUMENT, "", USE_READ | USE_RENAMED},
    {"iomux-link", ARGUMENT, ".new", USE_REPLACE | USE_RENAME},
    {"monitor", FIXED, "/proc/self/exe", USE_RUN},
    {"monitor", FIXED, "/proc/self/oom_score_adj", USE_REPLACE},
    {"monitor", FIXED, "/dev/null", USE_BOTH},
    {"monitor", FIXED, "/run/systemd/journal/socket", USE_CONNECT},
    // Whether one of them is a terminal.
    {"monitor", FIXED, "/proc/self/fd/0", USE_READ},
    {"monitor", FIXED, "/proc/self/fd/1", USE_READ},
    {"monitor", FIXED, "/proc/self/fd/2", USE_READ},
    // The container's control group, and whether it ran out of memory.
    {"monitor", ENDING, "/cgroup", USE_READ},
    {"monitor", ENDING, "/memory.oom_control", USE_READ},
    {"monitor", ENDING, "/memory.events", USE_READ},
    // Without --bundle and --container-pidfile.
    {"monitor", FIXED, "./attach", USE_LISTEN | USE_UNLINK},
    {"monitor", FIXED, "./ctl", USE_FIFO | USE_BOTH | USE_UNLINK},
    {"monitor", FIXED, "./winsz", USE_FIFO | USE_BOTH | USE_UNLINK},
    {"monitor", FIXED, "./oom", USE_REPLACE},
    {"monitor", NAMED, "./pidfile-", USE_READ},
    {"monitor", ENDING, ".conmon-term", USE_LISTEN | USE_UNLINK},
    // The runtime, the exit command, the log, the pid files: all are values of options.
    {"monitor", VALUE, "", USE_INSPECT | USE_READ | USE_RUN | USE_APPEND | USE_RENAME | USE_RENAMED},
    {"monitor", VALUE, ".new", USE_REPLACE | USE_RENAME},
    {"monitor", NUMBERED, "", USE_RENAME | USE_RENAMED},
    {"monitor", VALUE, "/attach", USE_LISTEN | USE_UNLINK},
    {"monitor", VALUE, "/ctl", USE_FIFO | USE_BOTH | USE_UNLINK},
    {"monitor", VALUE, "/winsz", USE_FIFO | USE_BOTH | USE_UNLINK},
    {"monitor", VALUE, "/oom", USE_REPLACE},
    // --sdnotify-socket, and the container's.
    {"monitor", VALUE, "", USE_CONNECT},
    {"monitor", VALUE, "/notify/notify.sock", USE_LISTEN | USE_UNLINK},
    {"monitor", FIXED, "./notify/notify.sock", USE_LISTEN | USE_UNLINK},
    {"monitor", VALUE, "/exit", USE_RENAMED},
    {"monitor", VALUE, "/exit.new", USE_REPLACE | USE_RENAME},
    // EXIT-DIR/ID, and SOCKET-DIR/UUID, a link to the bundle.
    {"monitor", INSIDE, "", USE_RENAMED | USE_LINK | USE_UNLINK},
    {"monitor", INSIDE, ".new", USE_REPLACE | USE_RENAME},
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

/* Skips the first argument, the program's own name. */
static bool of_arguments(const struct host *host, const char *path, const struct rule *rule) {
    const char *const *argument = host->arguments;
    if (!*argument) return false;
    while (*++argument) {
        if (rule->shape == FOUND ? found(path, *argument) : joined(path, *argument, rule->path)) return true;
        // An option and its value in one argument: -wFILE.
        if (rule->shape == ARGUMENT && (*argument)[0] == '-' && (*argument)[1] && (*argument)[2] && joined(path, *argument + 2, rule->path))
            return true;
    }
    return false;
}

/* The next value in an argument after `from`; NULL if there is none. */
static const char *next_value(const char *from) {
    for (; *from; from++)
        if (*from == '=' || *from == ':') return from + 1;
    return NULL;
}

/* Whether the rest of a path is `tail`, in which # stands for any digit. */
static bool ends_as(const char *rest, const char *tail) {
    while (*tail && (*rest == *tail || (*tail == '#' && *rest >= '0' && *rest <= '9'))) rest++, tail++;
    return !*rest && !*tail;
}

/* Whether `path` is an argument's value followed by `tail`; with `inside`, by '/', another argument's value, and `tail`. */
static bool of_values(const struct host *host, const char *path, const char *tail, bool inside) {
    const char *const *argument = host->arguments;
    if (!*argument) return false;
    while (*++argument) {
        const char *value = *argument;
        // An option and its value in one argument: -bDIRECTORY.
        if (value[0] == '-' && value[1] && value[1] != '-') value += 2;
        for (; value; value = next_value(value)) {
            if (!*value) continue;
            const char *rest = path;
            for (const char *at = value; *at && rest; at++) rest = *rest == *at ? rest + 1 : NULL;
            if (!rest) continue;
            if (!inside ? ends_as(rest, tail) : *rest == '/' && of_values(host, rest + 1, tail, false)) return true;
        }
    }
    return false;
}

/* Whether `path` is `value` followed by `tail`. */
static bool is_value(const char *path, const char *value, const char *tail) {
    for (; *value; value++, path++)
        if (*value != *path) return false;
    return ends_as(path, tail);
}

/* The options end before the first word that begins with no '-', or at "--". */
static bool of_options(const struct host *host, const char *path, const char *tail) {
    if (!*host->arguments) return false;
    for (const char *const *argument = host->arguments + 1; *argument; argument++) {
        if ((*argument)[0] != '-' || same(*argument, "--")) return false;
        const char *value = next_value(*argument);
        if (!value) value = *++argument;
        if (!value) return false;
        if (is_value(path, value, tail)) return true;
    }
    return false;
}

static bool behind_option(const struct host *host, const char *path, const char *option) {
    if (!*host->arguments) return false;
    for (const char *const *argument = host->arguments + 1; *argument && !same(*argument, "--"); argument++)
        if (same(*argument, option) && argument[1] && same(path, argument[1])) return true;
    return false;
}

/* Whether the variable, "NAME=", has this value. */
static bool of_environment(const struct host *host, const char *path, const char *variable) {
    for (const char *const *entry = host->environment; *entry; entry++)
        if (joined(*entry, variable, path)) return true;
    return false;
}

/* The part of `path` after `head`; NULL if `path` does not begin with `head`. */
static const char *behind(const char *path, const char *head) {
    while (*head && *head == *path) head++, path++;
    return *head ? NULL : path;
}

/* Whether `name` is a container's directory followed by `tail`, and the container is an argument: HOST or USER@HOST. */
static bool of_hosts(const struct host *host, const char *name, const char *tail) {
    if (*name == '.' || *name == '/' || !*host->arguments) return false;
    for (const char *const *argument = host->arguments + 1; *argument; argument++) {
        const char *end = *argument;
        for (const char *at = end; *at; at++)
            if (*at == '@') end = at + 1;
        for (const char *at = end; *at && end; at++)
            if (*at == '/') end = NULL;
        if (end && *end && joined(name, end, tail)) return true;
    }
    return false;
}

static bool in_depot(const struct host *host, const char *path, const char *tail) {
    const char *depot = "/run/warden";
    for (const char *const *entry = host->environment; *entry; entry++) {
        const char *value = behind(*entry, "WARDEN_DEPOT=");
        if (value) depot = value;
    }
    const char *rest = behind(path, depot);
    return rest && *rest == '/' && of_hosts(host, rest + 1, tail);
}

static const char *const numbers[] = {".#", ".##", ".###", ".####"};

static bool fits(const struct host *host, const char *path, const struct rule *rule) {
    switch (rule->shape) {
    case FIXED: return same(path, rule->path);
    case VALUE: return of_values(host, path, rule->path, false);
    case NUMBERED:
        for (unsigned i = 0; i < 4; i++)
            if (of_values(host, path, numbers[i], false)) return true;
        return false;
    case OPTION: return of_options(host, path, rule->path);
    case NAMED: {
        const char *rest = behind(path, rule->path);
        return rest && of_values(host, rest, "", false);
    }
    case INSIDE: return of_values(host, path, rule->path, true);
    case ENDING: return ends_with(path, rule->path);
    case DEPOT: return in_depot(host, path, rule->path);
    case BEHIND: return behind_option(host, path, rule->path);
    case VARIABLE: return of_environment(host, path, rule->path);
    default: return of_arguments(host, path, rule);
    }
}

bool path_allowed(const struct host *host, const char *path, enum use use) {
    for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].uses & USE_STARTING && host->stdio_closed) continue;
        if (rules[i].uses & use && same(rules[i].program, host->program) && fits(host, path, &rules[i])) return true;
    }
    return false;
}

const char *allowed_path(const struct host *host, uint32_t at, enum use use, int32_t *error) {
    const char *path = guest_string(host, at);
    *error = !path ? -EFAULT : -EACCES;
    return path && path_allowed(host, path, use) ? path : NULL;
}

bool is_runtime(const struct host *host) { return host->alone && same(host->program, "warden-runtime"); }

bool is_starting_wshd(const struct host *host) { return host->alone && !host->stdio_closed && same(host->program, "wshd"); }

bool is_starting_init(const struct host *host) { return is_starting_wshd(host) && sys(getpid) == 1; }

int32_t call_on_path(const struct host *host, uint32_t path, enum use use, long number, long argument) {
    int32_t error;
    const char *name = allowed_path(host, path, use, &error);
    return name ? (int32_t)sys6(number, AT_FDCWD, (long)name, argument, 0, 0, 0) : error;
}

void note_inheritable_fds(struct host *host) {
    // The second stage of wshd gets its listener, its parent's socket and a filter, at the numbers of assembly/programs/wshd/handshake.ts.
    // A monitor gets pipes at numbers that its environment names, behind those that it hands on; a runtime those that it keeps.
    int most = same(host->program, "wshd") ? 6 : same(host->program, "monitor") || same(host->program, "warden-runtime") ? GIVEN_MAX : 3;
    for (int fd = 0; fd < most; fd++)
        if (sys(fcntl, fd, F_GETFD) >= 0) host->inheritable_fds |= 1U << fd;
}
