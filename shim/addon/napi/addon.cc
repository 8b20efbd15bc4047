// The addon that src/host/addon.ts declares. An Instance is one module that runs in this process.
#include "../instance/self.h"
#include "children.h"
#include "module_host.h"
#include "unix_sockets.h"
#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <napi.h>
#include <unistd.h>

namespace {

std::vector<std::string> Texts(const Napi::Array &list) {
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < list.Length(); i++) texts.push_back(list.Get(i).As<Napi::String>().Utf8Value());
  return texts;
}

Settings SettingsFrom(const Napi::Object &options) {
  Settings settings = {
      .program = options.Get("program").As<Napi::String>().Utf8Value(),
      .arguments = Texts(options.Get("arguments").As<Napi::Array>()),
      .environment = Texts(options.Get("environment").As<Napi::Array>()),
      .stdio = {},
      .signals = 0,
  };
  Napi::Array stdio = options.Get("stdio").As<Napi::Array>();
  for (uint32_t fd = 0; fd < 3; fd++) settings.stdio[fd] = stdio.Get(fd).As<Napi::Number>().Int32Value();
  Napi::Array signals = options.Get("signals").As<Napi::Array>();
  for (uint32_t i = 0; i < signals.Length(); i++) settings.signals |= uint64_t{1} << (signals.Get(i).As<Napi::Number>().Uint32Value() - 1);
  return settings;
}

// The module's memory. Growth detaches the buffer, so it is looked up again.
class Memory {
 public:
  void Attach(Napi::Object memory) {
    memory_ = Napi::Persistent(memory);
    Fetch();
  }
  void Refresh(struct host *host) {
    if (memory_.IsEmpty()) return;
    Napi::ArrayBuffer buffer = buffer_.Value();
    if (buffer.IsDetached()) buffer = Fetch();
    instance_memory(host, buffer.Data(), buffer.ByteLength());
  }
  void Forget() {
    memory_.Reset();
    buffer_.Reset();
  }

 private:
  Napi::ArrayBuffer Fetch() {
    Napi::ArrayBuffer buffer = memory_.Get("buffer").As<Napi::ArrayBuffer>();
    buffer_ = Napi::Persistent(buffer);
    return buffer;
  }
  Napi::ObjectReference memory_;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
};

// State that the Instance and libuv share; either may release it last.
struct Shared {
  std::shared_ptr<Running> running;
  Memory memory;
  Napi::FunctionReference deliver;
  std::unique_ptr<Napi::AsyncContext> context;
  napi_async_cleanup_hook_handle cleanup = nullptr;
  // A reference to itself until libuv has closed its handles: events may come until then.
  std::shared_ptr<Shared> self;
};

void Deliver(const Shared &shared, Entry entry, uint32_t first, uint32_t second) {
  Napi::Env env = shared.deliver.Env();
  Napi::HandleScope scope(env);
  shared.deliver.MakeCallback(env.Global(),
      {Napi::Number::New(env, static_cast<uint32_t>(entry)), Napi::Number::New(env, first), Napi::Number::New(env, second)},
      *shared.context);
  if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
}

// Idempotent. libuv closes its handles in a later turn of its loop; Node's end waits for that.
void End(Shared *shared) {
  if (shared->running->ended) return;
  shared->memory.Forget();
  shared->running->End([shared] {
    napi_remove_async_cleanup_hook(shared->cleanup);
    shared->deliver.Reset();
    shared->context.reset();
    std::shared_ptr<Shared> last = std::move(shared->self);
  });
}

class Instance : public Napi::ObjectWrap<Instance> {
 public:
  static Napi::Function Define(Napi::Env env) {
    std::vector<Napi::ClassPropertyDescriptor<Instance>> methods = {
        InstanceMethod<&Instance::Attach>("attach"),
        InstanceMethod<&Instance::Print>("print"),
        InstanceMethod<&Instance::Say>("say"),
        InstanceMethod<&Instance::Identify>("identify"),
        InstanceMethod<&Instance::EndNow>("end"),
    };
    std::deque<std::string> names;
    for (const Call *call : AllCalls()) {
      const std::string &name = names.emplace_back("shim_" + std::string(call->name));
      methods.push_back(InstanceMethod<&Instance::Boundary>(name.c_str(), napi_default_method, const_cast<Call *>(call)));
    }
    return DefineClass(env, "Instance", methods);
  }

  explicit Instance(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Instance>(info), shared_(std::make_shared<Shared>()) {
    Napi::Env env = info.Env();
    Napi::Object options = info[0].As<Napi::Object>();
    uv_loop_t *uv = nullptr;
    napi_get_uv_event_loop(env, &uv);
    Shared *shared = shared_.get();
    shared->running = Running::Start(
        SettingsFrom(options), uv, [shared](Entry entry, uint32_t first, uint32_t second) { Deliver(*shared, entry, first, second); });
    if (!shared->running) {
      Napi::Error::New(env, "cannot make an epoll instance; too many open files?").ThrowAsJavaScriptException();
      return;
    }
    shared->deliver = Napi::Persistent(options.Get("deliver").As<Napi::Function>());
    shared->context = std::make_unique<Napi::AsyncContext>(env, "warden");
    shared->self = shared_;
    napi_add_async_cleanup_hook(
        env, [](napi_async_cleanup_hook_handle, void *ending) { End(static_cast<Shared *>(ending)); }, shared, &shared->cleanup);
  }

 private:
  void Attach(const Napi::CallbackInfo &info) { shared_->memory.Attach(info[0].As<Napi::Object>()); }

  // A call of the boundary: takes numbers, returns a number.
  Napi::Value Boundary(const Napi::CallbackInfo &info) {
    const Call *call = static_cast<const Call *>(info.Data());
    Arguments arguments = {};
    for (size_t i = 0; i < call->count; i++) arguments[i] = static_cast<uint32_t>(info[i].As<Napi::Number>().Int32Value());
    return Napi::Number::New(info.Env(), Run(*shared_, [&](struct host *host) { return call->run(host, arguments); }));
  }

  template <typename Function> static int32_t Run(Shared &shared, Function function) {
    if (shared.running->ended) return -EBADF;
    shared.memory.Refresh(shared.running->host);
    return function(shared.running->host);
  }

  Napi::Value Print(const Napi::CallbackInfo &info) {
    uint32_t number[3];
    for (size_t i = 0; i < 3; i++) number[i] = static_cast<uint32_t>(info[i].As<Napi::Number>().Int32Value());
    return Napi::Number::New(
        info.Env(), Run(*shared_, [&](struct host *host) { return instance_print_guest(host, number[0], number[1], number[2]); }));
  }

  Napi::Value Say(const Napi::CallbackInfo &info) {
    std::string line = info[0].As<Napi::String>().Utf8Value() + "\n";
    int32_t said =
        shared_->running->ended ? -EBADF : instance_print(shared_->running->host, 2, line.data(), static_cast<uint32_t>(line.size()));
    return Napi::Number::New(info.Env(), said);
  }

  // [device, inode, the slave's device number of a pty's master, else 0]; undefined for an invalid handle.
  Napi::Value Identify(const Napi::CallbackInfo &info) {
    struct identity identity;
    uint32_t handle = info[0].As<Napi::Number>().Uint32Value();
    if (shared_->running->ended || !instance_identify(shared_->running->host, handle, &identity)) return info.Env().Undefined();
    Napi::Array numbers = Napi::Array::New(info.Env(), 3);
    numbers.Set(0u, static_cast<double>(identity.device));
    numbers.Set(1u, static_cast<double>(identity.inode));
    numbers.Set(2u, static_cast<double>(identity.slave));
    return numbers;
  }

  void EndNow(const Napi::CallbackInfo &) { End(shared_.get()); }

  std::shared_ptr<Shared> shared_;
};

Napi::Value UnixSockets(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  std::vector<UnixSocket> sockets;
  int error = ListUnixSockets(info[0].As<Napi::Number>().Int32Value(), &sockets);
  if (error < 0) return Napi::Number::New(env, error);
  Napi::Array list = Napi::Array::New(env, sockets.size());
  for (size_t i = 0; i < sockets.size(); i++) {
    Napi::Object socket = Napi::Object::New(env);
    socket.Set("inode", sockets[i].inode);
    socket.Set("peer", sockets[i].peer);
    socket.Set("listens", sockets[i].listens);
    socket.Set("name", sockets[i].name);
    socket.Set("file", sockets[i].file);
    list.Set(static_cast<uint32_t>(i), socket);
  }
  return list;
}

Napi::Value Execute(const Napi::CallbackInfo &info) {
  std::string file = info[0].As<Napi::String>().Utf8Value();
  std::vector<std::string> arguments = Texts(info[1].As<Napi::Array>());
  std::vector<char *> pointers;
  for (std::string &argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  return Napi::Number::New(info.Env(), execute(file.c_str(), pointers.data(), info[2].As<Napi::Number>().Int32Value()));
}

// Another descriptor of the same file, which no process started later inherits; or a negated errno.
Napi::Value Duplicate(const Napi::CallbackInfo &info) {
  int copy = fcntl(info[0].As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 3);
  return Napi::Number::New(info.Env(), copy < 0 ? -errno : copy);
}

Napi::Value GiveMemoryBack(const Napi::CallbackInfo &info) {
  give_memory_back();
  return info.Env().Undefined();
}

Napi::Value AdoptChildren(const Napi::CallbackInfo &info) {
  Children::AdoptAll();
  return info.Env().Undefined();
}

Napi::Value IsTerminal(const Napi::CallbackInfo &info) {
  return Napi::Boolean::New(info.Env(), is_terminal(info[0].As<Napi::Number>().Int32Value()));
}

// [pid, uid, gid]; undefined for what is no connected unix socket.
Napi::Value PeerOf(const Napi::CallbackInfo &info) {
  uint32_t numbers[3];
  if (!peer_credentials(info[0].As<Napi::Number>().Int32Value(), numbers)) return info.Env().Undefined();
  Napi::Array credentials = Napi::Array::New(info.Env(), 3);
  for (uint32_t i = 0; i < 3; i++) credentials.Set(i, numbers[i]);
  return credentials;
}

constexpr int kPipeBytes = 1 << 18;

// [read end, write end], or a negated errno. Both ends block; no process started later inherits them.
Napi::Value Pipe(const Napi::CallbackInfo &info) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) return Napi::Number::New(info.Env(), -errno);
  // A larger pipe needs fewer turns. Above the user's limit for pipes, the size stays the default. pipe(7)
  fcntl(fds[0], F_SETPIPE_SZ, kPipeBytes);
  Napi::Array ends = Napi::Array::New(info.Env(), 2);
  ends.Set(0u, fds[0]);
  ends.Set(1u, fds[1]);
  return ends;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Instance", Instance::Define(env));
  exports.Set("pipe", Napi::Function::New(env, Pipe, "pipe"));
  exports.Set("unixSockets", Napi::Function::New(env, UnixSockets, "unixSockets"));
  exports.Set("execute", Napi::Function::New(env, Execute, "execute"));
  exports.Set("duplicate", Napi::Function::New(env, Duplicate, "duplicate"));
  exports.Set("giveMemoryBack", Napi::Function::New(env, GiveMemoryBack, "giveMemoryBack"));
  exports.Set("adoptChildren", Napi::Function::New(env, AdoptChildren, "adoptChildren"));
  exports.Set("peerOf", Napi::Function::New(env, PeerOf, "peerOf"));
  exports.Set("isTerminal", Napi::Function::New(env, IsTerminal, "isTerminal"));
  return exports;
}

}  // namespace

NODE_API_MODULE(warden, Init)
