#include "internal.h"
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <asm/ioctls.h>
#include <linux/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Linux's devices.txt */
#define PTY_SLAVE_MAJOR 136

static void close_own(struct instance *instance) {
    for (int fd = 0; fd < 3; fd++)
        if (instance->stdio[fd] >= 0) sys(close, instance->stdio[fd]);
    if (instance->epoll_fd >= 0) sys(close, instance->epoll_fd);
    instance->stdio[0] = instance->stdio[1] = instance->stdio[2] = instance->epoll_fd = -1;
}

/* Copies the standard descriptors: the instance closes its own, like a program. */
static bool take_stdio(struct instance *instance, const int stdio[3]) {
    bool all = true;
    for (int fd = 0; fd < 3; fd++) {
        instance->stdio[fd] = (int)sys(fcntl, stdio[fd], F_DUPFD_CLOEXEC, 3);
        // A missing descriptor is no error here: the module finds out, as in a native program.
        if (instance->stdio[fd] < 0 && instance->stdio[fd] != -EBADF) all = false;
    }
    return all;
}

struct host *instance_make(
    const char *program, const char *const *arguments, const char *const *environment, const int stdio[3], void *owner) {
    // Tables for the largest program: pages that a small one never touches cost nothing, as long as nobody has to clear them.
    long at = sys(mmap, NULL, sizeof(struct instance), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at < 0) return NULL;
    struct instance *instance = (struct instance *)at;
    instance->epoll_fd = (int)sys(epoll_create1, EPOLL_CLOEXEC);
    if (instance->epoll_fd < 0 || !take_stdio(instance, stdio)) {
        close_own(instance);
        sys(munmap, instance, sizeof *instance);
        return NULL;
    }
    instance->host.program = program;
    instance->host.arguments = arguments;
    instance->host.environment = environment;
    instance->owner = owner;
    return &instance->host;
}

void *instance_owner(const struct host *host) { return ((const struct instance *)host)->owner; }

int instance_epoll_fd(const struct host *host) { return ((const struct instance *)host)->epoll_fd; }

void instance_memory(struct host *host, void *memory, uint64_t size) {
    host->memory = memory;
    // memory_size is 32 bits: a memory of 4 GiB is treated as one byte smaller.
    host->memory_size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
}

void instance_close(struct host *host) {
    for (uint32_t handle = 1; handle < host->handles_used; handle++)
        if (host->handles[handle].fd >= 0) shim_close(host, handle);
    close_own(instance_of(host));
    instance_memory(host, NULL, 0);
}

bool instance_free(struct host *host) {
    bool starting = false;
    for (uint32_t i = 0; i < STARTS_MAX; i++) starting |= host->starts[i] && host->starts[i]->busy;
    release_arenas(host);
    sys(munmap, instance_of(host), sizeof(struct instance));
    return !starting;
}

int32_t instance_inherit(struct host *host, uint32_t fd) {
    struct instance *instance = instance_of(host);
    if (fd >= 3) return -EBADF;
    // Diagnostics still need descriptor 2.
    int32_t handle = take_descriptor(host, instance->stdio[fd], fd == 2);
    if (handle >= 0 && fd != 2) instance->stdio[fd] = -1;
    return handle;
}

int32_t instance_print(const struct host *host, uint32_t fd, const void *text, uint32_t size) {
    if (fd != 1 && fd != 2) return -EBADF;
    struct pollfd room = {.fd = ((const struct instance *)host)->stdio[fd], .events = POLLOUT};
    struct timespec no_wait = {.tv_sec = 0};
    // The reader may be in this very process, so do not wait for room: the line is dropped.
    long ready = sys(ppoll, &room, 1, &no_wait, NULL, 8);
    if (ready <= 0) return ready < 0 ? (int32_t)ready : -EAGAIN;
    return (int32_t)sys(write, room.fd, text, size);
}

int32_t instance_print_guest(const struct host *host, uint32_t fd, uint32_t at, uint32_t size) {
    const void *text = guest(host, at, size);
    return text ? instance_print(host, fd, text, size) : -EFAULT;
}

bool instance_identify(const struct host *host, uint32_t handle, struct identity *identity) {
    struct stat info;
    unsigned number;
    int fd = fd_of(host, handle);
    if (fd < 0 || fstat(fd, &info) < 0) return false;
    bool master = S_ISCHR(info.st_mode) && sys(ioctl, fd, TIOCGPTN, &number) == 0;
    *identity = (struct identity){info.st_dev, info.st_ino, master ? makedev(PTY_SLAVE_MAJOR, number) : 0};
    return true;
}
