/* What stands behind one running module: its memory, its handles, the process that it is describing.
 * The launcher has one of these, the addon one an instance. Numbers of the boundary's vocabulary (kinds, flags, steps)
 * are those of assembly/shim.ts; a test compares them. */
#ifndef WARDEN_HOST_H
#define WARDEN_HOST_H

#include "syscall.h"
#include <asm/termbits.h>
#include <stdbool.h>

enum { KIND_OTHER, KIND_FILE, KIND_DIRECTORY, KIND_PIPE, KIND_SOCKET, KIND_TERMINAL };
enum { CAN_READ = 8, CAN_WRITE = 16 };
enum { READ = 1, WRITE = 2, HANGUP = 4 };
enum { OPEN_READ, OPEN_REPLACE };
enum {
    SPAWN_SESSION = 1, SPAWN_TERMINAL = 2, SPAWN_NO_GROUPS = 4, SPAWN_NO_NEW_PRIVS = 8, SPAWN_DIE_WITH_PARENT = 16,
    SPAWN_CONTAINER = 32, SPAWN_INHERIT_ENVIRONMENT = 64
};
enum {
    STEP_DESCRIPTORS = 1, STEP_SESSION, STEP_TERMINAL, STEP_LIMIT, STEP_GROUPS, STEP_GROUP, STEP_USER, STEP_PRIVILEGES,
    STEP_DIRECTORY, STEP_EXECUTE, STEP_PARENT
};

/* Handles: commands side by side (4,096), clients (1,024) and a few of the program's own. */
#define HANDLES_MAX 6144
/* A request's 8,192 bytes hold at most as many arguments; iomux-spawn's command line gets as much. */
#define ARGUMENTS_MAX 8192
#define ENVIRONMENT_MAX 1024
#define FILES_MAX 64
#define DESCRIPTORS_MAX 8
#define LIMITS_MAX 16

struct handle {
    int fd;
    /* What the module waits for, and what the loop has told the kernel so far. */
    uint8_t wanted, watched;
    /* A descriptor that epoll refuses (a regular file) is ready all the time. */
    bool always;
    /* Sockets that others share are asked not to block call by call. */
    bool shared;
    /* In the list of handles whose interest changed. */
    bool listed;
    /* Told apart from an earlier handle of the same number, whose events may still be on their way. */
    uint16_t generation;
};

struct limit { uint32_t id; uint64_t soft_hard[2]; };

struct description {
    const char *files[FILES_MAX + 1];
    /* One place is kept in front: /bin/sh goes there when the file turns out to be a script without #!. */
    const char *shell_arguments[1 + ARGUMENTS_MAX + 1];
    const char *environment[ENVIRONMENT_MAX + 1];
    uint32_t file_count, argument_count, environment_count, descriptor_count, limit_count;
    struct { int target, fd; } descriptors[DESCRIPTORS_MAX];
    struct limit limits[LIMITS_MAX];
    const char *directory;
    uint32_t uid, gid;
    bool set_user, self;
    int gate;
};

static inline const char **arguments_of(struct description *child) { return child->shell_arguments + 1; }

struct host {
    uint8_t *memory;
    uint32_t memory_size;
    const char *program;
    const char *const *arguments;
    const char *const *environment;
    struct handle handles[HANDLES_MAX];
    /* Every handle below has been given out at some time: what a search for a free one has to look at. */
    uint32_t handles_used, first_free;
    struct description child;
    struct termios settings;
    bool settings_kept;
    /* stderr is closed, its number may be anybody's. */
    bool silent;
};

/* Guest memory [at, at + size) as host memory; NULL when not all of it is the guest's. */
static inline void *guest(const struct host *host, uint32_t at, uint32_t size) {
    return (uint64_t)at + size <= host->memory_size ? host->memory + at : NULL;
}

/* A NUL-terminated string of the guest's; NULL when its memory ends before the string does. */
const char *guest_string(const struct host *host, uint32_t at);

/* The descriptor behind a handle; -EBADF. */
int fd_of(const struct host *host, uint32_t handle);
/* Takes a descriptor, or passes on a negated errno: a handle; -EMFILE (and the descriptor closed) when all are taken. */
int32_t handle_for(struct host *host, long fd);
/* Stores two handles for two descriptors at `at`; closes both on failure. */
int32_t handle_pair(struct host *host, uint32_t at, const int fds[2]);

/* Whether the program may name this path at all. */
bool path_allowed(const struct host *host, const char *path);
/* The same for a guest's string: NULL and -EFAULT or -EACCES in *error. */
const char *allowed_path(const struct host *host, uint32_t at, int32_t *error);

/* Each host's loop forgets a handle that is about to be closed. */
void loop_forget(struct host *host, uint32_t handle);

#define ARGS_0 struct host *host
#define ARGS_1 ARGS_0, uint32_t
#define ARGS_2 ARGS_1, uint32_t
#define ARGS_3 ARGS_2, uint32_t
#define ARGS_4 ARGS_3, uint32_t
#define ARGS_5 ARGS_4, uint32_t
#define CALL(name, count) int32_t shim_##name(ARGS_##count);
#include "calls.h"
#undef CALL

#endif
