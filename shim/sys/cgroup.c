#include "policy.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/limits.h>

int32_t shim_counter(struct host *host) {
    return handle_for(host, sys(eventfd2, 0, O_CLOEXEC | O_NONBLOCK));
}

static char *number(char *at, int value) {
    if (value >= 10) at = number(at, value / 10);
    *at = (char)('0' + value % 10);
    return at + 1;
}

int32_t shim_cgroupNotify(struct host *host, uint32_t counter, uint32_t control, uint32_t event_control) {
    // "EVENTFD FD", in the numbers that only this side knows.
    char line[24], *end;
    int event = fd_of(host, counter), file = fd_of(host, control), target = fd_of(host, event_control);
    if (event < 0 || file < 0 || target < 0) return -EBADF;
    end = number(line, event);
    *end++ = ' ';
    end = number(end, file);
    return (int32_t)sys(write, target, line, end - line);
}

static long watch_in(long inotify, const char *directory, const char *name, uint32_t events) {
    char path[PATH_MAX];
    unsigned length = 0;
    for (const char *part = directory; *part; part++) {
        if (length == sizeof path - 1) return -ENAMETOOLONG;
        path[length++] = *part;
    }
    for (const char *part = name; *part; part++) {
        if (length == sizeof path - 1) return -ENAMETOOLONG;
        path[length++] = *part;
    }
    path[length] = 0;
    return sys(inotify_add_watch, inotify, path, events);
}

int32_t shim_follow(struct host *host, uint32_t file, uint32_t directory) {
    int32_t error;
    const char *name = allowed_path(host, file, USE_FOLLOW, &error);
    const char *group = name ? allowed_path(host, directory, USE_FOLLOW, &error) : NULL;
    if (!group) return error;
    long fd = sys(inotify_init1, O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return (int32_t)fd;
    long result = sys(inotify_add_watch, fd, name, IN_MODIFY);
    // The kernel tells of changes to a file at most every 10 ms. A group that has just lost its last process may be gone
    // by then; this file says at once that it has.
    if (result >= 0) result = watch_in(fd, group, "/cgroup.events", IN_MODIFY);
    // A removed cgroup tells nobody who watches it (kernfs sends no IN_DELETE_SELF); the directory above does.
    if (result >= 0) result = watch_in(fd, group, "/..", IN_DELETE | IN_ONLYDIR);
    if (result >= 0) return handle_for(host, fd);
    sys(close, fd);
    return (int32_t)result;
}
