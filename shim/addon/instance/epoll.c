/* Readiness. Each module has its own epoll instance, and libuv polls that one descriptor. libuv's own handles would set
 * O_NONBLOCK on every descriptor, also on those that other processes share, and report less about a hangup. */
#include "internal.h"
#include <asm/errno.h>
#include <linux/eventpoll.h>

#define TURN_EVENTS_MAX 64

static int32_t update_epoll(struct host *host, uint32_t handle) {
    struct instance *instance = instance_of(host);
    struct handle *slot = &host->handles[handle];
    if (slot->wanted == slot->watched) return 0;
    if (!slot->always_ready) {
        struct epoll_event event = {
            .events = (slot->wanted & READ ? EPOLLIN : 0) | (slot->wanted & WRITE ? EPOLLOUT : 0),
            .data = handle | (uint64_t)slot->generation << 32,
        };
        // With an empty event mask epoll would still report hangups, over and over: remove the handle instead.
        int change = !slot->watched ? EPOLL_CTL_ADD : slot->wanted ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
        long result = sys(epoll_ctl, instance->epoll_fd, change, slot->fd, &event);
        if (result < 0 && result != -EPERM) return (int32_t)result;
        slot->always_ready = result == -EPERM;
    }
    if (slot->always_ready) {
        uint32_t before = instance->always_count;
        instance->always_count += (uint32_t)((slot->wanted != 0) - (slot->watched != 0));
        if (!before != !instance->always_count) loop_always_ready(host, instance->always_count > 0);
    }
    slot->watched = slot->wanted;
    return 0;
}

int32_t shim_watch(struct host *host, uint32_t handle, uint32_t events) {
    if (fd_of(host, handle) < 0) return -EBADF;
    host->handles[handle].wanted = events & (READ | WRITE | HANGUP);
    return update_epoll(host, handle);
}

void loop_forget(struct host *host, uint32_t handle) {
    host->handles[handle].wanted = 0;
    update_epoll(host, handle);
}

uint32_t instance_ready(struct host *host, struct readiness *ready, uint32_t most) {
    struct epoll_event events[TURN_EVENTS_MAX];
    if (most > TURN_EVENTS_MAX) most = TURN_EVENTS_MAX;
    long count = sys(epoll_pwait, instance_of(host)->epoll_fd, events, most, 0, NULL, 8);
    if (count < 0) return 0;
    for (long i = 0; i < count; i++)
        ready[i] = (struct readiness){
            .handle = (uint32_t)events[i].data,
            .generation = (uint16_t)(events[i].data >> 32),
            .events = (events[i].events & EPOLLIN ? READ : 0) | (events[i].events & EPOLLOUT ? WRITE : 0) |
                (events[i].events & (EPOLLHUP | EPOLLERR) ? HANGUP : 0),
        };
    return (uint32_t)count;
}

bool instance_wants(const struct host *host, const struct readiness *ready) {
    if (ready->handle >= host->handles_used) return false;
    const struct handle *slot = &host->handles[ready->handle];
    return slot->fd >= 0 && slot->generation == ready->generation && slot->wanted;
}

bool instance_next_always(const struct host *host, uint32_t after, struct readiness *ready) {
    for (uint32_t handle = after + 1; handle < host->handles_used; handle++) {
        const struct handle *slot = &host->handles[handle];
        if (slot->fd < 0 || !slot->always_ready || !slot->wanted) continue;
        *ready = (struct readiness){.handle = handle, .events = slot->wanted, .generation = slot->generation};
        return true;
    }
    return false;
}
