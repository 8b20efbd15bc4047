// A module that runs in this process: state shared by its host object, its imports and its loop.
#pragma once

#include "calls.h"
#include "children.h"
#include "loop.h"
#include <memory>
#include <string>
#include <vector>

struct Settings {
  std::string program;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  int stdio[3];
  // Signals of the process that the module may get.
  uint64_t signals;
};

class Running {
 public:
  // NULL when the kernel has no descriptors or memory left.
  static std::shared_ptr<Running> Start(Settings settings, uv_loop_t *uv, Loop::Deliver deliver);
  ~Running();
  static Running *Of(struct host *host) { return static_cast<Running *>(instance_owner(host)); }

  void SetSignals(uint64_t set) { loop->SetSignals(set & settings_.signals); }
  // Closes all handles of the module. Calls `closed` when libuv has closed its own.
  void End(std::function<void()> closed);

  struct host *host = nullptr;
  Loop *loop = nullptr;
  Children children;
  bool ended = false;

 private:
  explicit Running(Settings settings);
  Settings settings_;
  std::vector<const char *> arguments_, environment_;
};
