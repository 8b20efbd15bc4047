/* Mounts by descriptors: no path is resolved again between a check and its use. */
#include "../policy.h"
#include <asm/errno.h>
#include <linux/fcntl.h>

// From <linux/mount.h>, whose names collide with a C library's.
#define FSOPEN_CLOEXEC_FLAG 1
#define FSMOUNT_CLOEXEC_FLAG 1
#define OPEN_TREE_CLONE_FLAG 1
#define MOVE_EMPTY_FROM 4
#define MOVE_EMPTY_TO 0x40
#define ATTRIBUTE_IDMAP 0x100000
enum { CONFIGURE_FLAG = 0, CONFIGURE_STRING = 1, CONFIGURE_CREATE = 6 };
struct attributes {
    uint64_t set, clear, propagation, user_namespace;
};

int32_t shim_openFileSystem(struct host *host, uint32_t type) {
    const char *name = guest_string(host, type);
    if (!is_runtime(host)) return -EPERM;
    return name ? handle_for(host, sys(fsopen, name, FSOPEN_CLOEXEC_FLAG)) : -EFAULT;
}

int32_t shim_configureFileSystem(struct host *host, uint32_t context, uint32_t key_at, uint32_t value_at) {
    int fd = fd_of(host, context);
    const char *key = guest_string(host, key_at), *value = guest_string(host, value_at);
    if (!is_runtime(host)) return -EPERM;
    if (fd < 0) return fd;
    if (!key || !value) return -EFAULT;
    if (!key_at) return (int32_t)sys(fsconfig, fd, CONFIGURE_CREATE, NULL, NULL, 0);
    return (int32_t)sys(fsconfig, fd, value_at ? CONFIGURE_STRING : CONFIGURE_FLAG, key, value_at ? value : NULL, 0);
}

int32_t shim_mountFileSystem(struct host *host, uint32_t context, uint32_t attributes) {
    int fd = fd_of(host, context);
    if (!is_runtime(host)) return -EPERM;
    return fd < 0 ? fd : handle_for(host, sys(fsmount, fd, FSMOUNT_CLOEXEC_FLAG, attributes));
}

int32_t shim_cloneMount(struct host *host, uint32_t handle, uint32_t recursive) {
    static const char itself[] = "";
    int fd = fd_of(host, handle);
    if (!is_runtime(host)) return -EPERM;
    if (fd < 0) return fd;
    return handle_for(host, sys(open_tree, fd, itself, OPEN_TREE_CLONE_FLAG | O_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0)));
}

int32_t shim_moveMount(struct host *host, uint32_t mount, uint32_t target) {
    static const char itself[] = "";
    int from = fd_of(host, mount), to = fd_of(host, target);
    if (!is_runtime(host)) return -EPERM;
    if (from < 0 || to < 0) return -EBADF;
    return (int32_t)sys(move_mount, from, itself, to, itself, MOVE_EMPTY_FROM | MOVE_EMPTY_TO);
}

int32_t shim_mapMount(struct host *host, uint32_t mount, uint32_t recursive, uint32_t namespace) {
    static const char itself[] = "";
    int fd = fd_of(host, mount), map = fd_of(host, namespace);
    if (!is_runtime(host)) return -EPERM;
    if (fd < 0 || map < 0) return -EBADF;
    struct attributes change = {ATTRIBUTE_IDMAP, 0, 0, (uint64_t)map};
    return (int32_t)sys(mount_setattr, fd, itself, AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &change, sizeof change);
}

int32_t shim_changeMount(struct host *host, uint32_t mount, uint32_t recursive, uint32_t set, uint32_t clear, uint32_t propagation) {
    static const char itself[] = "";
    struct attributes change = {set, clear, propagation, 0};
    int fd = fd_of(host, mount);
    if (!is_runtime(host)) return -EPERM;
    if (fd < 0) return fd;
    return (int32_t)sys(mount_setattr, fd, itself, AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &change, sizeof change);
}
