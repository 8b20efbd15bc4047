/* The state of one running module: its memory, its handles, the process that it describes. The launcher has one, the addon
 * one for each instance. The enumerations are those of assembly/boundary/shim.ts; a test compares them. */
#ifndef WARDEN_HOST_H
#define WARDEN_HOST_H

#include "arch/arch.h"
#include <asm/termbits.h>
#include <linux/sched.h>
#include <stdbool.h>

enum { FILE_TYPE_OTHER, FILE_TYPE_FILE, FILE_TYPE_DIRECTORY, FILE_TYPE_PIPE, FILE_TYPE_SOCKET, FILE_TYPE_TERMINAL };
enum { CAN_READ = 8, CAN_WRITE = 16, MARKED = 32 };
enum { READ = 1, WRITE = 2, HANGUP = 4 };
enum { OPEN_READ, OPEN_REPLACE, OPEN_APPEND, OPEN_BOTH };
enum {
    OPENAT_READ = 1,
    OPENAT_WRITE = 2,
    OPENAT_PATH = 4,
    OPENAT_DIRECTORY = 8,
    OPENAT_CREATE = 16,
    OPENAT_EXCLUSIVE = 32,
    OPENAT_TRUNCATE = 64,
    OPENAT_APPEND = 128,
    OPENAT_NOFOLLOW = 256
};
enum {
    SPAWN_SESSION = 1,
    SPAWN_TERMINAL = 2,
    SPAWN_NO_GROUPS = 4,
    SPAWN_NO_NEW_PRIVS = 8,
    SPAWN_DIE_WITH_PARENT = 16,
    SPAWN_CONTAINER = 32,
    SPAWN_INHERIT_ENVIRONMENT = 64,
    SPAWN_USER_NAMESPACE = 128,
    SPAWN_EXPENDABLE = 256,
    SPAWN_HOME = 512,
    SPAWN_SHARE_NETWORK = 1024
};
enum { LOWERED = 256 };
enum {
    STEP_DESCRIPTORS = 1,
    STEP_SESSION,
    STEP_TERMINAL,
    STEP_LIMIT,
    STEP_GROUPS,
    STEP_GROUP,
    STEP_USER,
    STEP_PRIVILEGES,
    STEP_DIRECTORY,
    STEP_EXECUTE,
    STEP_PARENT,
    STEP_BLOCK
};

/* The namespaces that `fork` and `unshare` may make. */
#define NAMESPACES \
    ((uint32_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME))
/* 4,096 commands at the same time, 1,024 clients, and a few handles of the program itself. */
#define HANDLES_MAX 6144
/* A monitor passes descriptors on under the numbers under which it got them: as many as `given` has bits. */
#define DESCRIPTORS_MAX 32
/* Descriptors that a program may be started with. */
#define GIVEN_MAX 32
/* Sixteen that a request asks for, and defaults. */
#define LIMITS_MAX 32
/* Unreaped children: commands at the same time, and hooks. */
#define CHILDREN_MAX 4352
/* SCM_MAX_FD: the kernel sends no more handles than this in one message. */
#define MESSAGE_HANDLES_MAX 253
/* Processes between fork and exec at the same moment that share the program's memory. */
#define STARTS_MAX 64

struct handle {
    int fd;
    /* Events that the module waits for, and events that epoll watches. */
    uint8_t wanted, watched;
    /* epoll refuses the descriptor (a regular file): it is ready all the time. */
    bool always_ready;
    /* A socket shared with other processes: MSG_DONTWAIT in each call instead of O_NONBLOCK. */
    bool shared_socket;
    /* An end of a pipe that the module itself made. */
    bool own_pipe;
    /* The handle is in the list of changed handles. */
    bool listed;
    /* Distinguishes the handle from an earlier one of the same number, whose events may still be queued. */
    uint16_t generation;
};

struct limit {
    uint32_t id;
    uint64_t soft_hard[2];
};

/* NUL-terminated strings back to back, copied from the guest. */
struct strings {
    const char *text;
    uint32_t size, count;
};

/* A process that the module describes, at the start of its arena; its strings follow in the arena (spawn.c). */
struct spawn {
    /* Not 0 while a child uses this very arena: the kernel clears it when the child executes or ends. set_tid_address(2) */
    volatile int busy;
    uint32_t arena_size, used;
    struct strings files, arguments, environment, directory;
    const char **file_list, **argument_list, **environment_list;
    /* `fd` is resolved from `handle` at start; with handle 0 it is the host's own descriptor. */
    struct {
        int target, fd;
        uint32_t handle;
        /* The handle is a pipe that the module made: the child's user gets it. */
        bool own_pipe;
    } descriptors[DESCRIPTORS_MAX];
    struct limit limits[LIMITS_MAX];
    uint32_t descriptor_count, limit_count, group_count, uid, gid, umask, owner, flags;
    const uint32_t *groups;
    bool set_user, set_groups, has_owner, self;
    /* The child reads these strings from a file; 0 without one. */
    uint32_t block_handle, block_arguments, block_environment;
    int block;
    /* The starting program has closed its standard descriptors: the child inherits none. */
    bool no_stdio;
    /* All signals of the starting program have their default action. */
    bool signals_reset;
    /* The child reads one byte from this pipe before it executes; 0 without one. */
    uint32_t start_pipe_handle;
    int start_pipe, self_fd, error_pipe, parent;
    /* The first error of a field: an incomplete description is not started. */
    int32_t failed;
};

struct host {
    uint8_t *memory;
    uint32_t memory_size;
    const char *program;
    const char *const *arguments;
    const char *const *environment;
    struct handle handles[HANDLES_MAX];
    /* Handles below `handles_used` have been used at some time; a search for a free one starts at `first_free`. */
    uint32_t handles_used, first_free;
    /* The process that is being described; NULL without one. */
    struct spawn *child;
    /* Arenas of started processes; an arena that is not busy is used again. */
    struct spawn *starts[STARTS_MAX];
    /* Pids of unreaped children; 0 is a free slot. */
    int32_t children[CHILDREN_MAX];
    uint32_t children_used;
    /* Descriptors that the program was started with and has not adopted yet: bit n is descriptor n. */
    uint32_t inheritable_fds;
    /* The mount namespace is this program's own. */
    bool mounts_isolated;
    /* No other code uses the process. */
    bool alone;
    struct termios settings;
    bool settings_kept;
    /* stdin, stdout and stderr are closed; their numbers may be reused. */
    bool stdio_closed;
    /* All signals have their default action. */
    bool signals_reset;
};

/* Numbers in guest memory may be unaligned. */
typedef int32_t __attribute__((aligned(1), may_alias)) guest_i32;
typedef uint32_t __attribute__((aligned(1), may_alias)) guest_u32;
typedef uint64_t __attribute__((aligned(1), may_alias)) guest_u64;

/* Guest memory [at, at + size) as host memory; NULL if the range leaves the guest's memory. */
static inline void *guest(const struct host *host, uint32_t at, uint32_t size) {
    return (uint64_t)at + size <= host->memory_size ? host->memory + at : NULL;
}

/* A NUL-terminated string of the guest; NULL if its memory ends before the string. */
const char *guest_string(const struct host *host, uint32_t at);

/* The descriptor behind a handle; -EBADF. */
int fd_of(const struct host *host, uint32_t handle);
/* A handle for a descriptor; passes a negated errno on. Without a free handle, closes the descriptor: -EMFILE. */
int32_t handle_for(struct host *host, long fd);
/* Stores two handles for two descriptors at `at`; closes both on failure. */
int32_t handle_pair(struct host *host, uint32_t at, const int fds[2]);
/* A handle for a descriptor that the program was started with; the descriptor is closed unless `keep`. */
int32_t take_descriptor(struct host *host, int fd, bool keep);

/* Unmaps the arenas, for a host that ends before its process. */
void release_arenas(struct host *host);

/* The descriptor's path in /proc; 32 bytes are enough for every int. */
void proc_path(char path[32], int fd);
/* Unreaped children: whether there is room for one more; adds one. */
bool has_child_room(const struct host *host);
void note_child(struct host *host, int32_t pid);

/* The host's loop stops watching a handle that is about to be closed. */
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
