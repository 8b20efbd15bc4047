// The boundary's calls, implemented by shim/sys and the addon.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

struct host;

template <size_t> using Number = uint32_t;
template <size_t... index> auto FunctionOf(std::index_sequence<index...>) -> int32_t (*)(struct host *, Number<index>...);
// int32_t(struct host *, uint32_t… as many as `count`)
template <size_t count> using ShimCall = std::remove_pointer_t<decltype(FunctionOf(std::make_index_sequence<count>()))>;

extern "C" {
#define CALL(name, count) ShimCall<count> shim_##name;
#include "../../sys/calls.h"
#undef CALL
}

constexpr size_t kArgumentsMax = 5;
using Arguments = std::array<uint32_t, kArgumentsMax>;

struct Call {
  std::string_view name;
  size_t count;
  int32_t (*run)(struct host *, const Arguments &);
};

// Every call of the boundary.
std::vector<const Call *> AllCalls();
