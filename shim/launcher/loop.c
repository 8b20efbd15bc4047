/* The epoll loop. Interests are told to the kernel only before it waits: a module may change its mind for free. */
#include "launcher.h"
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/signalfd.h>
#include <linux/time.h>

#define EVENTS_A_TURN 64
#define FOREVER (-1)

static int epoll_fd = -1, signal_fd = -1;
/* Monotonic milliseconds; FOREVER when nobody asked. */
static int64_t wake_at = FOREVER;
/* Handles whose interest changed since the kernel was told. */
static uint16_t changed[HANDLES_MAX];
static uint32_t changed_count;
/* Watched handles that epoll refuses because they are always ready: regular files. */
static uint32_t always_count;

static int64_t now_ms(void) {
    struct timespec now;
    sys(clock_gettime, CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int32_t shim_wakeAfter(struct host *host, uint32_t milliseconds) {
    (void)host;
    wake_at = (int32_t)milliseconds < 0 ? FOREVER : now_ms() + milliseconds;
    return 0;
}

int32_t shim_signals(struct host *host, uint32_t low, uint32_t high) {
    (void)host;
    uint64_t set = (uint64_t)high << 32 | low;
    long result = sys(rt_sigprocmask, 2 /* SIG_SETMASK */, &set, NULL, sizeof set);
    if (result < 0) return (int32_t)result;
    result = sys(signalfd4, signal_fd, &set, sizeof set, O_NONBLOCK | O_CLOEXEC);
    if (result < 0 || signal_fd >= 0) return (int32_t)(result < 0 ? result : 0);
    signal_fd = (int)result;
    struct epoll_event event = {.events = EPOLLIN, .data = 0};
    return (int32_t)sys(epoll_ctl, epoll_fd, EPOLL_CTL_ADD, signal_fd, &event);
}

int32_t shim_watch(struct host *host, uint32_t handle, uint32_t events) {
    if (fd_of(host, handle) < 0) return -EBADF;
    struct handle *slot = &host->handles[handle];
    slot->wanted = events & (READ | WRITE | HANGUP);
    if (!slot->listed && slot->wanted != slot->watched) {
        slot->listed = true;
        changed[changed_count++] = (uint16_t)handle;
    }
    return 0;
}

static void tell_kernel(struct host *host, uint32_t handle) {
    struct handle *slot = &host->handles[handle];
    if (slot->wanted == slot->watched) return;
    if (slot->always) {
        always_count += (slot->wanted != 0) - (slot->watched != 0);
        slot->watched = slot->wanted;
        return;
    }
    struct epoll_event event = {
        .events = (slot->wanted & READ ? EPOLLIN : 0) | (slot->wanted & WRITE ? EPOLLOUT : 0),
        .data = handle | (uint64_t)slot->generation << 32,
    };
    // Without any interest the kernel would still report a hangup, over and over: such a handle is taken out.
    int change = !slot->watched ? EPOLL_CTL_ADD : slot->wanted ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    long result = sys(epoll_ctl, epoll_fd, change, slot->fd, &event);
    if (result == -EPERM) {
        slot->always = true;
        tell_kernel(host, handle);
        return;
    }
    if (result < 0) {
        say("cannot watch a descriptor (epoll_ctl failed); the limit is /proc/sys/fs/epoll/max_user_watches");
        leave(EXIT_HOST);
    }
    slot->watched = slot->wanted;
}

void loop_forget(struct host *host, uint32_t handle) {
    struct handle *slot = &host->handles[handle];
    slot->wanted = 0;
    tell_kernel(host, handle);
}

static void tell_changes(void) {
    for (uint32_t i = 0; i < changed_count; i++) {
        struct handle *slot = &the_host.handles[changed[i]];
        slot->listed = false;
        if (slot->fd >= 0) tell_kernel(&the_host, changed[i]);
    }
    changed_count = 0;
}

static int timeout_ms(void) {
    if (always_count) return 0;
    if (wake_at == FOREVER) return -1;
    int64_t left = wake_at - now_ms();
    return left < 0 ? 0 : (int)left;
}

static void deliver_signals(void) {
    struct signalfd_siginfo info;
    while (sys(read, signal_fd, &info, sizeof info) == sizeof info) enter_module(ON_SIGNAL, info.ssi_signo, 0);
}

static void deliver(uint64_t data, uint32_t events) {
    uint32_t handle = (uint32_t)data;
    if (handle == 0) return deliver_signals();
    const struct handle *slot = &the_host.handles[handle];
    // An earlier event of this turn may have closed it, or have lost interest.
    if (slot->fd < 0 || slot->generation != (uint16_t)(data >> 32) || !slot->wanted) return;
    enter_module(ON_READY, handle,
        (events & EPOLLIN ? READ : 0) | (events & EPOLLOUT ? WRITE : 0) | (events & (EPOLLHUP | EPOLLERR) ? HANGUP : 0));
}

static void deliver_always_ready(void) {
    for (uint32_t handle = 1; always_count && handle < the_host.handles_used; handle++) {
        const struct handle *slot = &the_host.handles[handle];
        if (slot->fd >= 0 && slot->always && slot->wanted) enter_module(ON_READY, handle, slot->wanted);
    }
}

_Noreturn void run_loop(void) {
    struct epoll_event events[EVENTS_A_TURN];
    epoll_fd = (int)sys(epoll_create1, O_CLOEXEC);
    if (epoll_fd < 0) {
        say("cannot make an epoll instance; too many open files?");
        leave(EXIT_HOST);
    }
    enter_module(ON_START, 0, 0);
    for (;;) {
        tell_changes();
        long count = sys(epoll_pwait, epoll_fd, events, EVENTS_A_TURN, timeout_ms(), NULL, 8);
        for (long i = 0; i < count; i++) deliver(events[i].data, events[i].events);
        deliver_always_ready();
        if (wake_at != FOREVER && now_ms() >= wake_at) {
            wake_at = FOREVER;
            enter_module(ON_DEADLINE, 0, 0);
        }
    }
}
