#include "policy.h"
#include <asm/errno.h>
#include <linux/fcntl.h>

int32_t shim_open(struct host *host, uint32_t path, uint32_t how) {
    int32_t error;
    const char *name = allowed_path(host, path, how == OPEN_REPLACE ? USE_REPLACE : USE_READ, &error);
    if (!name) return error;
    // Non-blocking, lest a FIFO somebody put there hold the program; no device becomes its terminal.
    int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (how == OPEN_REPLACE ? O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW : O_RDONLY);
    return handle_for(host, sys(openat, AT_FDCWD, name, flags, 0600));
}

int32_t shim_rename(struct host *host, uint32_t from, uint32_t to) {
    int32_t error;
    const char *name = allowed_path(host, from, USE_RENAME, &error);
    if (!name) return error;
    const char *target = allowed_path(host, to, USE_RENAMED, &error);
    return target ? (int32_t)sys(rename, name, target) : error;
}

int32_t shim_unlink(struct host *host, uint32_t path) {
    int32_t error;
    const char *name = allowed_path(host, path, USE_UNLINK, &error);
    return name ? (int32_t)sys(unlink, name) : error;
}
