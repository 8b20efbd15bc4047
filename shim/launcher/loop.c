/* The epoll loop. epoll is updated only before the loop waits, so that a module's changes in between cost no system call. */
#include "launcher.h"
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/eventpoll.h>
#include <linux/signalfd.h>
#include <linux/time.h>

#define EVENTS_A_TURN 64
#define FOREVER (-1)
/* Pause before epoll is asked again to watch what it had no memory for. */
#define RETRY_MS 100

static int epoll_fd = -1, signal_fd = -1;
/* Monotonic milliseconds; FOREVER without a deadline. */
static int64_t wake_at = FOREVER;
/* Handles whose events changed since the last update of epoll. */
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

int32_t shim_routeSignals(struct host *host, uint32_t low, uint32_t high) {
    (void)host;
    uint64_t set = (uint64_t)high << 32 | low;
    long result = sys(rt_sigprocmask, SIG_SETMASK, &set, NULL, sizeof set);
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

/* False when the kernel is short of memory, or of watches (/proc/sys/fs/epoll/max_user_watches, which other programs use up, too):
 * then the handle has to be tried again. */
static bool update_epoll(struct host *host, uint32_t handle) {
    struct handle *slot = &host->handles[handle];
    if (slot->wanted == slot->watched) return true;
    if (slot->always_ready) {
        always_count += (uint32_t)((slot->wanted != 0) - (slot->watched != 0));
        slot->watched = slot->wanted;
        return true;
    }
    struct epoll_event event = {
        .events = (slot->wanted & READ ? EPOLLIN : 0) | (slot->wanted & WRITE ? EPOLLOUT : 0),
        .data = handle | (uint64_t)slot->generation << 32,
    };
    // With an empty event mask epoll would still report hangups, over and over: remove the handle instead.
    int change = !slot->watched ? EPOLL_CTL_ADD : slot->wanted ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    long result = sys(epoll_ctl, epoll_fd, change, slot->fd, &event);
    if (result == -EPERM) {
        slot->always_ready = true;
        return update_epoll(host, handle);
    }
    if (result == -ENOMEM || result == -ENOSPC) return false;
    if (result < 0) {
        print_error("cannot watch a descriptor: epoll_ctl failed");
        leave(EXIT_HOST);
    }
    slot->watched = slot->wanted;
    return true;
}

void loop_forget(struct host *host, uint32_t handle) {
    struct handle *slot = &host->handles[handle];
    slot->wanted = 0;
    update_epoll(host, handle);
}

static void update_changed(void) {
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < changed_count; i++) {
        struct handle *slot = &the_host.handles[changed[i]];
        slot->listed = slot->fd >= 0 && !update_epoll(&the_host, changed[i]);
        if (slot->listed) changed[waiting++] = changed[i];
    }
    changed_count = waiting;
}

static int timeout_ms(void) {
    if (always_count) return 0;
    // Behind an update, a handle in the list is one that epoll had no memory for.
    if (wake_at == FOREVER) return changed_count ? RETRY_MS : -1;
    int64_t left = wake_at - now_ms();
    if (changed_count && left > RETRY_MS) return RETRY_MS;
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
    // An earlier event of this turn may have closed the handle, or changed its events.
    if (slot->fd < 0 || slot->generation != (uint16_t)(data >> 32) || !slot->wanted) return;
    enter_module(
        ON_READY, handle, (events & EPOLLIN ? READ : 0) | (events & EPOLLOUT ? WRITE : 0) | (events & (EPOLLHUP | EPOLLERR) ? HANGUP : 0));
}

static void deliver_always_ready(void) {
    for (uint32_t handle = 1; always_count && handle < the_host.handles_used; handle++) {
        const struct handle *slot = &the_host.handles[handle];
        if (slot->fd >= 0 && slot->always_ready && slot->wanted) enter_module(ON_READY, handle, slot->wanted);
    }
}

void loop_again(void) {
    sys(close, epoll_fd);
    if (signal_fd >= 0) sys(close, signal_fd);
    signal_fd = -1;
    wake_at = FOREVER;
    changed_count = always_count = 0;
    for (uint32_t handle = 1; handle < the_host.handles_used; handle++) {
        struct handle *slot = &the_host.handles[handle];
        slot->wanted = slot->watched = 0;
        slot->listed = false;
    }
}

_Noreturn void run_loop(enum entry first) {
    struct epoll_event events[EVENTS_A_TURN];
    epoll_fd = (int)sys(epoll_create1, O_CLOEXEC);
    if (epoll_fd < 0) {
        print_error("cannot make an epoll instance; too many open files?");
        leave(EXIT_HOST);
    }
    enter_module(first, 0, 0);
    for (;;) {
        update_changed();
        long count = sys(epoll_pwait, epoll_fd, events, EVENTS_A_TURN, timeout_ms(), NULL, 8);
        for (long i = 0; i < count; i++) deliver(events[i].data, events[i].events);
        deliver_always_ready();
        if (wake_at != FOREVER && now_ms() >= wake_at) {
            wake_at = FOREVER;
            enter_module(ON_DEADLINE, 0, 0);
        }
    }
}
