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
#define DESCRIPTORS_MAX 8
#define LIMITS_MAX 16
/* Children that have not been waited for: commands side by side, hooks. */
#define CHILDREN_MAX 4352
/* SCM_MAX_FD: the kernel sends no more handles than this in one message. */
#define MESSAGE_HANDLES_MAX 253
/* Processes that are being started at the same moment, from the fork until they execute. */
#define STARTS_MAX 64

struct handle {
    int fd;
    /* What the module waits for, and what the loop has told the kernel so far. */
    uint8_t wanted, watched;
    /* A descriptor that epoll refuses (a regular file) is ready all the time. */
    bool always;
    /* Sockets that others share are asked not to block call by call. */
    bool shared;
    /* An end of a pipe that the module itself has made. */
    bool made;
    /* In the list of handles whose interest changed. */
    bool listed;
    /* Told apart from an earlier handle of the same number, whose events may still be on their way. */
    uint16_t generation;
};

struct limit { uint32_t id; uint64_t soft_hard[2]; };

/* NUL-terminated strings back to back, copied from the guest. */
struct strings { const char *text; uint32_t size, count; };

/* A process as the module describes it. It lies at the beginning of an arena (process.c), its strings further up there. */
struct description {
    /* Not 0 while the child may still use the arena: the kernel clears it when the child executes or ends. set_tid_address(2) */
    volatile int busy;
    uint32_t arena_size, used;
    struct strings files, arguments, environment, directory;
    const char **file_list, **argument_list, **environment_list;
    /* `fd` is `handle`'s when the process is started; of 0, the host's own. */
    struct { int target, fd; uint32_t handle; } descriptors[DESCRIPTORS_MAX];
    struct limit limits[LIMITS_MAX];
    uint32_t descriptor_count, limit_count, uid, gid, flags;
    bool set_user, self;
    /* Whoever starts it has no standard descriptors left that it could keep. */
    bool bare;
    /* 0 when there is none. */
    uint32_t gate_handle;
    int gate, self_fd, report, parent;
    /* The first error of describing it: what lacks a part is not started. */
    int32_t failed;
};

struct host {
    uint8_t *memory;
    uint32_t memory_size;
    const char *program;
    const char *const *arguments;
    const char *const *environment;
    struct handle handles[HANDLES_MAX];
    /* Every handle below has been given out at some time: what a search for a free one has to look at. */
    uint32_t handles_used, first_free;
    /* The process that is being described; NULL when none is, or there was no memory for it. */
    struct description *child;
    /* Arenas of processes that were started; those that are not busy any more are used again. */
    struct description *starts[STARTS_MAX];
    /* Processes that were started and not waited for; 0 is a free place. */
    int32_t children[CHILDREN_MAX];
    uint32_t children_used;
    /* Descriptors that the program was started with and has not taken yet: bit n is descriptor n. */
    uint32_t given;
    /* Mounts can be made without anybody outside seeing them. */
    bool mounts_isolated;
    struct termios settings;
    bool settings_kept;
    /* stderr is closed, its number may be anybody's. */
    bool silent;
};

/* Numbers in guest memory lie wherever the guest says. */
typedef int32_t __attribute__((aligned(1), may_alias)) guest_i32;
typedef uint32_t __attribute__((aligned(1), may_alias)) guest_u32;
typedef uint64_t __attribute__((aligned(1), may_alias)) guest_u64;

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
/* A handle in the place of a descriptor that the program was started with; `keep` leaves the descriptor open beside it. */
int32_t take_descriptor(struct host *host, int fd, bool keep);

/* Unmaps what starting processes took, for a host that ends before its process does. */
void release_arenas(struct host *host);

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
