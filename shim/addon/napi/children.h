// The children of one instance. The instance may wait for these only: other children are Node's or another instance's.
#pragma once

#include "../instance/instance.h"
#include <vector>

class Children {
 public:
  ~Children();
  void Add(int32_t pid, bool dies_with_parent);
  // The boundary's `wait`.
  // `call`: shim_wait or shim_waitUsage.
  using WaitCall = int32_t(struct host *, uint32_t, uint32_t);
  int32_t Wait(struct host *host, int32_t pid, uint32_t at, WaitCall *call);
  // Children that the process had before it executed this program are reaped from now on, when others are.
  static void AdoptAll();
  // The instance has ended: kills the children that die with their parent. ReapOrphans reaps all of them.
  void Leave();

 private:
  struct Child {
    int32_t pid;
    bool dies_with_parent;
  };
  std::vector<Child> children_;
};
