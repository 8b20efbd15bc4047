#include "policy.h"
#include <asm/errno.h>
#include <linux/bpf.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/limits.h>

int32_t shim_eventfd(struct host *host) { return handle_for(host, sys(eventfd2, 0, O_CLOEXEC | O_NONBLOCK)); }

static char *number(char *at, int value) {
    if (value >= 10) at = number(at, value / 10);
    *at = (char)('0' + value % 10);
    return at + 1;
}

int32_t shim_cgroupNotify(struct host *host, uint32_t eventfd, uint32_t control, uint32_t event_control) {
    // "EVENTFD FD": descriptor numbers, which the module does not know.
    char line[24], *end;
    int event = fd_of(host, eventfd), file = fd_of(host, control), target = fd_of(host, event_control);
    if (event < 0 || file < 0 || target < 0) return -EBADF;
    end = number(line, event);
    *end++ = ' ';
    end = number(end, file);
    return (int32_t)sys(write, target, line, end - line);
}

/* Appends to a text of PATH_MAX bytes, from `length` on; returns the new length, or -ENAMETOOLONG. */
static long append(char text[PATH_MAX], long length, const char *more) {
    for (; *more && length >= 0; more++) {
        if (length == PATH_MAX - 1) return -ENAMETOOLONG;
        text[length++] = *more;
    }
    if (length >= 0) text[length] = 0;
    return length;
}

static long watch_in(long inotify, const char *directory, const char *name, uint32_t events) {
    char path[PATH_MAX];
    long length = append(path, append(path, 0, directory), name);
    return length < 0 ? length : sys(inotify_add_watch, inotify, path, events);
}

int32_t shim_watchMemoryEvents(struct host *host, uint32_t file, uint32_t directory) {
    int32_t error;
    const char *name = allowed_path(host, file, USE_FOLLOW, &error);
    const char *group = name ? allowed_path(host, directory, USE_FOLLOW, &error) : NULL;
    if (!group) return error;
    long fd = sys(inotify_init1, O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return (int32_t)fd;
    long result = sys(inotify_add_watch, fd, name, IN_MODIFY);
    // The kernel reports changes to a file at most every 10 ms. A group without processes may be removed before the next
    // report; cgroup.events reports at once that the group is empty.
    if (result >= 0) result = watch_in(fd, group, "/cgroup.events", IN_MODIFY);
    // kernfs sends no IN_DELETE_SELF for a removed cgroup; its parent directory sends IN_DELETE.
    if (result >= 0) result = watch_in(fd, group, "/..", IN_DELETE | IN_ONLYDIR);
    if (result >= 0) return handle_for(host, fd);
    sys(close, fd);
    return (int32_t)result;
}

int32_t shim_attachDeviceFilter(struct host *host, uint32_t group, uint32_t at, uint32_t count) {
    static const char license[] = "Dual MIT/GPL";
    int fd = fd_of(host, group);
    if (!is_runtime(host)) return -EPERM;
    if (fd < 0) return fd;
    const void *instructions = count < BPF_MAXINSNS ? guest(host, at, count * sizeof(struct bpf_insn)) : NULL;
    if (!instructions) return -EFAULT;
    union bpf_attr attributes = {
        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
        .insns = (uint64_t)(uintptr_t)instructions,
        .insn_cnt = count,
        .license = (uint64_t)(uintptr_t)license,
    };
    long program = sys(bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
    if (program < 0) return (int32_t)program;
    union bpf_attr attachment = {0};
    attachment.target_fd = (unsigned)fd;
    attachment.attach_bpf_fd = (unsigned)program;
    attachment.attach_type = BPF_CGROUP_DEVICE;
    attachment.attach_flags = BPF_F_ALLOW_MULTI;
    long result = sys(bpf, BPF_PROG_ATTACH, &attachment, sizeof attachment);
    sys(close, program);
    return (int32_t)result;
}
