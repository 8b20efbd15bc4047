#include "module_host.h"

namespace {
std::vector<const char *> Pointers(const std::vector<std::string> &texts) {
  std::vector<const char *> pointers;
  for (const std::string &text : texts) pointers.push_back(text.c_str());
  pointers.push_back(nullptr);
  return pointers;
}
}  // namespace

Running::Running(Settings settings)
    : settings_(std::move(settings)), arguments_(Pointers(settings_.arguments)), environment_(Pointers(settings_.environment)) {}

std::shared_ptr<Running> Running::Start(Settings settings, uv_loop_t *uv, Loop::Deliver deliver) {
  std::shared_ptr<Running> running(new Running(std::move(settings)));
  running->host = instance_make(running->settings_.program.c_str(), running->arguments_.data(), running->environment_.data(),
      running->settings_.stdio, running.get());
  if (!running->host) return nullptr;
  running->loop = new Loop(uv, running->host, std::move(deliver));
  return running;
}

Running::~Running() {
  // A starting child of the ended instance still reads this memory: leak some kilobytes instead of freeing them.
  if (host && !instance_free(host)) new std::vector<std::string>(std::move(settings_.environment));
}

void Running::End(std::function<void()> closed) {
  ended = true;
  loop->Close(std::move(closed));
  instance_close(host);
  loop = nullptr;
  children.Leave();
}
