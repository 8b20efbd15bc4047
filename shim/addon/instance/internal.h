/* State that the addon's C files share. */
#ifndef WARDEN_INTERNAL_H
#define WARDEN_INTERNAL_H

#include "instance.h"
#include "../../sys/host.h"

struct instance {
    /* First: the shim's functions get this and nothing more. */
    struct host host;
    int epoll_fd;
    int stdio[3];
    /* Number of watched handles that epoll refuses because they are always ready: regular files. */
    uint32_t always_count;
    void *owner;
};

static inline struct instance *instance_of(struct host *host) { return (struct instance *)host; }

#endif
