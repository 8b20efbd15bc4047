#include "policy.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/uio.h>

// <linux/fs.h> would bring names that a C library's headers have too.
#define SPLICE_MOVE 1
#define SPLICE_NONBLOCK 2
#define MESSAGE_DONTWAIT 0x40
#define MESSAGE_NOSIGNAL 0x4000
// inode(7), in octal; <linux/stat.h> hides them where a C library is in reach.
enum {
    TYPE_MASK = 0170000,
    TYPE_SOCKET = 0140000,
    TYPE_FILE = 0100000,
    TYPE_DIRECTORY = 0040000,
    TYPE_CHARACTER = 0020000,
    TYPE_PIPE = 0010000,
    STICKY = 0001000
};

int32_t shim_read(struct host *host, uint32_t handle, uint32_t at, uint32_t size) {
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    void *buffer = guest(host, at, size);
    if (!buffer) return -EFAULT;
    if (host->handles[handle].shared_socket) return (int32_t)sys(recvfrom, fd, buffer, size, MESSAGE_DONTWAIT, NULL, NULL);
    return (int32_t)sys(read, fd, buffer, size);
}

int32_t shim_write(struct host *host, uint32_t handle, uint32_t at, uint32_t size) {
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    const void *buffer = guest(host, at, size);
    if (!buffer) return -EFAULT;
    if (host->handles[handle].shared_socket) return (int32_t)sys(sendto, fd, buffer, size, MESSAGE_DONTWAIT | MESSAGE_NOSIGNAL, NULL, 0);
    return (int32_t)sys(write, fd, buffer, size);
}

/* readv(2) or writev(2), by the number of the system call. */
static int32_t in_two_parts(
    long call, struct host *host, uint32_t handle, uint32_t at, uint32_t size, uint32_t then_at, uint32_t then_size) {
    struct iovec both[2] = {{guest(host, at, size), size}, {guest(host, then_at, then_size), then_size}};
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    if (!both[0].iov_base || !both[1].iov_base) return -EFAULT;
    return (int32_t)sys6(call, fd, (long)both, 2, 0, 0, 0);
}

int32_t shim_readv(struct host *host, uint32_t handle, uint32_t at, uint32_t size, uint32_t then_at, uint32_t then_size) {
    return in_two_parts(__NR_readv, host, handle, at, size, then_at, then_size);
}

int32_t shim_writev(struct host *host, uint32_t handle, uint32_t at, uint32_t size, uint32_t then_at, uint32_t then_size) {
    return in_two_parts(__NR_writev, host, handle, at, size, then_at, then_size);
}

int32_t shim_splice(struct host *host, uint32_t from, uint32_t to, uint32_t size) {
    int in = fd_of(host, from), out = fd_of(host, to);
    if (in < 0 || out < 0) return -EBADF;
    return (int32_t)sys(splice, in, NULL, out, NULL, size, SPLICE_MOVE | SPLICE_NONBLOCK);
}

int32_t shim_bytesAvailable(struct host *host, uint32_t handle) {
    int bytes = 0, fd = fd_of(host, handle);
    if (fd < 0) return fd;
    long result = sys(ioctl, fd, FIONREAD, &bytes);
    return result < 0 ? (int32_t)result : bytes;
}

static int32_t file_type(unsigned mode) {
    switch (mode & TYPE_MASK) {
    case TYPE_FILE: return FILE_TYPE_FILE;
    case TYPE_DIRECTORY: return FILE_TYPE_DIRECTORY;
    case TYPE_PIPE: return FILE_TYPE_PIPE;
    case TYPE_SOCKET: return FILE_TYPE_SOCKET;
    default: return FILE_TYPE_OTHER;
    }
}

static int32_t file_type_of(int fd) {
    struct stat info;
    struct termios settings;
    long result = sys(fstat, fd, &info);
    if (result < 0) return (int32_t)result;
    if ((info.st_mode & TYPE_MASK) == TYPE_CHARACTER && sys(ioctl, fd, TCGETS, &settings) == 0) return FILE_TYPE_TERMINAL;
    return file_type(info.st_mode);
}

int32_t shim_handleType(struct host *host, uint32_t handle) {
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    int32_t type = file_type_of(fd);
    if (type < 0) return type;
    long mode = sys(fcntl, fd, F_GETFL) & O_ACCMODE;
    return type | (mode != O_WRONLY ? CAN_READ : 0) | (mode != O_RDONLY ? CAN_WRITE : 0);
}

int32_t shim_pathType(struct host *host, uint32_t path) {
    struct stat info;
    int32_t error;
    const char *name = allowed_path(host, path, USE_INSPECT, &error);
    if (!name) return error;
    long result = sys(newfstatat, AT_FDCWD, name, &info, 0);
    if (result < 0) return (int32_t)result;
    return file_type(info.st_mode) | ((info.st_mode & (TYPE_MASK | STICKY)) == (TYPE_SOCKET | STICKY) ? MARKED : 0);
}

static long set_nonblocking(int fd) {
    long flags = sys(fcntl, fd, F_GETFL);
    return flags < 0 ? flags : sys(fcntl, fd, F_SETFL, flags | O_NONBLOCK);
}

void proc_path(char path[32], int fd) {
    static const char directory[] = "/proc/self/fd/";
    char digits[12];
    unsigned length = 0, at = 0;
    for (; directory[at]; at++) path[at] = directory[at];
    do digits[length++] = (char)('0' + fd % 10);
    while (fd /= 10);
    while (length) path[at++] = digits[--length];
    path[at] = 0;
}

/* Opens the same pipe or terminal again: O_NONBLOCK on a shared open file description would affect a shell or a sibling. */
static long own_description(int fd) {
    char path[32];
    unsigned number;
    // Opening a pty's master through /proc makes another pty: pty(7). Only a master has the number of its slave.
    if (sys(ioctl, fd, TIOCGPTN, &number) >= 0) return -ENOTTY;
    long mode = sys(fcntl, fd, F_GETFL);
    proc_path(path, fd);
    return sys(openat, AT_FDCWD, path, (mode & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

int32_t take_descriptor(struct host *host, int fd, bool keep) {
    int32_t type = file_type_of(fd);
    if (type < 0) return type;
    long own = type == FILE_TYPE_PIPE || type == FILE_TYPE_TERMINAL ? own_description(fd) : -EINVAL;
    if (own < 0) {
        own = sys(fcntl, fd, F_DUPFD_CLOEXEC, 3);
        // Without access to /proc, fall back to the shared open file description.
        if (type == FILE_TYPE_PIPE || type == FILE_TYPE_TERMINAL) set_nonblocking((int)own);
    }
    int32_t handle = handle_for(host, own);
    if (handle < 0) return handle;
    host->handles[handle].shared_socket = type == FILE_TYPE_SOCKET;
    if (!keep) sys(close, fd);
    return handle;
}

int32_t shim_adoptFd(struct host *host, uint32_t fd) {
    // Other numbers belong to the host or to handles.
    if (fd >= 32 || !(host->inheritable_fds >> fd & 1)) return -EBADF;
    int32_t handle = take_descriptor(host, (int)fd, fd == 2);
    if (handle >= 0 && fd != 2) host->inheritable_fds &= ~(1U << fd);
    return handle;
}

int32_t shim_pipe(struct host *host, uint32_t handles_at) {
    int fds[2];
    long result = sys(pipe2, fds, O_CLOEXEC);
    if (result >= 0) result = handle_pair(host, handles_at, fds);
    if (result < 0) return (int32_t)result;
    const guest_u32 *pair = guest(host, handles_at, 2 * sizeof *pair);
    host->handles[pair[0]].own_pipe = host->handles[pair[1]].own_pipe = true;
    return 0;
}

int32_t shim_setNonblocking(struct host *host, uint32_t handle) {
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    return (int32_t)set_nonblocking(fd);
}

int32_t shim_setPipeSize(struct host *host, uint32_t handle, uint32_t size) {
    int fd = fd_of(host, handle);
    return fd < 0 ? fd : (int32_t)sys(fcntl, fd, F_SETPIPE_SZ, size);
}

int32_t shim_tagPipe(struct host *host, uint32_t handle, uint32_t value) {
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    // Never change the mode of a file or of another process's FIFO.
    return host->handles[handle].own_pipe ? (int32_t)sys(fchmod, fd, value & 0777) : -EPERM;
}

int32_t shim_pipeTag(struct host *host, uint32_t handle) {
    struct stat info;
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    long result = sys(fstat, fd, &info);
    return result < 0 ? (int32_t)result : (int32_t)(info.st_mode & 0777);
}

int32_t shim_realpath(struct host *host, uint32_t path, uint32_t at, uint32_t size) {
    char link[32];
    int32_t error;
    const char *name = allowed_path(host, path, USE_LOCATE, &error);
    char *out = guest(host, at, size);
    if (!name) return error;
    if (!out || size == 0) return -EFAULT;
    long fd = sys(openat, AT_FDCWD, name, O_PATH | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0) return (int32_t)fd;
    proc_path(link, (int)fd);
    long length = sys(readlinkat, AT_FDCWD, link, out, size - 1);
    sys(close, fd);
    if (length >= 0) out[length] = 0;
    return (int32_t)length;
}
