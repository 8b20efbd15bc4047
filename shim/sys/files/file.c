#include "../policy.h"
#include <asm/errno.h>
#include <asm/stat.h>
#include <linux/fcntl.h>

#define TYPE_MASK 0170000
#define TYPE_FILE 0100000

/* Empties a file, but none that has a second name: that is somebody else's, whom a hard link was made of. */
static long emptied(long fd) {
    struct stat info;
    long result = fd < 0 ? fd : sys(fstat, fd, &info);
    if (result >= 0 && fd >= 0 && (info.st_mode & TYPE_MASK) == TYPE_FILE) result = info.st_nlink > 1 ? -EEXIST : sys(ftruncate, fd, 0);
    if (result >= 0) return fd;
    if (fd >= 0) sys(close, fd);
    return result;
}

int32_t shim_open(struct host *host, uint32_t path, uint32_t how) {
    int32_t error;
    // Non-blocking: a FIFO at this path must not block the program. O_NOCTTY: no device becomes its terminal.
    static const struct {
        enum use use;
        int flags, mode;
    } ways[] = {
        [OPEN_READ] = {USE_READ, O_RDONLY, 0},
        [OPEN_REPLACE] = {USE_REPLACE, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600},
        [OPEN_APPEND] = {USE_APPEND, O_WRONLY | O_CREAT | O_APPEND, 0640},
        [OPEN_BOTH] = {USE_BOTH, O_RDWR, 0},
    };
    if (how > OPEN_BOTH) return -EINVAL;
    const char *name = allowed_path(host, path, ways[how].use, &error);
    if (!name) return error;
    long fd = sys(openat, AT_FDCWD, name, O_CLOEXEC | O_NONBLOCK | O_NOCTTY | ways[how].flags, ways[how].mode);
    return handle_for(host, how == OPEN_REPLACE ? emptied(fd) : fd);
}

int32_t shim_readAt(struct host *host, uint32_t handle, uint32_t at, uint32_t size, uint32_t offset_low, uint32_t offset_high) {
    int fd = fd_of(host, handle);
    void *buffer = guest(host, at, size);
    if (fd < 0) return fd;
    return buffer ? (int32_t)sys(pread64, fd, buffer, size, (uint64_t)offset_high << 32 | offset_low) : -EFAULT;
}

int32_t shim_fsync(struct host *host, uint32_t handle) {
    int fd = fd_of(host, handle);
    return fd < 0 ? fd : (int32_t)sys(fsync, fd);
}

int32_t shim_makeFifo(struct host *host, uint32_t path, uint32_t mode) {
    int32_t error;
    const char *name = allowed_path(host, path, USE_FIFO, &error);
    return name ? (int32_t)sys(mknodat, AT_FDCWD, name, 0010000 | (mode & 0777), 0) : error;
}

int32_t shim_makeLink(struct host *host, uint32_t target_at, uint32_t path) {
    int32_t error;
    const char *target = guest_string(host, target_at), *name = allowed_path(host, path, USE_LINK, &error);
    if (!name) return error;
    return target && target_at ? (int32_t)sys(symlinkat, target, AT_FDCWD, name) : -EFAULT;
}

int32_t shim_rename(struct host *host, uint32_t from, uint32_t to) {
    int32_t error;
    const char *name = allowed_path(host, from, USE_RENAME, &error);
    if (!name) return error;
    const char *target = allowed_path(host, to, USE_RENAMED, &error);
    return target ? (int32_t)sys(renameat2, AT_FDCWD, name, AT_FDCWD, target, 0) : error;
}

int32_t shim_unlink(struct host *host, uint32_t path) { return call_on_path(host, path, USE_UNLINK, __NR_unlinkat, 0); }
