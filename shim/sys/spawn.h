/* Arenas hold the description of a process, and the stack of its child until the child executes. */
#ifndef WARDEN_SPAWN_H
#define WARDEN_SPAWN_H

#include "host.h"

/* The top of the child's stack in its arena. */
void *spawn_stack_top(struct spawn *child);
/* Resolves handles to descriptors, at the start and not earlier: a handle may have been closed meanwhile. -EBADF */
int32_t prepare_descriptors(const struct host *host, struct spawn *child);
/* Makes the lists for execve(2), with `inherited` behind the environment; false when the arena is full. */
bool prepare_lists(struct spawn *child, const char *const *inherited);

/* In the child: reads the block, and makes the lists anew with its strings. A negated errno: it is not sealed, or not as announced. */
long read_block(struct spawn *child);

/* A descriptor of a copy of the running program, which nobody can write to, not even root in the container that runs it. */
long sealed_copy(void);

#endif
