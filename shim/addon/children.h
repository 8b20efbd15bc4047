// The processes that one instance has started: it may wait for these and no others, which are Node's or another's.
#pragma once

#include "instance.h"
#include <vector>

class Children {
 public:
  ~Children();
  void Add(int32_t pid, bool dies_with_parent);
  // As the boundary's `wait`.
  int32_t Wait(struct host *host, int32_t pid, uint32_t status_at);
  // The instance has ended: kills those that were to die with it. Nobody waits for the others but ReapOrphans.
  void Leave();

 private:
  struct Child {
    int32_t pid;
    bool dies_with_parent;
  };
  std::vector<Child> children_;
};
