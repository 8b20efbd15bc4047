// Which unix socket is connected to which: the kernel tells it over netlink only. sock_diag(7)
#pragma once
#include <cstdint>
#include <string>
#include <vector>

struct UnixSocket {
  uint32_t inode;
  // Of the socket at the other end; 0 when there is none, or it is gone.
  uint32_t peer;
  // It waits for connections.
  bool listens;
  // As bind(2) got it; an abstract one begins with a byte 0. Empty when there is none.
  std::string name;
  // Of the file that bind(2) made; 0 when there is none.
  uint32_t file;
};

// All of a network namespace, a descriptor, or of the caller's own for -1; 0, or a negated errno.
int ListUnixSockets(int net_namespace, std::vector<UnixSocket> *sockets);
