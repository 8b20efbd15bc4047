/* Prints what a process has and may do, a line each: "NAME VALUE". test/containers/probe.test.ts runs it in containers of each kind
 * and compares the lines with the table of docs/security.md. Static, so that it needs nothing of the root that it runs in. Each
 * attempt is made in a process of its own, which takes with it what it changed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define SESSION_KEYRING (-3)
#define KEYCTL_SEARCH 10
#define VSOCK 40
#define NOTHING ((const char *)16)

/* What refuses: a right that is missing, a filter, a file system that is read-only, a device that the group may not open. */
static int refused(long result) {
    return result < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS || errno == EROFS || errno == EAFNOSUPPORT);
}

static void attempt(const char *name, long (*call)(void)) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) _exit(refused(call()) ? 1 : 0);
    int status = 0;
    waitpid(child, &status, 0);
    printf("%s %s\n", name, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "yes" : "no");
}

static void field(const char *name, const char *in_status) {
    char line[256];
    size_t length = strlen(in_status);
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, in_status, length) == 0 && line[length] == ':') {
            const char *value = line + length + 2;
            while (value[0] == '0' && value[1] != '\n') value++;
            printf("%s %s", name, value);
        }
    if (file) fclose(file);
}

static long writes(const char *path) {
    long fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 && errno == ENOENT ? (errno = EACCES, -1) : fd;
}

/* Whether anything can be read of it. */
static long reads(const char *path) {
    char byte;
    long fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno = EACCES, -1;
    return read((int)fd, &byte, 1) == 1 ? 0 : (errno = EACCES, -1);
}

static long makes_and_opens(unsigned major, unsigned minor) {
    const char *path = "/tmp/probe-device";
    unlink(path);
    if (mknod(path, S_IFCHR | 0666, makedev(major, minor)) < 0) return -1;
    long fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int error = errno;
    unlink(path);
    // The kernel may lack the device, once it has let the process ask.
    return errno = error, fd;
}

static long capset_of(int capability) { return prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1 ? 0 : (errno = EPERM, -1); }

static long user_namespace(void) { return unshare(CLONE_NEWUSER); }
static long mount_namespace(void) { return unshare(CLONE_NEWNS); }
static long mount_tmpfs(void) { return mount("none", "/tmp", "tmpfs", 0, NULL); }
static long mount_cgroup(void) { return mount("none", "/tmp", "cgroup2", 0, NULL); }
static long chroots(void) { return chroot("/"); }
static long raw_socket(void) { return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1); }
static long packet_socket(void) { return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); }
static long vsock(void) { return socket(VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0); }
static long keys(void) { return syscall(SYS_keyctl, 0, SESSION_KEYRING, 1, 0, 0); }
static long io_uring(void) { return syscall(SYS_io_uring_setup, 0, NULL); }
static long perf(void) { return syscall(SYS_perf_event_open, NOTHING, 0, 0, -1, 0UL); }
static long bpf(void) { return syscall(SYS_bpf, 0, NOTHING, 8); }
static long userfault(void) { return syscall(SYS_userfaultfd, 0); }
static long by_handle(void) { return syscall(SYS_open_by_handle_at, AT_FDCWD, NOTHING, 0); }
static long modules(void) { return syscall(SYS_init_module, NOTHING, 0UL, ""); }
static long kexec(void) { return syscall(SYS_kexec_load, 0UL, 1UL << 20, NULL, 0UL); }
static long kernel_log(void) { return syscall(SYS_syslog, 3, NULL, 0); }
static long swaps(void) { return syscall(SYS_swapon, NOTHING, 0); }
static long clock_set(void) { return syscall(SYS_clock_settime, 99, NOTHING); }
static long traces_init(void) { return syscall(SYS_ptrace, 0x4206 /* PTRACE_SEIZE */, 1, 0, 0); }
static long unmasks(void) { return umount2("/proc/keys", MNT_DETACH); }
static long root_writable(void) { return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL); }
static long null_device(void) { return makes_and_opens(1, 3); }
static long kmsg_device(void) { return makes_and_opens(1, 11); }
static long memory_device(void) { return makes_and_opens(1, 1); }
static long fuse_device(void) { return makes_and_opens(10, 229); }
static long core_pattern(void) { return writes("/proc/sys/kernel/core_pattern"); }
static long sysrq(void) { return writes("/proc/sysrq-trigger"); }
static long kcore(void) { return reads("/proc/kcore"); }
static long interrupts(void) { return reads("/proc/interrupts"); }
static long all_keys(void) { return reads("/proc/keys"); }
static long sys_admin(void) { return capset_of(CAP_SYS_ADMIN); }

static void show_namespaces(void) {
    char map[128] = "", *end = map;
    FILE *file = fopen("/proc/self/uid_map", "re");
    unsigned long inside = 0, outside = 0, count = 0;
    if (file && fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3) end += sprintf(end, "%s", outside == 0 ? "no" : "yes");
    printf("own-ids %s\n", map);
    if (file) fclose(file);
    char line[512];
    int shown = 0;
    file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) shown |= strcmp(strrchr(line, ':') + 1, "/\n") != 0;
    printf("cgroup-path %s\n", shown ? "yes" : "no");
    if (file) fclose(file);
}

static void show_descriptors(void) {
    int count = 0;
    for (int fd = 3; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
    printf("descriptors-beyond-2 %d\n", count);
}

int main(void) {
    // With the standard streams alone, before anything is opened.
    show_descriptors();
    field("effective", "CapEff");
    field("bounding", "CapBnd");
    field("ambient", "CapAmb");
    field("no-new-privs", "NoNewPrivs");
    field("seccomp", "Seccomp");
    show_namespaces();
    static const struct {
        const char *name;
        long (*call)(void);
    } attempts[] = {
        {"sys-admin-can-be-had", sys_admin},
        {"user-namespace", user_namespace},
        {"mount-namespace", mount_namespace},
        {"mount-tmpfs", mount_tmpfs},
        {"mount-cgroup2", mount_cgroup},
        {"unmask-proc", unmasks},
        {"remount-root", root_writable},
        {"chroot", chroots},
        {"device-null", null_device},
        {"device-kmsg", kmsg_device},
        {"device-mem", memory_device},
        {"device-fuse", fuse_device},
        {"raw-socket", raw_socket},
        {"packet-socket", packet_socket},
        {"vsock", vsock},
        {"keyctl", keys},
        {"io_uring", io_uring},
        {"perf-kernel", perf},
        {"bpf", bpf},
        {"userfaultfd", userfault},
        {"open-by-handle", by_handle},
        {"module", modules},
        {"kexec", kexec},
        {"kernel-log", kernel_log},
        {"swap", swaps},
        {"clock", clock_set},
        {"trace-init", traces_init},
        {"write-core_pattern", core_pattern},
        {"write-sysrq", sysrq},
        {"read-kcore", kcore},
        {"read-interrupts", interrupts},
        {"read-keys", all_keys},
    };
    for (unsigned i = 0; i < sizeof attempts / sizeof *attempts; i++) attempt(attempts[i].name, attempts[i].call);
    return 0;
}
