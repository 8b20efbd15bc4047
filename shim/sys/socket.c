#include "policy.h"
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/un.h>

#define FAMILY_UNIX 1
#define STREAM 1
#define DATAGRAMS 2
#define SEQUENCED_PACKETS 5
#define NONBLOCK_CLOEXEC (O_NONBLOCK | O_CLOEXEC)
#define MESSAGE_DONTWAIT 0x40
#define MESSAGE_TRUNCATED_HANDLES 0x08
#define MESSAGE_NOSIGNAL 0x4000
#define MESSAGE_CLOEXEC 0x40000000
#define RIGHTS 1

/* struct msghdr and cmsghdr of recvmsg(2) and cmsg(3): the kernel's public headers do not define them. */
struct message {
    void *name;
    int name_size;
    struct {
        const void *base;
        uint64_t size;
    } * vectors;
    uint64_t vector_count;
    void *control;
    uint64_t control_size;
    unsigned flags;
};
struct control {
    uint64_t size;
    int level, type;
    int fds[MESSAGE_HANDLES_MAX];
};
#define CONTROL_BYTES(count) (offsetof(struct control, fds) + (count) * sizeof(int))

static long address(struct sockaddr_un *to, const char *path) {
    unsigned length = 0;
    for (; path[length]; length++) {
        if (length == sizeof to->sun_path - 1) return -ENAMETOOLONG;
        to->sun_path[length] = path[length];
    }
    to->sun_path[length] = 0;
    to->sun_family = FAMILY_UNIX;
    return 0;
}

/* Makes a socket for an allowed path, and the path's address. Returns the descriptor or a negated errno. */
static long unix_socket(const struct host *host, uint32_t path, enum use use, int type, struct sockaddr_un *at) {
    int32_t error;
    const char *name = allowed_path(host, path, use, &error);
    if (!name) return error;
    long result = address(at, name);
    return result < 0 ? result : sys(socket, FAMILY_UNIX, type | NONBLOCK_CLOEXEC, 0);
}

/* A handle for the socket; with a negative result, closes it. */
static int32_t socket_handle(struct host *host, long fd, long result) {
    if (result >= 0) return handle_for(host, fd);
    sys(close, fd);
    return (int32_t)result;
}

int32_t shim_listen(struct host *host, uint32_t path, uint32_t backlog, uint32_t marked) {
    struct sockaddr_un at;
    long fd = unix_socket(host, path, USE_LISTEN, STREAM, &at);
    if (fd < 0) return (int32_t)fd;
    // The socket's mode before bind(2) becomes the file's: at no moment can another user connect.
    long result = sys(fchmod, fd, marked ? 01600 : 0600);
    if (result >= 0) result = sys(bind, fd, &at, sizeof at);
    if (result >= 0) result = sys(listen, fd, backlog);
    return socket_handle(host, fd, result);
}

/* Binds below a directory's descriptor: a path below /proc/self/fd is short whatever the directory's is. unix(7) */
static long bind_anywhere(long fd, const char *path) {
    char directory[PATH_MAX];
    struct sockaddr_un at;
    unsigned length = 0, slash = 0;
    for (; path[length]; length++) {
        if (length == sizeof directory - 1) return -ENAMETOOLONG;
        directory[length] = path[length];
        if (path[length] == '/') slash = length;
    }
    if (length < sizeof at.sun_path || slash == 0) {
        long result = address(&at, path);
        return result < 0 ? result : sys(bind, fd, &at, sizeof at);
    }
    directory[slash] = 0;
    long where = sys(openat, AT_FDCWD, directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (where < 0) return where;
    proc_path(directory, (int)where);
    for (length = 0; directory[length]; length++) {}
    // The name with its slash behind the directory's.
    long result = 0;
    for (const char *name = path + slash; result == 0 && *name; name++) {
        if (length == sizeof directory - 1) result = -ENAMETOOLONG;
        else directory[length++] = *name;
    }
    directory[length] = 0;
    if (result >= 0) result = address(&at, directory);
    if (result >= 0) result = sys(bind, fd, &at, sizeof at);
    sys(close, where);
    return result;
}

int32_t shim_listenPackets(struct host *host, uint32_t path, uint32_t backlog) {
    int32_t error;
    const char *name = allowed_path(host, path, USE_LISTEN, &error);
    if (!name) return error;
    long fd = sys(socket, FAMILY_UNIX, SEQUENCED_PACKETS | NONBLOCK_CLOEXEC, 0);
    if (fd < 0) return (int32_t)fd;
    long result = sys(fchmod, fd, 0700);
    if (result >= 0) result = bind_anywhere(fd, name);
    if (result >= 0) result = sys(listen, fd, backlog);
    return socket_handle(host, fd, result);
}

int32_t shim_listenDatagrams(struct host *host, uint32_t path) {
    int32_t error;
    const char *name = allowed_path(host, path, USE_LISTEN, &error);
    if (!name) return error;
    long fd = sys(socket, FAMILY_UNIX, DATAGRAMS | NONBLOCK_CLOEXEC, 0);
    if (fd < 0) return (int32_t)fd;
    long result = sys(fchmod, fd, 0777), mask = sys(umask, 0);
    if (result >= 0) result = bind_anywhere(fd, name);
    sys(umask, mask);
    return socket_handle(host, fd, result);
}

int32_t shim_accept(struct host *host, uint32_t listener) {
    int fd = fd_of(host, listener);
    return fd < 0 ? fd : handle_for(host, sys(accept4, fd, NULL, NULL, NONBLOCK_CLOEXEC));
}

static int32_t connect_to(struct host *host, uint32_t path, int type) {
    struct sockaddr_un to;
    long fd = unix_socket(host, path, USE_CONNECT, type, &to);
    return fd < 0 ? (int32_t)fd : socket_handle(host, fd, sys(connect, fd, &to, sizeof to));
}

int32_t shim_connect(struct host *host, uint32_t path) { return connect_to(host, path, STREAM); }
int32_t shim_connectDatagrams(struct host *host, uint32_t path) { return connect_to(host, path, DATAGRAMS); }

int32_t shim_socketPair(struct host *host, uint32_t handles_at) {
    int fds[2];
    long result = sys(socketpair, FAMILY_UNIX, STREAM | NONBLOCK_CLOEXEC, 0, fds);
    return result < 0 ? (int32_t)result : handle_pair(host, handles_at, fds);
}

int32_t shim_peerPid(struct host *host, uint32_t handle) {
    struct {
        int pid;
        unsigned uid, gid;
    } credentials = {0, 0, 0};
    uint32_t size = sizeof credentials;
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    long result = sys(getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
    return result < 0 ? (int32_t)result : credentials.pid;
}

int32_t shim_send(struct host *host, uint32_t handle, uint32_t at, uint32_t size, uint32_t handles_at, uint32_t count) {
    struct control control = {.level = SOL_SOCKET, .type = RIGHTS};
    int fd = fd_of(host, handle);
    const void *bytes = guest(host, at, size);
    if (fd < 0) return fd;
    if (count > MESSAGE_HANDLES_MAX) return -EFAULT;
    const guest_u32 *handles = guest(host, handles_at, count * sizeof *handles);
    if (!bytes || !handles) return -EFAULT;
    for (uint32_t i = 0; i < count; i++)
        if ((control.fds[i] = fd_of(host, handles[i])) < 0) return -EBADF;
    control.size = CONTROL_BYTES(count);
    struct message message = {
        .vectors = &(typeof(*message.vectors)){bytes, size},
        .vector_count = 1,
        .control = count ? &control : NULL,
        .control_size = count ? control.size : 0,
    };
    return (int32_t)sys(sendmsg, fd, &message, MESSAGE_DONTWAIT | MESSAGE_NOSIGNAL);
}

int32_t shim_receive(struct host *host, uint32_t handle, uint32_t at, uint32_t size, uint32_t handles_at, uint32_t count) {
    struct control control;
    int fd = fd_of(host, handle);
    void *bytes = guest(host, at, size);
    if (fd < 0) return fd;
    if (count > MESSAGE_HANDLES_MAX) return -EFAULT;
    guest_i32 *handles = guest(host, handles_at, count * sizeof *handles);
    if (!bytes || !handles) return -EFAULT;
    struct message message = {
        .vectors = &(typeof(*message.vectors)){bytes, size},
        .vector_count = 1,
        .control = &control,
        .control_size = sizeof control,
    };
    long got = sys(recvmsg, fd, &message, MESSAGE_DONTWAIT | MESSAGE_CLOEXEC);
    if (got < 0) return (int32_t)got;
    uint32_t received = 0;
    if (message.control_size >= CONTROL_BYTES(0) && control.level == SOL_SOCKET && control.type == RIGHTS)
        received = (uint32_t)((control.size - CONTROL_BYTES(0)) / sizeof(int));
    for (uint32_t i = 0; i < count; i++) handles[i] = i < received ? handle_for(host, control.fds[i]) : -1;
    for (uint32_t i = count; i < received; i++) sys(close, control.fds[i]);
    return message.flags & MESSAGE_TRUNCATED_HANDLES ? -EMSGSIZE : (int32_t)got;
}
