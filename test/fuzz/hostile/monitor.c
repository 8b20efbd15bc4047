/* The native host for a hostile guest: its own files, built with sanitizers, and between them and the kernel a monitor that
 * ends the process as a crash when a system call would reach what is not the guest's. It knows nothing of how the shim
 * decides: it sees descriptors come and go, children, paths, and where memory lies. */
#include "../../../shim/launcher/launcher.h"
#include "../../../shim/sys/policy.h"
#include <asm/ioctls.h>
#include <linux/wait.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FDS_MAX 8192
#define DUPLICATE 1030
#define GUARD_BYTES (1u << 20)
#define NEW_MOUNTS 0x00020000
#define RIGHTS 1
// PR_ of linux/prctl.h
#define SET_PDEATHSIG 1
#define SET_NAME 15
#define SET_SUBREAPER 36
#define NO_NEW_PRIVS 38

enum owner { NOBODY, GUEST, HOST };
static uint8_t owners[FDS_MAX];
static uintptr_t stack_base;
static bool isolated;

static _Noreturn void reached(const char *what, const char *detail) {
    fprintf(stderr, "%s: a guest reached %s: %s\n", the_host.program, what, detail);
    abort();
}

/* A child that has not executed yet runs in the same memory, on a stack of its own. */
static bool in_child(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return here > stack_base || stack_base - here > (8u << 20);
}

static void own(long fd, enum owner owner) {
    if (fd >= 0 && fd < FDS_MAX) owners[fd] = (uint8_t)owner;
}

static void check_fd(long fd, const char *call) {
    if (fd >= 0 && fd < FDS_MAX && owners[fd] == HOST) reached("one of the host's descriptors", call);
}

/* Where the kernel writes to: all of it the guest's, or on the host's own stack. */
static void check_buffer(long at, long size, const char *call) {
    const uint8_t *from = (const uint8_t *)at;
    if (size == 0 || (from >= the_host.memory && from + size <= the_host.memory + the_host.memory_size)) return;
    if ((uintptr_t)from < stack_base && stack_base - (uintptr_t)from < (8u << 20)) return;
    reached("memory that is not its own", call);
}

/* A process is itself, or a child that it has not waited for: waitid(2) looks without taking. */
static void check_kill(long pid) {
    if (pid == kernel_call(__NR_getpid, 0, 0, 0, 0, 0, 0)) return;
    if (kernel_call(__NR_waitid, P_PID, pid, 0, WEXITED | WNOHANG | WNOWAIT, 0, 0) < 0) reached("a process that is not its child", "kill");
}

static bool starts(const char *path, const char *with) { return strncmp(path, with, strlen(with)) == 0; }

static bool ends(const char *path, const char *with) {
    size_t length = strlen(path), size = strlen(with);
    return length >= size && strcmp(path + length - size, with) == 0;
}

/* Its own directory is OWN, where it was started; wshd's wildcards are those of docs/security.md. */
static void check_path(long at, const char *call) {
    const char *path = (const char *)at;
    // What `watchMemoryEvents` adds is looked at in the directory above a group: for the arrival of events, nothing more.
    bool climbs = strstr(path, "/../") || starts(path, "../") || (ends(path, "/..") && strcmp(call, "inotify_add_watch") != 0);
    if (!climbs && (path[0] != '/' || starts(path, OWN))) return;
    if (starts(path, "/proc/self/fd/") || strcmp(path, "/proc/self/exe") == 0 || strcmp(path, "/dev/ptmx") == 0) return;
    // What is there is no secret of a path that it was started with.
    for (const char *const *own = the_host.arguments; *own; own++)
        if (strcmp(call, "stat") == 0 && strcmp(path, *own) == 0) return;
    if (strcmp(the_host.program, "wshd") == 0) {
        if (strcmp(path, "/etc/passwd") == 0 || ends(path, "/wshd.sock") || ends(path, ".sh")) return;
        if (isolated || strcmp(path, "/") == 0 || strcmp(path, "/mnt") == 0) return;
    }
    fprintf(stderr, "%s ", call);
    reached("a path that is not its own", path);
}

/* struct msghdr and cmsghdr, as far as descriptors go. */
static void check_message(const uint64_t *message, bool received) {
    const uint64_t *control = (const uint64_t *)message[4];
    if (!control || message[5] < 16 || ((const int *)control)[3] != RIGHTS) return;
    uint64_t count = (control[0] - 16) / sizeof(int);
    for (uint64_t i = 0; i < count; i++) {
        int fd = ((const int *)(control + 2))[i];
        if (received) own(fd, GUEST);
        else check_fd(fd, "sendmsg");
    }
}

static void check_vectors(long at, long count, const char *call) {
    const uint64_t *vectors = (const uint64_t *)at;
    for (long i = 0; i < count; i++) check_buffer((long)vectors[2 * i], (long)vectors[2 * i + 1], call);
}

static void before(long number, long a, long b, long c, long d) {
    switch (number) {
    // The loop reads its signals onto its stack.
    case __NR_read:
        if (owners[a] != HOST || (uint8_t *)b >= the_host.memory) check_buffer(b, c, "read");
        break;
    case __NR_recvfrom:
        check_fd(a, "recvfrom");
        check_buffer(b, c, "recvfrom");
        break;
    case __NR_readv:
        check_fd(a, "readv");
        check_vectors(b, c, "readv");
        break;
    case __NR_recvmsg:
        check_fd(a, "recvmsg");
        check_vectors((long)((uint64_t *)b)[2], 1, "recvmsg");
        break;
    case __NR_wait4: check_buffer(b, 4, "wait4"); break;
    case __NR_readlinkat: check_buffer(c, d, "readlinkat"); break;
    case __NR_write:
    case __NR_writev:
    case __NR_sendto:
    case __NR_fchmod:
    case __NR_fcntl:
    case __NR_ioctl:
    case __NR_fstat:
    case __NR_close:
    case __NR_getsockopt:
    case __NR_accept4:
    case __NR_bind:
    case __NR_connect:
    case __NR_fchown: check_fd(a, "a call with a descriptor"); break;
    case __NR_splice:
        check_fd(a, "splice");
        check_fd(c, "splice");
        break;
    case __NR_sendmsg:
        check_fd(a, "sendmsg");
        check_message((const uint64_t *)b, false);
        break;
    case __NR_close_range:
        for (long fd = a; fd <= b; fd++) check_fd(fd, "close_range");
        break;
    case __NR_kill: check_kill(a); break;
    case __NR_openat: check_path(b, "openat"); break;
    case __NR_stat: check_path(a, "stat"); break;
    case __NR_unlink: check_path(a, "unlink"); break;
    case __NR_rename:
        check_path(a, "rename");
        check_path(b, "rename");
        break;
    case __NR_mkdir: check_path(a, "mkdir"); break;
    case __NR_rmdir: check_path(a, "rmdir"); break;
    case __NR_chdir: check_path(a, "chdir"); break;
    case __NR_inotify_add_watch: check_path(b, "inotify_add_watch"); break;
    case __NR_mount:
    case __NR_umount2:
    case __NR_pivot_root:
        // The first mount of all is the one that isolates.
        if (the_host.stdio_closed) reached("mounts after it began to serve", "mount, umount2 or pivot_root");
        if (!isolated) reached("the mounts of others", "mount, umount2 or pivot_root");
        break;
    case __NR_unshare:
        if (a != NEW_MOUNTS || the_host.stdio_closed) reached("namespaces", "unshare");
        break;
    case __NR_capset:
    case __NR_seccomp:
    case __NR_keyctl:
    case __NR_personality:
    case __NR_sched_setattr:
    case __NR_sched_setaffinity:
    case __NR_ioprio_set: reached("what is PID 1's before it serves", "capset, seccomp, keyctl, personality, sched_setattr"); break;
    case __NR_prctl:
        if (a != NO_NEW_PRIVS && a != SET_NAME && a != SET_PDEATHSIG && a != SET_SUBREAPER) reached("attributes of its process", "prctl");
        break;
    case __NR_listen: check_fd(a, "listen"); __attribute__((fallthrough));
    case __NR_setsid:
        if (the_host.stdio_closed) reached("a call of its start", "listen or setsid");
        break;
    default: break;
    }
    if (number == __NR_bind || number == __NR_connect) check_path(b + 2, number == __NR_bind ? "bind" : "connect");
}

static void after(long number, long a, long b, long d, long result) {
    if (result < 0) return;
    switch (number) {
    case __NR_epoll_create1:
    case __NR_signalfd4: own(result, HOST); break;
    case __NR_openat:
    case __NR_socket:
    case __NR_accept4:
    case __NR_eventfd2:
    case __NR_inotify_init1: own(result, GUEST); break;
    case __NR_pipe2:
        own(((int *)a)[0], GUEST);
        own(((int *)a)[1], GUEST);
        break;
    case __NR_socketpair:
        own(((int *)d)[0], GUEST);
        own(((int *)d)[1], GUEST);
        break;
    case __NR_recvmsg: check_message((const uint64_t *)b, true); break;
    case __NR_close: own(a, NOBODY); break;
    case __NR_unshare: isolated |= a == NEW_MOUNTS; break;
    case __NR_fcntl:
        if (b == DUPLICATE) own(result, GUEST);
        break;
    case __NR_ioctl:
        if (b == TIOCGPTPEER) own(result, GUEST);
        break;
    default: break;
    }
}

/* The guest's memory, with ground on both sides that nobody may touch. */
static long map_guarded(long size) {
    long at = kernel_call(__NR_mmap, 0, size + 2 * GUARD_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at < 0) return at;
    kernel_call(__NR_mprotect, at + GUARD_BYTES, size, PROT_READ | PROT_WRITE, 0, 0, 0);
    return at + GUARD_BYTES;
}

/* As mremap(2), but with that ground. */
static long move_guarded(long at, long before, long size) {
    long to = map_guarded(size);
    if (to >= 0) memcpy((void *)to, (const void *)at, (size_t)before);
    return to;
}

long sys6(long number, long a, long b, long c, long d, long e, long f) {
    if (in_child()) return kernel_call(number, a, b, c, d, e, f);
    if (number == __NR_mmap && !the_host.memory) return map_guarded(b);
    if (number == __NR_mremap) return move_guarded(a, b, c);
    before(number, a, b, c, d);
    long result = kernel_call(number, a, b, c, d, e, f);
    after(number, a, b, d, result);
    return result;
}

int main(int count, char **arguments, char **environment) {
    const char *slash = strrchr(arguments[0], '/');
    (void)count;
    stack_base = (uintptr_t)__builtin_frame_address(0) + 4096;
    the_host.program = slash ? slash + 1 : arguments[0];
    the_host.arguments = (const char *const *)arguments;
    the_host.environment = (const char *const *)environment;
    note_inheritable_fds(&the_host);
    struct {
        void *handler;
        uint64_t flags, restorer, mask;
    } ignore = {(void *)1, 0, 0, 0};
    kernel_call(__NR_rt_sigaction, 13, (long)&ignore, 0, sizeof(uint64_t), 0, 0);
    start_module();
    run_loop(ON_START);
}

struct host the_host;
