/* Arenas: where a process is described, and where its child runs until it executes. */
#ifndef WARDEN_DESCRIPTION_H
#define WARDEN_DESCRIPTION_H

#include "host.h"

/* The end of the child's stack in its arena. */
void *stack_top(struct description *child);
/* Looks the handles' descriptors up, not sooner: one may have been closed, and its descriptor be another's. -EBADF */
int32_t prepare_descriptors(const struct host *host, struct description *child);
/* Makes the lists that execve(2) takes, with `inherited` behind the environment; false when the arena has no room for them. */
bool prepare_lists(struct description *child, const char *const *inherited);

#endif
