/* The host of one module, for the addon's C++ files. Only the C files include struct host: its <asm/termbits.h> (kernel) and
 * the <termios.h> (C library) of <uv.h> both define struct termios. */
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
    /* The handle's generation at that time: the number may have been reused. */
    uint16_t generation;
};

/* `program`, `arguments` and `environment` must stay valid as long as the host. The module gets copies of the descriptors
 * `stdio` as 0, 1 and 2. NULL when the kernel has no descriptors or memory left. */
struct host *instance_make(
    const char *program, const char *const *arguments, const char *const *environment, const int stdio[3], void *owner);
void *instance_owner(const struct host *host);
int instance_epoll_fd(const struct host *host);
/* Sets the module's memory. */
void instance_memory(struct host *host, void *memory, uint64_t size);
/* Closes all handles. The host itself stays; its calls return -EBADF. */
void instance_close(struct host *host);
/* Frees the host. False when a starting child still reads the program's environment. */
bool instance_free(struct host *host);

/* Stores at most `most` ready handles, without waiting; returns their number. */
uint32_t instance_ready(struct host *host, struct readiness *ready, uint32_t most);
/* Whether the module still waits for this event: an earlier event of the same turn may have closed or changed the handle. */
bool instance_wants(const struct host *host, const struct readiness *ready);
/* The first watched, always ready handle behind `after`; false without one. */
bool instance_next_always(const struct host *host, uint32_t after, struct readiness *ready);

/* The module's standard descriptor `fd`, instead of the process's. */
int32_t instance_inherit(struct host *host, uint32_t fd);
/* The boundary's `spawn`. The child inherits the instance's standard descriptors unless others are set. */
int32_t instance_spawn(struct host *host, uint32_t flags, uint32_t report_at);
/* Writes to the instance's stdout or stderr without blocking; returns bytes or a negated errno. */
int32_t instance_print(const struct host *host, uint32_t fd, const void *text, uint32_t size);
int32_t instance_print_guest(const struct host *host, uint32_t fd, uint32_t at, uint32_t size);

/* Identifies an open file across processes. */
struct identity {
    uint64_t device, inode, slave;
};
/* `slave`: for a pty's master, the device number of its slave; else 0. False for an invalid handle. */
bool instance_identify(const struct host *host, uint32_t handle, struct identity *identity);

/* Implemented by loop.cc: there are always ready handles, or none any more. */
void loop_always_ready(struct host *host, bool any);

#ifdef __cplusplus
}
#endif
#endif
