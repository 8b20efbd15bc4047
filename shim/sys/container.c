#include "host.h"
#include <asm/errno.h>
#include <linux/if.h>
#include <linux/sched.h>
#include <linux/socket.h>
#include <linux/sockios.h>

// Of <linux/mount.h> and <linux/fs.h>, whose names collide with a C library's.
#define MOUNT_BIND 4096
#define MOUNT_RECURSIVE 16384
#define MOUNT_PRIVATE (1 << 18)
#define UNMOUNT_DETACH 2
#define UNMOUNT_NOFOLLOW 8
#define FAMILY_INTERNET 2
#define DATAGRAM 2

int32_t shim_isolateMounts(struct host *host) {
    static const char root[] = "/", none[] = "none";
    (void)host;
    long result = sys(unshare, CLONE_NEWNS);
    if (result < 0) return (int32_t)result;
    return (int32_t)sys(mount, none, root, NULL, MOUNT_PRIVATE | MOUNT_RECURSIVE, NULL);
}

int32_t shim_enterRoot(struct host *host, uint32_t path) {
    const char *name = guest_string(host, path);
    if (!name) return -EFAULT;
    long result = sys(mount, name, name, NULL, MOUNT_BIND | MOUNT_RECURSIVE, NULL);
    return (int32_t)(result < 0 ? result : sys(chdir, name));
}

int32_t shim_pivot(struct host *host, uint32_t old_root) {
    static const char here[] = ".", root[] = "/";
    const char *name = guest_string(host, old_root);
    if (!name) return -EFAULT;
    long result = sys(pivot_root, here, name);
    return (int32_t)(result < 0 ? result : sys(chdir, root));
}

int32_t shim_unmount(struct host *host, uint32_t path) {
    const char *name = guest_string(host, path);
    return name ? (int32_t)sys(umount2, name, UNMOUNT_DETACH | UNMOUNT_NOFOLLOW) : -EFAULT;
}

int32_t shim_makeDirectory(struct host *host, uint32_t path, uint32_t mode) {
    const char *name = guest_string(host, path);
    return name ? (int32_t)sys(mkdir, name, mode) : -EFAULT;
}

int32_t shim_removeDirectory(struct host *host, uint32_t path) {
    const char *name = guest_string(host, path);
    return name ? (int32_t)sys(rmdir, name) : -EFAULT;
}

int32_t shim_enterDirectory(struct host *host, uint32_t path) {
    const char *name = guest_string(host, path);
    return name ? (int32_t)sys(chdir, name) : -EFAULT;
}

int32_t shim_loopbackUp(struct host *host) {
    (void)host;
    struct ifreq request = {.ifr_name = "lo"};
    long fd = sys(socket, FAMILY_INTERNET, DATAGRAM, 0);
    if (fd < 0) return (int32_t)fd;
    long result = sys(ioctl, fd, SIOCGIFFLAGS, &request);
    request.ifr_flags |= IFF_UP;
    if (result >= 0) result = sys(ioctl, fd, SIOCSIFFLAGS, &request);
    sys(close, fd);
    return (int32_t)result;
}
