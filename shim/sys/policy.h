/* The paths that a program may name: policy.c has the table. */
#ifndef WARDEN_POLICY_H
#define WARDEN_POLICY_H

#include "host.h"

/* The purpose of a path; RENAME is the old name, RENAMED the new one. */
enum use {
    USE_READ = 1,
    USE_REPLACE = 2,
    USE_INSPECT = 4,
    USE_RENAME = 8,
    USE_UNLINK = 16,
    USE_LISTEN = 32,
    USE_CONNECT = 64,
    USE_FOLLOW = 128,
    USE_LOCATE = 256,
    USE_MAKE = 512,
    USE_REMOVE = 1024,
    USE_ENTER = 2048,
    USE_ROOT = 4096,
    USE_PIVOT = 8192,
    USE_UNMOUNT = 1 << 14,
    USE_RUN = 1 << 15,
    USE_HOME = 1 << 16,
    USE_RENAMED = 1 << 17,
    USE_APPEND = 1 << 18,
    USE_BOTH = 1 << 19,
    USE_FIFO = 1 << 20,
    /* Until the program serves: shim/sys/calls.h. */
    USE_STARTING = 1 << 21,
    USE_LINK = 1 << 22
};

bool path_allowed(const struct host *host, const char *path, enum use use);
/* The guest's string as an allowed path; else NULL, and -EFAULT or -EACCES in *error. */
const char *allowed_path(const struct host *host, uint32_t at, enum use use, int32_t *error);
/* A system call that takes a directory, a path and one number, on an allowed path: mkdirat, unlinkat. */
int32_t call_on_path(const struct host *host, uint32_t path, enum use use, long number, long argument);
/* Records the descriptors that the module may adopt. Call it before the host opens its own. */
void note_inheritable_fds(struct host *host);

/* Whether the program is a runtime, which may change its own process. */
bool is_runtime(const struct host *host);
/* Whether it is wshd, on the host or as the container's first process, and does not serve yet. */
bool is_starting_wshd(const struct host *host);
/* Whether it is the first process of a container that does not serve yet, which may give up what its commands are not to have. */
bool is_starting_init(const struct host *host);

#endif
