#define _GNU_SOURCE
#include "unix_diag.h"
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel puts less than this into one message of a dump. */
#define MESSAGE_BYTES (1 << 15)

static struct unix_socket parse(const struct nlmsghdr *header) {
    const struct unix_diag_msg *message = NLMSG_DATA(header);
    struct unix_socket socket = {.inode = message->udiag_ino, .listens = message->udiag_state == TCP_LISTEN};
    const char *at = (const char *)(message + 1), *end = (const char *)header + header->nlmsg_len;
    while (end - at >= (ptrdiff_t)sizeof(struct rtattr)) {
        struct rtattr attribute;
        memcpy(&attribute, at, sizeof attribute);
        if (attribute.rta_len < sizeof attribute || attribute.rta_len > end - at) break;
        const char *data = at + RTA_LENGTH(0);
        if (attribute.rta_type == UNIX_DIAG_PEER) memcpy(&socket.peer, data, sizeof socket.peer);
        if (attribute.rta_type == UNIX_DIAG_VFS) memcpy(&socket.file, data, sizeof socket.file);
        if (attribute.rta_type == UNIX_DIAG_NAME) {
            socket.name = data;
            socket.name_size = (uint32_t)(attribute.rta_len - RTA_LENGTH(0));
        }
        at += RTA_ALIGN(attribute.rta_len);
    }
    // A path comes with its NUL.
    if (socket.name_size && socket.name[0] != 0 && socket.name[socket.name_size - 1] == 0) socket.name_size--;
    return socket;
}

static int32_t dump(int netlink, void (*each)(void *, const struct unix_socket *), void *context) {
    static const struct {
        struct nlmsghdr header;
        struct unix_diag_req body;
    } request = {
        .header = {.nlmsg_len = sizeof request, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body =
            {
                .sdiag_family = AF_UNIX,
                .udiag_states = ~0U,
                .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER,
            },
    };
    _Alignas(struct nlmsghdr) char buffer[MESSAGE_BYTES];
    if (send(netlink, &request, sizeof request, 0) < 0) return -errno;
    for (;;) {
        ssize_t got = recv(netlink, buffer, sizeof buffer, 0);
        if (got < 0) return -errno;
        struct nlmsghdr header;
        for (char *at = buffer; buffer + got - at >= (ptrdiff_t)sizeof header; at += NLMSG_ALIGN(header.nlmsg_len)) {
            memcpy(&header, at, sizeof header);
            if (header.nlmsg_len < sizeof header || header.nlmsg_len > buffer + got - at) break;
            if (header.nlmsg_type == NLMSG_DONE) return 0;
            if (header.nlmsg_type == NLMSG_ERROR) return *(const int32_t *)(const void *)(at + NLMSG_HDRLEN);
            struct unix_socket socket = parse((const struct nlmsghdr *)(const void *)at);
            each(context, &socket);
        }
    }
}

int32_t dump_unix_sockets(int net_namespace, void (*each)(void *, const struct unix_socket *), void *context) {
    if (net_namespace >= 0 && setns(net_namespace, CLONE_NEWNET) < 0) return -errno;
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0) return -errno;
    int32_t result = dump(netlink, each, context);
    close(netlink);
    return result;
}
