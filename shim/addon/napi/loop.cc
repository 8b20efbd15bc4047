#include "loop.h"
#include "module_host.h"

namespace {
constexpr uint32_t kEventsATurn = 64;
constexpr int kSignals = 64;

// libuv's handle types share their first fields, but not a C++ base.
template <typename Handle> uv_handle_t *AsHandle(Handle *handle) { return reinterpret_cast<uv_handle_t *>(handle); }
template <typename Handle> Loop *LoopOf(Handle *handle) { return static_cast<Loop *>(AsHandle(handle)->data); }
}  // namespace

template <typename Handle> void Loop::Adopt(Handle *handle) {
  AsHandle(handle)->data = this;
  open_++;
}

template <typename Handle> void Loop::Drop(Handle *handle) { uv_close(AsHandle(handle), OnClosed); }

Loop::Loop(uv_loop_t *uv, struct host *host, Deliver deliver)
    : uv_(uv), host_(host), deliver_(std::move(deliver)), poll_(new uv_poll_t), idle_(new uv_idle_t), timer_(new uv_timer_t) {
  // An epoll descriptor is readable while one of its descriptors is ready.
  uv_poll_init(uv, poll_, instance_epoll_fd(host));
  uv_idle_init(uv, idle_);
  uv_timer_init(uv, timer_);
  Adopt(poll_);
  Adopt(idle_);
  Adopt(timer_);
  uv_poll_start(poll_, UV_READABLE, OnPoll);
}

void Loop::OnPoll(uv_poll_t *poll, int, int) {
  Loop *loop = LoopOf(poll);
  struct readiness ready[kEventsATurn];
  uint32_t count = instance_ready(loop->host_, ready, kEventsATurn);
  for (uint32_t i = 0; i < count && !loop->closing_; i++)
    if (instance_wants(loop->host_, &ready[i])) loop->deliver_(Entry::Ready, ready[i].handle, ready[i].events);
}

void Loop::OnIdle(uv_idle_t *idle) {
  Loop *loop = LoopOf(idle);
  struct readiness ready = {};
  while (!loop->closing_ && instance_next_always(loop->host_, ready.handle, &ready))
    loop->deliver_(Entry::Ready, ready.handle, ready.events);
}

void Loop::OnTimer(uv_timer_t *timer) { LoopOf(timer)->deliver_(Entry::Deadline, 0, 0); }

void Loop::OnSignal(uv_signal_t *signal, int number) { LoopOf(signal)->deliver_(Entry::Signal, static_cast<uint32_t>(number), 0); }

void Loop::AlwaysReady(bool any) {
  if (any) uv_idle_start(idle_, OnIdle);
  else uv_idle_stop(idle_);
}

void Loop::WakeAfter(int32_t milliseconds) {
  if (milliseconds < 0) {
    uv_timer_stop(timer_);
    return;
  }
  // Deadlines count from now, not from the start of this turn of the loop.
  uv_update_time(uv_);
  uv_timer_start(timer_, OnTimer, static_cast<uint64_t>(milliseconds), 0);
}

void Loop::SetSignals(uint64_t set) {
  for (int number = 1; number <= kSignals; number++) {
    bool wanted = set >> (number - 1) & 1;
    auto have = signals_.find(number);
    if (wanted && have == signals_.end()) {
      auto *signal = new uv_signal_t;
      uv_signal_init(uv_, signal);
      Adopt(signal);
      // libuv refuses signals that cannot be caught; signalfd(2) ignores them, too.
      uv_signal_start(signal, OnSignal, number);
      signals_.emplace(number, signal);
    } else if (!wanted && have != signals_.end()) {
      Drop(have->second);
      signals_.erase(have);
    }
  }
}

void Loop::Close(std::function<void()> closed) {
  closing_ = true;
  closed_ = std::move(closed);
  SetSignals(0);
  Drop(poll_);
  Drop(idle_);
  Drop(timer_);
}

void Loop::OnClosed(uv_handle_t *handle) {
  Loop *loop = LoopOf(handle);
  switch (handle->type) {
    case UV_POLL: delete reinterpret_cast<uv_poll_t *>(handle); break;
    case UV_IDLE: delete reinterpret_cast<uv_idle_t *>(handle); break;
    case UV_TIMER: delete reinterpret_cast<uv_timer_t *>(handle); break;
    default: delete reinterpret_cast<uv_signal_t *>(handle); break;
  }
  if (--loop->open_ > 0 || !loop->closing_) return;
  loop->closed_();
  delete loop;
}

// Calls of the boundary that the loop implements.
extern "C" {
void loop_always_ready(struct host *host, bool any) { Running::Of(host)->loop->AlwaysReady(any); }

int32_t shim_wakeAfter(struct host *host, uint32_t milliseconds) {
  Running::Of(host)->loop->WakeAfter(static_cast<int32_t>(milliseconds));
  return 0;
}

int32_t shim_routeSignals(struct host *host, uint32_t low, uint32_t high) {
  Running::Of(host)->SetSignals(static_cast<uint64_t>(high) << 32 | low);
  return 0;
}
}
