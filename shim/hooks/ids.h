/* The ids of a container in a user namespace of its own, as etc/ids has them. user_namespaces(7) */
#ifndef WARDEN_IDS_H
#define WARDEN_IDS_H

#include "hook.h"

/* What src/linux/ids.ts calls these. */
enum ids_method {
    /* No user namespace: there is no etc/ids. */
    IDS_OF_HOST,
    /* The kernel takes the maps from this process. */
    IDS_WRITE,
    /* The same for one id, which takes that setgroups(2) is denied. */
    IDS_SINGLE,
    /* newuidmap(1) and newgidmap(1) write the maps. */
    IDS_TOOLS,
};

struct ids {
    enum ids_method method;
    /* Lines of "CONTAINER HOST SIZE". */
    char *uid_map, *gid_map;
};

struct ids read_ids(void);
/* Gives the maps to the user namespace of the process; `pid` in digits. */
void write_maps(const struct ids *ids, const char *pid, const char *const *environment);

#endif
