/* The container's root, made from inside the container's namespaces. */
#ifndef WARDEN_INSIDE_H
#define WARDEN_INSIDE_H

#include <stdbool.h>

/* Takes the steps that were read. The current directory is the container's, in the container's mount namespace. */
void make_root(bool has_own_ids);

#endif
