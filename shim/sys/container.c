#include "policy.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/if.h>
#include <linux/sched.h>
#include <linux/socket.h>
#include <linux/sockios.h>

// From <linux/mount.h> and <linux/fs.h>, whose names collide with a C library's.
#define MOUNT_BIND 4096
#define MOUNT_RECURSIVE 16384
#define MOUNT_PRIVATE (1 << 18)
#define UNMOUNT_DETACH 2
#define UNMOUNT_NOFOLLOW 8
#define FAMILY_INTERNET 2
#define DATAGRAM 2

int32_t shim_unshareMounts(struct host *host) {
    static const char root[] = "/", none[] = "none";
    long result = sys(unshare, CLONE_NEWNS);
    if (result < 0) return (int32_t)result;
    result = sys(mount, none, root, NULL, MOUNT_PRIVATE | MOUNT_RECURSIVE, NULL);
    host->mounts_isolated = result >= 0;
    return (int32_t)result;
}

/* PID 1 has its own namespaces, or this process has unshared its mounts. Elsewhere a mount would change the host. */
static bool has_own_namespaces(const struct host *host) { return host->mounts_isolated || sys(getpid) == 1; }

int32_t shim_bindRootAndEnter(struct host *host, uint32_t path) {
    int32_t error;
    if (!has_own_namespaces(host)) return -EPERM;
    const char *name = allowed_path(host, path, USE_ROOT, &error);
    if (!name) return error;
    long result = sys(mount, name, name, NULL, MOUNT_BIND | MOUNT_RECURSIVE, NULL);
    return (int32_t)(result < 0 ? result : sys(chdir, name));
}

int32_t shim_pivot(struct host *host, uint32_t old_root) {
    static const char here[] = ".", root[] = "/";
    int32_t error;
    if (!has_own_namespaces(host)) return -EPERM;
    const char *name = allowed_path(host, old_root, USE_PIVOT, &error);
    if (!name) return error;
    long result = sys(pivot_root, here, name);
    return (int32_t)(result < 0 ? result : sys(chdir, root));
}

int32_t shim_unmount(struct host *host, uint32_t path) {
    int32_t error;
    if (!has_own_namespaces(host)) return -EPERM;
    const char *name = allowed_path(host, path, USE_UNMOUNT, &error);
    return name ? (int32_t)sys(umount2, name, UNMOUNT_DETACH | UNMOUNT_NOFOLLOW) : error;
}

int32_t shim_makeDirectory(struct host *host, uint32_t path, uint32_t mode) {
    return call_on_path(host, path, USE_MAKE, __NR_mkdirat, mode);
}

int32_t shim_removeDirectory(struct host *host, uint32_t path) { return call_on_path(host, path, USE_REMOVE, __NR_unlinkat, AT_REMOVEDIR); }

int32_t shim_enterDirectory(struct host *host, uint32_t path) {
    int32_t error;
    const char *name = allowed_path(host, path, USE_ENTER, &error);
    return name ? (int32_t)sys(chdir, name) : error;
}

int32_t shim_loopbackUp(struct host *host) {
    if (!has_own_namespaces(host)) return -EPERM;
    struct ifreq request = {.ifr_name = "lo"};
    long fd = sys(socket, FAMILY_INTERNET, DATAGRAM, 0);
    if (fd < 0) return (int32_t)fd;
    long result = sys(ioctl, fd, SIOCGIFFLAGS, &request);
    request.ifr_flags |= IFF_UP;
    if (result >= 0) result = sys(ioctl, fd, SIOCSIFFLAGS, &request);
    sys(close, fd);
    return (int32_t)result;
}
