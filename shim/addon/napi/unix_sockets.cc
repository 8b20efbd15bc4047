#include "unix_sockets.h"
#include "../instance/unix_diag.h"
#include <thread>

int ListUnixSockets(int net_namespace, std::vector<UnixSocket> *sockets) {
  auto add = [](void *list, const unix_socket *found) {
    std::string name(found->name ? found->name : "", found->name_size);
    static_cast<std::vector<UnixSocket> *>(list)->push_back({found->inode, found->peer, found->listens, std::move(name), found->file});
  };
  int result = 0;
  // netlink answers for the thread's namespace, so a thread of its own enters it: this process stays where it is.
  std::thread([&] { result = dump_unix_sockets(net_namespace, add, sockets); }).join();
  return result;
}
