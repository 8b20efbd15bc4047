#include "calls.h"
#include "../instance/instance.h"
#include "module_host.h"
#include <cerrno>

namespace {
template <auto function, typename... Numbers, size_t... index>
int32_t Pass(int32_t (*)(struct host *, Numbers...), struct host *host, const Arguments &given, std::index_sequence<index...>) {
  return function(host, given[index]...);
}

template <auto function, size_t count> int32_t Run(struct host *host, const Arguments &given) {
  return Pass<function>(function, host, given, std::make_index_sequence<count>());
}

// Calls that would change the whole process, not only the instance.
int32_t Refuse(struct host *, const Arguments &) { return -EPERM; }

// An instance ends with its process anyway.
int32_t SetParentDeathSignal(struct host *, const Arguments &) { return 0; }

int32_t AdoptFd(struct host *host, const Arguments &given) { return instance_inherit(host, given[0]); }

int32_t Spawn(struct host *host, const Arguments &given) {
  constexpr uint32_t kDieWithParent = 16;  // SPAWN_DIE_WITH_PARENT
  int32_t pid = instance_spawn(host, given[0], given[1]);
  if (pid > 0) Running::Of(host)->children.Add(pid, given[0] & kDieWithParent);
  return pid;
}

int32_t Wait(struct host *host, const Arguments &given) {
  return Running::Of(host)->children.Wait(host, static_cast<int32_t>(given[0]), given[1], shim_wait);
}

int32_t WaitUsage(struct host *host, const Arguments &given) {
  return Running::Of(host)->children.Wait(host, static_cast<int32_t>(given[0]), given[1], shim_waitUsage);
}

constexpr Call kOwn[] = {
    {"adoptFd", 1, AdoptFd},
    {"spawn", 2, Spawn},
    {"wait", 2, Wait},
    {"waitUsage", 2, WaitUsage},
    {"setParentDeathSignal", 1, SetParentDeathSignal},
    {"spawnSelf", 0, Refuse},
    {"raise", 1, Refuse},
    {"setsid", 0, Refuse},
    {"setProcessName", 1, Refuse},
    {"unshareMounts", 0, Refuse},
    {"bindRootAndEnter", 1, Refuse},
    {"pivot", 1, Refuse},
    {"unmount", 1, Refuse},
    {"enterDirectory", 1, Refuse},
    {"loopbackUp", 0, Refuse},
    {"raiseNofileLimit", 0, Refuse},
    {"dropStdioAndEnvironment", 0, Refuse},
};

constexpr Call kAll[] = {
#define CALL(name, count) {#name, count, Run<shim_##name, count>},
#include "../../sys/calls.h"
#undef CALL
};

const Call *OwnOf(const Call &call) {
  for (const Call &own : kOwn)
    if (own.name == call.name) return &own;
  return &call;
}
}  // namespace

std::vector<const Call *> AllCalls() {
  std::vector<const Call *> calls;
  for (const Call &call : kAll) calls.push_back(OwnOf(call));
  return calls;
}
