#include "sockets.h"
#include <cerrno>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace {

// More than the kernel puts into one message of a dump.
constexpr size_t kMessageBytes = 1 << 16;

struct Request {
  nlmsghdr header;
  unix_diag_req body;
};

UnixSocket Parse(const nlmsghdr *header) {
  const unix_diag_msg *message = static_cast<const unix_diag_msg *>(NLMSG_DATA(header));
  UnixSocket socket = {message->udiag_ino, 0, message->udiag_state == TCP_LISTEN, {}, 0};
  const rtattr *attribute = reinterpret_cast<const rtattr *>(message + 1);
  unsigned left = static_cast<unsigned>(NLMSG_PAYLOAD(header, sizeof *message));
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    const void *data = RTA_DATA(attribute);
    if (attribute->rta_type == UNIX_DIAG_PEER) socket.peer = *static_cast<const uint32_t *>(data);
    if (attribute->rta_type == UNIX_DIAG_NAME) socket.name.assign(static_cast<const char *>(data), RTA_PAYLOAD(attribute));
    if (attribute->rta_type == UNIX_DIAG_VFS) socket.file = static_cast<const unix_diag_vfs *>(data)->udiag_vfs_ino;
  }
  // A path comes with the byte that ends it.
  if (!socket.name.empty() && socket.name.front() != 0 && socket.name.back() == 0) socket.name.pop_back();
  return socket;
}

int Dump(int netlink, std::vector<UnixSocket> *sockets) {
  Request request = {};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = ~0U;
  request.body.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER;
  if (send(netlink, &request, sizeof request, 0) < 0) return -errno;
  std::vector<nlmsghdr> buffer(kMessageBytes / sizeof(nlmsghdr));
  for (;;) {
    ssize_t got = recv(netlink, buffer.data(), kMessageBytes, 0);
    if (got < 0) return -errno;
    unsigned left = static_cast<unsigned>(got);
    for (nlmsghdr *header = buffer.data(); NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_DONE) return 0;
      if (header->nlmsg_type == NLMSG_ERROR) return static_cast<const nlmsgerr *>(NLMSG_DATA(header))->error;
      sockets->push_back(Parse(header));
    }
  }
}

int Ask(int net_namespace, std::vector<UnixSocket> *sockets) {
  if (net_namespace >= 0 && setns(net_namespace, CLONE_NEWNET) < 0) return -errno;
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0) return -errno;
  int result = Dump(netlink, sockets);
  close(netlink);
  return result;
}

}  // namespace

int ListUnixSockets(int net_namespace, std::vector<UnixSocket> *sockets) {
  int result = 0;
  // The kernel answers for the namespace of whoever asks, and a thread has its own: this process stays where it is.
  std::thread([&] { result = Ask(net_namespace, sockets); }).join();
  return result;
}
