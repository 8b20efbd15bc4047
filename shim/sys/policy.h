/* What a program may name: policy.c has the table. */
#ifndef WARDEN_POLICY_H
#define WARDEN_POLICY_H

#include "host.h"

/* What a path is named for; RENAME is the old name, RENAMED the new one. */
enum use {
    USE_READ = 1, USE_REPLACE = 2, USE_INSPECT = 4, USE_RENAME = 8, USE_UNLINK = 16, USE_LISTEN = 32, USE_CONNECT = 64,
    USE_FOLLOW = 128, USE_LOCATE = 256, USE_MAKE = 512, USE_REMOVE = 1024, USE_ENTER = 2048, USE_ROOT = 4096, USE_PIVOT = 8192,
    USE_UNMOUNT = 1 << 14, USE_RUN = 1 << 15, USE_HOME = 1 << 16, USE_RENAMED = 1 << 17
};

bool path_allowed(const struct host *host, const char *path, enum use use);
/* The same for a guest's string: NULL and -EFAULT or -EACCES in *error. */
const char *allowed_path(const struct host *host, uint32_t at, enum use use, int32_t *error);
/* Notes the descriptors that the module may take over from whoever started the program: before the host opens its own. */
void note_given(struct host *host);

#endif
