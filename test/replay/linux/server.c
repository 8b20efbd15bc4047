/* One process of a trace that is replayed on Linux: it does what it is told, one call at a time, with shim/sys itself
 * where a module would call the boundary, and with plain system calls where a script would. */
#define _GNU_SOURCE
#include "replay.h"
#include "../../../shim/sys/policy.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Out of the way of the numbers that the process's own descriptors get. */
#define CONTROL_FD 600
#define RELEASES_MAX 64
#define PATIENCE_MS 5000

static uint8_t memory[MEMORY_BYTES];
static const char *const nothing[] = {NULL};
static struct host host = {
    .memory = memory, .memory_size = MEMORY_BYTES, .program = "replay", .arguments = nothing, .environment = nothing};
static const char *control_path;
static int control = -1;
/* Pipes that hold children back, in front of their execution. */
static struct { int pid, fd, start_pipe; } releases[RELEASES_MAX];

/* What a module may name is decided where its calls come from. */
bool is_runtime(const struct host *any) { return !any; }
bool is_starting_wshd(const struct host *any) { return !any; }
bool is_starting_init(const struct host *any) { return !any; }
bool path_allowed(const struct host *any, const char *path, enum use use) { return any && path && use; }
const char *allowed_path(const struct host *any, uint32_t at, enum use use, int32_t *error) {
    const char *path = guest_string(any, at);
    *error = -EFAULT;
    return path && path_allowed(any, path, use) ? path : NULL;
}

int32_t call_on_path(const struct host *any, uint32_t path, enum use use, long number, long argument) {
    int32_t error;
    const char *name = allowed_path(any, path, use, &error);
    return name ? (int32_t)sys6(number, AT_FDCWD, (long)name, argument, 0, 0, 0) : error;
}

void note_inheritable_fds(struct host *any) {
    for (int fd = 0; fd < 32; fd++)
        if (fcntl(fd, F_GETFD) >= 0) any->inheritable_fds |= 1U << fd;
}

/* The loop is the driver's: it asks when the simulated one did. */
void loop_forget(struct host *any, uint32_t handle) { any->handles[handle].wanted = 0; }
int32_t shim_wakeAfter(struct host *any, uint32_t milliseconds) { return any && milliseconds ? 0 : 0; }

int32_t shim_watch(struct host *any, uint32_t handle, uint32_t events) {
    if (fd_of(any, handle) < 0) return -EBADF;
    any->handles[handle].wanted = events & (READ | WRITE | HANGUP);
    return 0;
}

int32_t shim_routeSignals(struct host *any, uint32_t low, uint32_t high) {
    (void)any;
    sigset_t set;
    sigemptyset(&set);
    for (int signal = 1; signal <= 64; signal++)
        if (((uint64_t)high << 32 | low) >> (signal - 1) & 1) sigaddset(&set, signal);
    sigprocmask(SIG_SETMASK, &set, NULL);
    return 0;
}

/* What a child that is being started waits for in the place of its module's start pipe; then that pipe, -1 when it has none. */
static int hold = -1, own_pipe = -1;

int32_t __real_prepare_descriptors(const struct host *any, struct spawn *child);

/* The shim finds its start pipe here, between the description and the start: the linker puts this in front (--wrap). */
int32_t __wrap_prepare_descriptors(const struct host *any, struct spawn *child) {
    int32_t result = __real_prepare_descriptors(any, child);
    // Away from the numbers that the program's own descriptors get.
    own_pipe = child->start_pipe < 0 ? -1 : fcntl(child->start_pipe, F_DUPFD_CLOEXEC, CONTROL_FD + 1);
    child->start_pipe = hold;
    return result;
}

/* Returns once a child has closed what it is not given: until then it holds a copy of the pipe's write end. */
static void await_placing(int pipe_end) {
    struct pollfd end = {.fd = pipe_end};
    while (poll(&end, 1, PATIENCE_MS) < 0 && errno == EINTR) {}
}

/* The child is held back until the simulated one executes, with nothing open but what it is given, as there. */
static int32_t spawn_held(uint32_t flags, uint32_t report_at) {
    int ends[2], placing[2], index = 0;
    while (index < RELEASES_MAX && releases[index].pid) index++;
    if (!host.child || index == RELEASES_MAX || pipe2(ends, O_CLOEXEC)) return -ENOMEM;
    if (pipe2(placing, O_CLOEXEC)) return -ENOMEM;
    hold = ends[0];
    int32_t pid = shim_spawn(&host, flags & ~(uint32_t)SPAWN_CONTAINER, report_at);
    close(ends[0]);
    close(placing[1]);
    if (pid > 0) {
        await_placing(placing[0]);
        releases[index].pid = pid;
        releases[index].fd = fcntl(ends[1], F_DUPFD_CLOEXEC, CONTROL_FD + 1);
        releases[index].start_pipe = own_pipe;
    } else if (own_pipe >= 0) {
        close(own_pipe);
    }
    close(placing[0]);
    close(ends[1]);
    return pid;
}

/* Takes what the module's start pipe has to give by now, as its child would. */
static int32_t pass_start_pipe(int start_pipe) {
    char given;
    int flags = fcntl(start_pipe, F_GETFL);
    fcntl(start_pipe, F_SETFL, flags | O_NONBLOCK);
    ssize_t got = read(start_pipe, &given, 1);
    int32_t result = got < 0 ? -errno : (int32_t)got;
    fcntl(start_pipe, F_SETFL, flags);
    close(start_pipe);
    return result;
}

static int32_t release(int pid) {
    for (int i = 0; i < RELEASES_MAX; i++) {
        if (releases[i].pid != pid) continue;
        int32_t passed = releases[i].start_pipe < 0 ? 1 : pass_start_pipe(releases[i].start_pipe);
        if (passed == 1) passed = (int32_t)write(releases[i].fd, "", 1);
        close(releases[i].fd);
        releases[i].pid = 0;
        return passed;
    }
    return -ESRCH;
}

/* One write(2) or read(2) of a script's, which waits by being asked again. */
static int32_t without_waiting(int fd, bool writes, void *bytes, uint32_t size) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    ssize_t result = writes ? write(fd, bytes, size) : read(fd, bytes, size);
    int32_t outcome = result < 0 ? -errno : (int32_t)result;
    fcntl(fd, F_SETFL, flags);
    return outcome;
}

static int32_t poll_handle(uint32_t handle, uint32_t wanted) {
    struct pollfd one = {.fd = fd_of(&host, handle), .events = (short)((wanted & READ ? POLLIN : 0) | (wanted & WRITE ? POLLOUT : 0))};
    if (one.fd < 0) return -EBADF;
    poll(&one, 1, 0);
    return (one.revents & POLLIN ? READ : 0) | (one.revents & POLLOUT ? WRITE : 0) | (one.revents & (POLLHUP | POLLERR) ? HANGUP : 0);
}

static int32_t take_signal(int signal) {
    // Its sender has done all it had to by now, but the kernel may still be on its way.
    struct timespec patience = {.tv_sec = 2};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return sigtimedwait(&set, NULL, &patience);
}

static int32_t reap_all(void) {
    while (waitpid(-1, NULL, 0) > 0) {}
    return 0;
}

static void attach(int fd) {
    dup3(fd, CONTROL_FD, O_CLOEXEC);
    if (fd != CONTROL_FD) close(fd);
    control = CONTROL_FD;
}

static void connect_control(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path, control_path, sizeof to.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) _exit(99);
    attach(fd);
}

static int32_t fork_script(void) {
    int pid = fork();
    if (pid == 0) connect_control();
    return pid;
}

static int32_t die(int signal) {
    kill(getpid(), signal);
    return 0;
}

static int32_t run(const struct request *asked) {
    const uint32_t *a = asked->args;
    switch (asked->op) {
#define TAKE_0
#define TAKE_1 , a[0]
#define TAKE_2 , a[0], a[1]
#define TAKE_3 , a[0], a[1], a[2]
#define TAKE_4 , a[0], a[1], a[2], a[3]
#define TAKE_5 , a[0], a[1], a[2], a[3], a[4]
#define CALL(name, count) \
    case CALL_##name: \
        if (CALL_##name != CALL_spawn) return shim_##name(&host TAKE_##count); \
        break;
#include "../../../shim/sys/calls.h"
#undef CALL
    case OP_POLL: return poll_handle(a[0], a[1]);
    case OP_SIGNAL: return take_signal((int)a[0]);
    case OP_RELEASE: return release((int)a[0]);
    case OP_PRINT: return without_waiting((int)a[0], true, memory + asked->in_at, asked->in_size);
    case OP_WRITE: return without_waiting((int)a[0], true, memory + asked->in_at, asked->in_size);
    case OP_READ: return without_waiting(0, false, memory + asked->out_at, a[0]);
    case OP_CLOSE: return close((int)a[0]) ? -errno : 0;
    case OP_IGNORE: return signal((int)a[0], SIG_IGN) == SIG_ERR ? -errno : 0;
    case OP_FORK: return fork_script();
    case OP_WAIT: return reap_all();
    case OP_DIE: return die((int)a[0]);
    case OP_REAPER: return prctl(PR_SET_CHILD_SUBREAPER, 1);
    case OP_EXIT: _exit((int)a[0]);
    default: break;
    }
    return asked->op == CALL_spawn ? spawn_held(a[0], a[1]) : -ENOSYS;
}

static void all(ssize_t (*move)(int, void *, size_t), void *at, size_t size) {
    for (uint8_t *next = at; size > 0;) {
        ssize_t moved = move(control, next, size);
        // Without the driver there is nothing left to do.
        if (moved <= 0) _exit(98);
        next += moved;
        size -= (size_t)moved;
    }
}

static ssize_t put(int fd, void *at, size_t size) { return send(fd, at, size, MSG_NOSIGNAL); }

_Noreturn static void serve(void) {
    for (;;) {
        struct request asked;
        all(read, &asked, sizeof asked);
        all(read, memory + asked.in_at, asked.in_size);
        struct reply told = {.size = asked.out_size};
        told.result = run(&asked);
        // A script's child says who it is by its connection.
        if (asked.op == OP_FORK && told.result == 0) continue;
        all(put, &told, sizeof told);
        all(put, memory + asked.out_at, told.size);
    }
}

_Noreturn void serve_module(int fd, const char *path) {
    control_path = path;
    signal(SIGPIPE, SIG_IGN);
    note_inheritable_fds(&host);
    attach(fd);
    serve();
}

_Noreturn void serve_executed(const char *path) {
    control_path = path;
    note_inheritable_fds(&host);
    connect_control();
    serve();
}
