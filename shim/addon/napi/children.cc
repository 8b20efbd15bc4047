#include "children.h"
#include "calls.h"
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <mutex>
#include <sys/wait.h>

namespace {
// Children of an ended instance. A program's would be reparented to init; these stay Node's children until reaped here.
std::mutex orphans_lock;
std::vector<int32_t> orphans;

void ReapOrphans() {
  std::lock_guard<std::mutex> guard(orphans_lock);
  std::erase_if(orphans, [](int32_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; });
}
}  // namespace

Children::~Children() { Leave(); }

void Children::Add(int32_t pid, bool dies_with_parent) {
  ReapOrphans();
  children_.push_back({pid, dies_with_parent});
}

int32_t Children::Wait(struct host *host, int32_t pid, uint32_t at, WaitCall *call) {
  int32_t result = -ECHILD;
  for (auto child = children_.begin(); child != children_.end(); ++child) {
    if (pid != -1 && child->pid != pid) continue;
    result = call(host, static_cast<uint32_t>(child->pid), at);
    if (result == 0) continue;
    if (result != -EFAULT) children_.erase(child);
    return result;
  }
  return result;
}

void Children::AdoptAll() {
  std::ifstream children("/proc/thread-self/children");
  std::lock_guard<std::mutex> guard(orphans_lock);
  for (int32_t pid; children >> pid;) orphans.push_back(pid);
}

void Children::Leave() {
  {
    std::lock_guard<std::mutex> guard(orphans_lock);
    for (const Child &child : children_) {
      if (child.dies_with_parent) kill(child.pid, SIGKILL);
      orphans.push_back(child.pid);
    }
  }
  children_.clear();
  ReapOrphans();
}
