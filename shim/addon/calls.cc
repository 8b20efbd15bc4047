#include "calls.h"
#include "instance.h"
#include "running.h"
#include <cerrno>

namespace {
template <auto function, typename... Numbers, size_t... index>
int32_t Pass(int32_t (*)(struct host *, Numbers...), struct host *host, const Arguments &given, std::index_sequence<index...>) {
  return function(host, given[index]...);
}

template <auto function, size_t count> int32_t Run(struct host *host, const Arguments &given) {
  return Pass<function>(function, host, given, std::make_index_sequence<count>());
}

// What would change the whole process, not just the instance.
int32_t Refuse(struct host *, const Arguments &) { return -EPERM; }

// An instance cannot outlive the process that it runs in.
int32_t DieWithParent(struct host *, const Arguments &) { return 0; }

int32_t Inherit(struct host *host, const Arguments &given) { return instance_inherit(host, given[0]); }

int32_t Spawn(struct host *host, const Arguments &given) {
  constexpr uint32_t kDieWithParent = 16;  // SPAWN_DIE_WITH_PARENT
  int32_t pid = instance_spawn(host, given[0], given[1]);
  if (pid > 0) Running::Of(host)->children.Add(pid, given[0] & kDieWithParent);
  return pid;
}

int32_t Wait(struct host *host, const Arguments &given) {
  return Running::Of(host)->children.Wait(host, static_cast<int32_t>(given[0]), given[1]);
}

constexpr Call kOwn[] = {
    {"inherit", 1, Inherit},
    {"spawn", 2, Spawn},
    {"wait", 2, Wait},
    {"dieWithParent", 1, DieWithParent},
    {"spawnSelf", 0, Refuse},
    {"raise", 1, Refuse},
    {"session", 0, Refuse},
    {"title", 1, Refuse},
    {"isolateMounts", 0, Refuse},
    {"enterRoot", 1, Refuse},
    {"pivot", 1, Refuse},
    {"unmount", 1, Refuse},
    {"enterDirectory", 1, Refuse},
    {"loopbackUp", 0, Refuse},
    {"moreDescriptors", 0, Refuse},
    {"forgetOrigin", 0, Refuse},
};

constexpr Call kAll[] = {
#define CALL(name, count) {#name, count, Run<shim_##name, count>},
#include "../sys/calls.h"
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
