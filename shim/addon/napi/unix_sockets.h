// The unix sockets of a network namespace, with their peers. sock_diag(7)
#pragma once
#include <cstdint>
#include <string>
#include <vector>

// The fields of struct unix_socket (unix_diag.h).
struct UnixSocket {
  uint32_t inode;
  uint32_t peer;
  bool listens;
  std::string name;
  uint32_t file;
};

// Lists the sockets of a network namespace: a descriptor, or -1 for this process's own. Returns 0 or a negated errno.
int ListUnixSockets(int net_namespace, std::vector<UnixSocket> *sockets);
