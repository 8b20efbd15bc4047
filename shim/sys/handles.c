#include "host.h"
#include <asm/errno.h>
#include <linux/fcntl.h>

const char *guest_string(const struct host *host, uint32_t at) {
    for (uint64_t end = at; end < host->memory_size; end++)
        if (host->memory[end] == 0) return (const char *)host->memory + at;
    return NULL;
}

int fd_of(const struct host *host, uint32_t handle) {
    // Handle 0 is invalid, so an uninitialised handle refers to nothing.
    if (handle == 0 || handle >= host->handles_used) return -EBADF;
    return host->handles[handle].fd >= 0 ? host->handles[handle].fd : -EBADF;
}

static uint32_t free_slot(struct host *host) {
    uint32_t slot = host->first_free > 0 ? host->first_free : 1;
    while (slot < host->handles_used && host->handles[slot].fd >= 0) slot++;
    return slot;
}

int32_t handle_for(struct host *host, long fd) {
    if (fd < 0) return (int32_t)fd;
    uint32_t slot = free_slot(host);
    if (slot >= HANDLES_MAX) {
        sys(close, fd);
        return -EMFILE;
    }
    struct handle *handle = &host->handles[slot];
    // Keep `listed`: the loop's list has one entry for each slot.
    *handle = (struct handle){.fd = (int)fd, .listed = handle->listed, .generation = (uint16_t)(handle->generation + 1)};
    if (slot >= host->handles_used) host->handles_used = slot + 1;
    host->first_free = slot + 1;
    return (int32_t)slot;
}

int32_t handle_pair(struct host *host, uint32_t at, const int fds[2]) {
    guest_i32 *pair = guest(host, at, 2 * sizeof *pair);
    int32_t first = handle_for(host, fds[0]);
    int32_t second = handle_for(host, fds[1]);
    int32_t error = !pair ? -EFAULT : first < 0 ? first : second < 0 ? second : 0;
    if (error) {
        if (first >= 0) shim_close(host, (uint32_t)first);
        if (second >= 0) shim_close(host, (uint32_t)second);
        return error;
    }
    pair[0] = first;
    pair[1] = second;
    return 0;
}

int32_t shim_close(struct host *host, uint32_t handle) {
    int fd = fd_of(host, handle);
    if (fd < 0) return -EBADF;
    // The open file may stay open in another process, so epoll must be told to stop watching.
    loop_forget(host, handle);
    host->handles[handle].fd = -1;
    if (handle < host->first_free) host->first_free = handle;
    return (int32_t)sys(close, fd);
}

int32_t shim_duplicate(struct host *host, uint32_t handle) {
    int fd = fd_of(host, handle);
    if (fd < 0) return fd;
    int32_t copy = handle_for(host, sys(fcntl, fd, F_DUPFD_CLOEXEC, 3));
    if (copy < 0) return copy;
    host->handles[copy].shared_socket = host->handles[handle].shared_socket;
    host->handles[copy].own_pipe = host->handles[handle].own_pipe;
    return copy;
}
