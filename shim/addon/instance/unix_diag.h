/* The unix sockets of a network namespace, and their peers, by netlink. sock_diag(7) */
#ifndef WARDEN_UNIX_DIAG_H
#define WARDEN_UNIX_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct unix_socket {
    uint32_t inode;
    /* The connected socket's inode; 0 without one. */
    uint32_t peer;
    /* The inode of the file that bind(2) made; 0 without one. */
    uint32_t file;
    bool listens;
    /* The address that bind(2) got; an abstract one begins with a byte 0. Empty without one. */
    const char *name;
    uint32_t name_size;
};

/* Calls `each` for every unix socket of a network namespace: a descriptor, or -1 for the calling thread's own. The calling
 * thread enters the namespace and stays there. Returns 0 or a negated errno. */
int32_t dump_unix_sockets(int net_namespace, void (*each)(void *context, const struct unix_socket *socket), void *context);

#ifdef __cplusplus
}
#endif
#endif
