/* Files by a directory's handle. No path leads out of the directory, whatever links it contains. */
#include "../policy.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>

/* The descriptor of a directory, or AT_FDCWD for the handle 0. */
static int directory_of(const struct host *host, uint32_t handle) { return handle ? fd_of(host, handle) : AT_FDCWD; }

/* A name in a directory; with the handle 0, a path that the program may use. On failure NULL, and *error. */
static const char *name_in(const struct host *host, uint32_t directory, uint32_t at, enum use use, int32_t *error) {
    *error = -EPERM;
    if (!is_runtime(host)) return NULL;
    if (!directory) return allowed_path(host, at, use, error);
    const char *name = guest_string(host, at);
    *error = fd_of(host, directory) < 0 ? -EBADF : -EFAULT;
    if (*error != -EFAULT || !name) return NULL;
    *error = -EINVAL;
    for (const char *byte = name; *byte; byte++)
        if (*byte == '/') return NULL;
    return name;
}

static uint64_t open_flags(uint32_t flags) {
    static const struct {
        uint32_t ours;
        int theirs;
    } names[] = {
        {OPENAT_PATH, O_PATH},
        {OPENAT_DIRECTORY, O_DIRECTORY},
        {OPENAT_CREATE, O_CREAT},
        {OPENAT_EXCLUSIVE, O_EXCL},
        {OPENAT_TRUNCATE, O_TRUNC},
        {OPENAT_APPEND, O_APPEND},
        {OPENAT_NOFOLLOW, O_NOFOLLOW},
    };
    // A descriptor opened with O_PATH has no other flags.
    uint64_t result = O_CLOEXEC | (flags & OPENAT_PATH ? 0 : O_NOCTTY | O_NONBLOCK);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (flags & names[i].ours) result |= (unsigned)names[i].theirs;
    return result | (flags & OPENAT_WRITE ? (flags & OPENAT_READ ? O_RDWR : O_WRONLY) : O_RDONLY);
}

int32_t shim_openAt(struct host *host, uint32_t directory, uint32_t path, uint32_t flags, uint32_t mode) {
    int32_t error;
    if (!is_runtime(host)) return -EPERM;
    bool writes = flags & (OPENAT_WRITE | OPENAT_CREATE | OPENAT_TRUNCATE);
    const char *name = directory ? guest_string(host, path) : allowed_path(host, path, writes ? USE_REPLACE : USE_READ, &error);
    if (!name) return directory ? -EFAULT : error;
    int fd = directory_of(host, directory);
    if (directory && fd < 0) return fd;
    struct open_how how = {
        .flags = open_flags(flags),
        .mode = flags & OPENAT_CREATE ? mode & 07777 : 0,
        .resolve = directory ? RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS : 0,
    };
    return handle_for(host, sys(openat2, fd, name, &how, sizeof how));
}

int32_t shim_makeDirectoryAt(struct host *host, uint32_t directory, uint32_t at, uint32_t mode) {
    int32_t error;
    const char *name = name_in(host, directory, at, USE_MAKE, &error);
    return name ? (int32_t)sys(mkdirat, directory_of(host, directory), name, mode) : error;
}

int32_t shim_makeNodeAt(struct host *host, uint32_t directory, uint32_t at, uint32_t mode, uint32_t major, uint32_t minor) {
    int32_t error;
    const char *name = name_in(host, directory, at, USE_MAKE, &error);
    // makedev(3), as mknodat(2) takes it.
    uint32_t device = (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffU) << 12;
    return name ? (int32_t)sys(mknodat, directory_of(host, directory), name, mode, device) : error;
}

int32_t shim_makeLinkAt(struct host *host, uint32_t target_at, uint32_t directory, uint32_t at) {
    int32_t error;
    const char *name = name_in(host, directory, at, USE_MAKE, &error), *target = guest_string(host, target_at);
    if (!name) return error;
    return target ? (int32_t)sys(symlinkat, target, directory_of(host, directory), name) : -EFAULT;
}

int32_t shim_removeAt(struct host *host, uint32_t directory, uint32_t at, uint32_t is_directory) {
    int32_t error;
    const char *name = name_in(host, directory, at, USE_REMOVE, &error);
    return name ? (int32_t)sys(unlinkat, directory_of(host, directory), name, is_directory ? AT_REMOVEDIR : 0) : error;
}

int32_t shim_renameAt(struct host *host, uint32_t directory, uint32_t from_at, uint32_t to_at) {
    int32_t error;
    const char *from = name_in(host, directory, from_at, USE_RENAME, &error);
    if (!from) return error;
    const char *to = name_in(host, directory, to_at, USE_RENAMED, &error);
    int fd = directory_of(host, directory);
    return to ? (int32_t)sys(renameat2, fd, from, fd, to, 0) : error;
}

int32_t shim_statAt(struct host *host, uint32_t directory, uint32_t at, uint32_t into) {
    int32_t error;
    const char *name = name_in(host, directory, at, USE_INSPECT, &error);
    struct statx *info = guest(host, into, sizeof *info);
    if (!name) return error;
    return info ? (int32_t)sys(statx, directory_of(host, directory), name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, info)
                : -EFAULT;
}

int32_t shim_readLinkAt(struct host *host, uint32_t directory, uint32_t at, uint32_t into, uint32_t size) {
    int32_t error;
    const char *name = name_in(host, directory, at, USE_INSPECT, &error);
    char *out = guest(host, into, size);
    if (!name) return error;
    return out ? (int32_t)sys(readlinkat, directory_of(host, directory), name, out, size) : -EFAULT;
}

int32_t shim_readDirectory(struct host *host, uint32_t handle, uint32_t at, uint32_t size) {
    int fd = fd_of(host, handle);
    void *into = guest(host, at, size);
    if (fd < 0) return fd;
    return into ? (int32_t)sys(getdents64, fd, into, size) : -EFAULT;
}

int32_t shim_changeOwner(struct host *host, uint32_t handle, uint32_t uid, uint32_t gid) {
    static const char itself[] = "";
    int fd = fd_of(host, handle);
    if (!is_runtime(host)) return -EPERM;
    return fd < 0 ? fd : (int32_t)sys(fchownat, fd, itself, uid, gid, AT_EMPTY_PATH);
}

int32_t shim_changeMode(struct host *host, uint32_t handle, uint32_t mode) {
    int fd = fd_of(host, handle);
    if (!is_runtime(host)) return -EPERM;
    return fd < 0 ? fd : (int32_t)sys(fchmod, fd, mode & 07777);
}

int32_t shim_enterDirectoryAt(struct host *host, uint32_t handle) {
    int fd = fd_of(host, handle);
    if (!is_runtime(host)) return -EPERM;
    return fd < 0 ? fd : (int32_t)sys(fchdir, fd);
}
