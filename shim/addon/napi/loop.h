// One instance's part of libuv's loop: its descriptors, deadline and signals.
#pragma once

#include "../instance/instance.h"
#include <functional>
#include <map>
#include <uv.h>

// A module's exports that a host calls, numbered as in src/host/addon.ts.
enum class Entry : uint32_t { Ready = 1, Signal = 2, Deadline = 3 };

class Loop {
 public:
  using Deliver = std::function<void(Entry, uint32_t, uint32_t)>;

  Loop(uv_loop_t *uv, struct host *host, Deliver deliver);
  void WakeAfter(int32_t milliseconds);
  void SetSignals(uint64_t set);
  void AlwaysReady(bool any);
  // Delivers nothing from now on. Calls `closed` when libuv has closed all handles, and frees the loop.
  void Close(std::function<void()> closed);

 private:
  ~Loop() = default;
  static void OnPoll(uv_poll_t *poll, int status, int events);
  static void OnIdle(uv_idle_t *idle);
  static void OnTimer(uv_timer_t *timer);
  static void OnSignal(uv_signal_t *signal, int number);
  static void OnClosed(uv_handle_t *handle);
  template <typename Handle> void Adopt(Handle *handle);
  template <typename Handle> void Drop(Handle *handle);

  uv_loop_t *uv_;
  struct host *host_;
  Deliver deliver_;
  std::function<void()> closed_;
  uv_poll_t *poll_;
  uv_idle_t *idle_;
  uv_timer_t *timer_;
  std::map<int, uv_signal_t *> signals_;
  int open_ = 0;
  bool closing_ = false;
};
