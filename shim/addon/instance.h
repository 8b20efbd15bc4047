/* One module's host, as the addon's C++ sees it. Only the C files know struct host: the kernel's <asm/termbits.h> behind
 * it and the C library's <termios.h> behind <uv.h> both define struct termios. */
#ifndef WARDEN_INSTANCE_H
#define WARDEN_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct host;

/* A watched handle that is ready. */
struct readiness {
    uint32_t handle;
    uint32_t events;
    /* Of the handle that it was meant for: the number may have been given out anew. */
    uint16_t generation;
};

/* What `arguments`, `environment` and `program` point to has to live as long as the host; `stdio` are
 * descriptors of which the module gets copies as 0, 1 and 2. NULL when the kernel has no descriptors or memory left. */
struct host *instance_make(const char *program, const char *const *arguments, const char *const *environment,
    const int stdio[3], void *owner);
void *instance_owner(const struct host *host);
int instance_epoll_fd(const struct host *host);
/* Where the module's memory is from now on. */
void instance_memory(struct host *host, void *memory, uint64_t size);
/* Closes all handles; the host itself stays, and answers -EBADF. */
void instance_close(struct host *host);
/* False when a child that has not executed yet still reads the program's environment. */
bool instance_free(struct host *host);

/* What is ready now, at most `most`, without waiting. */
uint32_t instance_ready(struct host *host, struct readiness *ready, uint32_t most);
/* Whether the module still waits for this: an earlier event of the same turn may have closed or changed it. */
bool instance_wants(const struct host *host, const struct readiness *ready);
/* The first handle behind `after` that is ready all the time and watched; false when there is none. */
bool instance_next_always(const struct host *host, uint32_t after, struct readiness *ready);

/* The module's standard descriptor `fd`, instead of the process's. */
int32_t instance_inherit(struct host *host, uint32_t fd);
/* As `spawn`; the child has the instance's standard descriptors where it was not given others. */
int32_t instance_spawn(struct host *host, uint32_t flags, uint32_t report_at);
/* Writes to the instance's stdout or stderr what can be written now; bytes or a negated errno. */
int32_t instance_print(const struct host *host, uint32_t fd, const void *text, uint32_t size);
int32_t instance_print_guest(const struct host *host, uint32_t fd, uint32_t at, uint32_t size);

/* What tells an open file from all others, in whatever process it is open, too. */
struct identity { uint64_t device, inode, slave; };
/* `slave`: the device number of the terminal whose master it is. False for what is no handle. */
bool instance_identify(const struct host *host, uint32_t handle, struct identity *identity);

/* The loop's side (loop.cc): there are handles that are ready all the time, or none any more. */
void loop_always_ready(struct host *host, bool any);

#ifdef __cplusplus
}
#endif
#endif
