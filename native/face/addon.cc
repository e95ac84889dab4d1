// The face of the native part: the class NativeQueue, and functions for the scheduler. NativeGuard,
// NativeHosts, NativeRawSender, NativeSockets and the look-ups of network devices have files of their own.
// src/io/nfqueue/addon.ts declares them for TypeScript. The four calls of the data path allocate nothing and
// take at most one number.
#include <napi.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "face/arguments.h"
#include "face/devices.h"
#include "face/error.h"
#include "face/guard.h"
#include "face/hosts.h"
#include "face/hot_calls.h"
#include "face/layout.h"
#include "face/options.h"
#include "face/raw_sender.h"
#include "face/sockets.h"
#include "links/link_socket.h"
#include "loop/promptness.h"
#include "loop/wakeup.h"
#include "nfqueue/queue.h"

namespace shaper {
namespace {

class NativeQueue : public Napi::ObjectWrap<NativeQueue> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NativeQueue(const Napi::CallbackInfo& info);
  ~NativeQueue() override;

 private:
  static napi_value drain(napi_env env, napi_callback_info info);
  static napi_value send(napi_env env, napi_callback_info info);
  static napi_value arm(napi_env env, napi_callback_info info);
  static napi_value nowNs(napi_env env, napi_callback_info info);

  void onReady(const Napi::CallbackInfo& info);
  void onLinks(const Napi::CallbackInfo& info);
  Napi::Value granted(const Napi::CallbackInfo& info);
  Napi::Value socketDrops(const Napi::CallbackInfo& info);
  Napi::Value setUp(const Napi::CallbackInfo& info);
  void growSlots(const Napi::CallbackInfo& info);
  void unbind(const Napi::CallbackInfo& info);
  Napi::Value setReceiveBuffer(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  static void onWake(void* context, Wakeup::Source source);
  static void onEnvironmentExit(napi_async_cleanup_hook_handle handle, void* argument);
  void call(const Napi::FunctionReference& callback, size_t count, const napi_value* arguments);
  void callLinks();
  // Answers to requests came among packets, which were read with them.
  void handleEarly();
  void shutDown(void (*closed)(void*), void* argument);

  // Holds the shared memory, so it outlives the queue.
  PortOptions options_;
  std::unique_ptr<Queue> queue_;
  Timer timer_;
  LinkSocket linkSocket_;
  int64_t startNs_ = 0;
  Wakeup* wakeup_ = nullptr;
  Napi::FunctionReference ready_;
  Napi::FunctionReference links_;
  std::unique_ptr<Napi::AsyncContext> asyncContext_;
  napi_async_cleanup_hook_handle exitHook_ = nullptr;
};

Napi::Function NativeQueue::define(Napi::Env env) {
  return DefineClass(env, "NativeQueue",
                     {InstanceMethod<&NativeQueue::onReady>("onReady"),
                      InstanceMethod<&NativeQueue::onLinks>("onLinks"),
                      InstanceMethod<&NativeQueue::granted>("granted"),
                      InstanceMethod<&NativeQueue::socketDrops>("socketDrops"),
                      InstanceMethod<&NativeQueue::setUp>("setUp"),
                      InstanceMethod<&NativeQueue::growSlots>("growSlots"),
                      InstanceMethod<&NativeQueue::unbind>("unbind"),
                      InstanceMethod<&NativeQueue::setReceiveBuffer>("setReceiveBuffer"),
                      InstanceMethod<&NativeQueue::close>("close")});
}

NativeQueue::NativeQueue(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeQueue>(info) {
  if (!readOptions(info.Env(), info[0], &options_)) return;
  SystemError error;
  error.number = timer_.open(options_.timerLeewayNs);
  error.syscall = "timerfd_create";
  if (error.number == 0) {
    error.number = linkSocket_.open();
    error.syscall = "socket NETLINK_ROUTE";
  }
  queue_ = std::make_unique<Queue>(static_cast<Columns*>(options_.columns.data),
                                   static_cast<uint8_t*>(options_.slab.data),
                                   static_cast<Counters*>(options_.counters.data), options_.queue);
  if (error.number != 0 || !queue_->open(&error)) {
    toError(info.Env(), error).ThrowAsJavaScriptException();
    queue_->close();
    return;
  }
  startNs_ = monotonicNs();
  const std::initializer_list<HotCall> calls = {{"drain", drain}, {"send", send}, {"arm", arm}, {"nowNs", nowNs}};
  addHotCalls(info.Env(), Value(), this, calls);
}

NativeQueue::~NativeQueue() { shutDown(nullptr, nullptr); }

// Returns the instance of a hot call, and fills *argument with the first argument unless `argument` is null.
NativeQueue* instanceOf(napi_env env, napi_callback_info info, napi_value* argument) {
  size_t count = argument ? 1 : 0;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, argument, nullptr, &data);
  return static_cast<NativeQueue*>(data);
}

napi_value NativeQueue::drain(napi_env env, napi_callback_info info) {
  NativeQueue* self = instanceOf(env, info, nullptr);
  uint32_t rows = 0;
  SystemError error;
  if (!self->options_.isMemoryIntact(env)) return nullptr;
  if (!self->queue_->drain(&rows, &error)) toError(env, error).ThrowAsJavaScriptException();
  napi_value result = nullptr;
  napi_create_uint32(env, rows, &result);
  return result;
}

napi_value NativeQueue::send(napi_env env, napi_callback_info info) {
  napi_value argument = nullptr;
  NativeQueue* self = instanceOf(env, info, &argument);
  Queue& queue = *self->queue_;
  // As a double: napi_get_value_uint32 makes 0 of NaN, and 1 of 1.5 and of 2^32 + 1.
  double count = -1;
  const bool isNumber = napi_get_value_double(env, argument, &count) == napi_ok;
  if (!isNumber || !(count >= 0 && count <= kVerdictRows && std::floor(count) == count)) {
    const std::string most = std::to_string(kVerdictRows);
    Napi::RangeError::New(env, "count must be a whole number from 0 to " + most).ThrowAsJavaScriptException();
  } else if (queue.fd() < 0) {
    toError(env, {EBADF, "sendmsg", -1}).ThrowAsJavaScriptException();
  } else if (self->options_.isMemoryIntact(env)) {
    queue.send(static_cast<uint32_t>(count));
  }
  return nullptr;
}

// Takes nanoseconds since open. Infinity, or more than 2^62 (a century and
// a half), means never. Beyond 2^53, three months, a double counts in steps
// of two nanoseconds and more: the timer is late by no more than a step.
napi_value NativeQueue::arm(napi_env env, napi_callback_info info) {
  napi_value argument = nullptr;
  NativeQueue* self = instanceOf(env, info, &argument);
  double dueNs = 0;
  if (napi_get_value_double(env, argument, &dueNs) != napi_ok || std::isnan(dueNs)) {
    Napi::TypeError::New(env, "dueNs must be a number").ThrowAsJavaScriptException();
    return nullptr;
  }
  int64_t at = Timer::kNever;
  if (dueNs < 4611686018427387904.0) at = self->startNs_ + static_cast<int64_t>(std::fmax(std::floor(dueNs), 0));
  // Leftovers that the socket will not announce again must not wait for the next packet.
  self->timer_.arm(self->queue_->hasLeftover() ? 0 : at);
  return nullptr;
}

napi_value NativeQueue::nowNs(napi_env env, napi_callback_info info) {
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(monotonicNs() - instanceOf(env, info, nullptr)->startNs_), &result);
  return result;
}

void NativeQueue::onReady(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction() || queue_->fd() < 0) {
    const char* const what = queue_->fd() < 0 ? "onReady needs an open port" : "callback must be a function";
    Napi::TypeError::New(env, what).ThrowAsJavaScriptException();
    return;
  }
  ready_ = Napi::Persistent(info[0].As<Napi::Function>());
  if (wakeup_) return;
  uv_loop_t* loop = nullptr;
  SystemError error{0, "uv_poll_start", -1};
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) error.number = ENOSYS;
  const int fds[Wakeup::kSources] = {queue_->fd(), timer_.fd(), linkSocket_.fd()};
  if (loop) wakeup_ = Wakeup::start(loop, fds, Wakeup::kSources, onWake, this, &error.number);
  if (!wakeup_) {
    toError(env, error).ThrowAsJavaScriptException();
    return;
  }
  // Keeps this object from the garbage collector while the loop may call back.
  Ref();
  asyncContext_ = std::make_unique<Napi::AsyncContext>(env, "NfqueuePort");
  napi_add_async_cleanup_hook(env, onEnvironmentExit, this, &exitHook_);
  if (queue_->hasLeftover()) timer_.arm(0);
}

void NativeQueue::onLinks(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) {
    Napi::TypeError::New(info.Env(), "callback must be a function").ThrowAsJavaScriptException();
    return;
  }
  links_ = Napi::Persistent(info[0].As<Napi::Function>());
}

void NativeQueue::onWake(void* context, Wakeup::Source source) {
  auto* self = static_cast<NativeQueue*>(context);
  if (source == Wakeup::Source::kTimer) self->timer_.fired();
  Napi::HandleScope scope(self->Env());
  // The callback may close the port and so make it garbage: this handle keeps it for the rest of the call.
  [[maybe_unused]] const Napi::Object keptAlive = self->Value();
  if (source == Wakeup::Source::kLinks) {
    self->callLinks();
  } else {
    self->call(self->ready_, 0, nullptr);
    self->timer_.settle();
  }
}

void NativeQueue::callLinks() {
  std::vector<uint32_t> down;
  linkSocket_.read(&down);
  if (links_.IsEmpty()) return;
  Napi::Array indexes = Napi::Array::New(Env(), down.size());
  for (size_t i = 0; i < down.size(); i++) indexes[static_cast<uint32_t>(i)] = Napi::Number::New(Env(), down[i]);
  const napi_value argument = indexes;
  call(links_, 1, &argument);
}

// An exception of the callback becomes an uncaught exception, as from any event.
void NativeQueue::call(const Napi::FunctionReference& callback, size_t count, const napi_value* arguments) {
  const napi_env env = Env();
  const napi_status status =
      napi_make_callback(env, *asyncContext_, Value(), callback.Value(), count, arguments, nullptr);
  napi_value exception = nullptr;
  if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
}

Napi::Value NativeQueue::granted(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Granted& granted = queue_->granted();
  const uint32_t count = options_.queue.count;
  Napi::Array gso = Napi::Array::New(env, count);
  for (uint32_t q = 0; q < count; q++) gso[q] = Napi::Boolean::New(env, granted.gso[q]);
  Napi::Object result = Napi::Object::New(env);
  result["gso"] = gso;
  result["rcvbufBytes"] = Napi::Number::New(env, granted.receiveBufferBytes);
  return result;
}

Napi::Value NativeQueue::socketDrops(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), queue_->socketDrops());
}

void NativeQueue::handleEarly() {
  if (wakeup_ && queue_->hasLeftover()) timer_.arm(0);
}

// An index of a queue whose number exists.
bool readIndex(const Napi::CallbackInfo& info, const QueueOptions& options, uint32_t* index) {
  return readNumber(info, 0, "index", 0, std::min(kQueuesMax, 0x10000 - options.firstQueue) - 1, index);
}

bool requireOpen(const Napi::CallbackInfo& info, const Queue& queue) {
  if (queue.fd() >= 0) return true;
  toError(info.Env(), {EBADF, "sendmsg", -1}).ThrowAsJavaScriptException();
  return false;
}

Napi::Value NativeQueue::setUp(const Napi::CallbackInfo& info) {
  const QueueOptions& options = options_.queue;
  uint32_t index = 0, lengthPackets = 0, copyBytes = 0;
  bool granted = false;
  SystemError error;
  if (readIndex(info, options, &index) && readNumber(info, 1, "lengthPackets", 1, UINT32_MAX, &lengthPackets) &&
      readNumber(info, 2, "copyBytes", 1, std::min(kCopyBytesMax, queue_->slotBytes() - kAttributeBytes), &copyBytes) &&
      requireOpen(info, *queue_)) {
    const bool gso = info[3].ToBoolean().Value();
    if (!queue_->setUp(index, lengthPackets, copyBytes, gso, &granted, &error)) {
      toError(info.Env(), error).ThrowAsJavaScriptException();
    }
    handleEarly();
  }
  return Napi::Boolean::New(info.Env(), granted);
}

void NativeQueue::growSlots(const Napi::CallbackInfo& info) {
  const uint32_t most = options_.queue.slotBytesMost;
  uint32_t bytes = 0;
  if (!readNumber(info, 0, "slotBytes", queue_->slotBytes(), most, &bytes) || !options_.isMemoryIntact(info.Env())) return;
  queue_->growSlots(bytes);
}

void NativeQueue::unbind(const Napi::CallbackInfo& info) {
  uint32_t index = 0;
  SystemError error;
  if (!readIndex(info, options_.queue, &index) || !requireOpen(info, *queue_)) return;
  if (!queue_->unbind(index, &error)) toError(info.Env(), error).ThrowAsJavaScriptException();
  handleEarly();
}

Napi::Value NativeQueue::setReceiveBuffer(const Napi::CallbackInfo& info) {
  uint32_t bytes = 0;
  if (readNumber(info, 0, "bytes", 0, INT32_MAX, &bytes) && requireOpen(info, *queue_)) {
    bytes = queue_->setReceiveBuffer(bytes);
  }
  return Napi::Number::New(info.Env(), bytes);
}

void NativeQueue::close(const Napi::CallbackInfo&) {
  const bool wasListening = wakeup_ != nullptr;
  if (exitHook_) napi_remove_async_cleanup_hook(exitHook_);
  exitHook_ = nullptr;
  shutDown(nullptr, nullptr);
  if (wasListening) Unref();
}

void NativeQueue::shutDown(void (*closed)(void*), void* argument) {
  if (wakeup_) {
    wakeup_->stop(closed, argument);
    wakeup_ = nullptr;
  } else if (closed) {
    closed(argument);
  }
  timer_.close();
  linkSocket_.close();
  if (queue_) queue_->close();
}

// Every environment, a Worker's too, waits until the handles are closed.
void NativeQueue::onEnvironmentExit(napi_async_cleanup_hook_handle handle, void* argument) {
  auto* self = static_cast<NativeQueue*>(argument);
  self->exitHook_ = nullptr;
  self->shutDown(
      [](void* hook) { napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(hook)); }, handle);
}

Napi::Value askForPromptness(const Napi::CallbackInfo& info) {
  const Promptness promptness = shaper::askForPromptness();
  Napi::Object result = Napi::Object::New(info.Env());
  result["niceness"] = Napi::Number::New(info.Env(), promptness.niceness);
  result["sliceNs"] = Napi::Number::New(info.Env(), static_cast<double>(promptness.sliceNs));
  result["sessionNiceness"] = Napi::Number::New(info.Env(), promptness.sessionNiceness);
  return result;
}

void setFirst(const Napi::CallbackInfo& info) { shaper::setFirst(info[0].ToBoolean().Value()); }

// A terminal with `stty tostop` stops a program in the background that writes to it. It spares those that
// ignore the signal; for one that handles it, as Node can, the write would begin again for ever.
void ignoreTerminalStop(const Napi::CallbackInfo&) { std::signal(SIGTTOU, SIG_IGN); }

// Of a child that the program before had (modules/restart.h): libuv asks for its own children alone. Returns
// whether it has gone.
Napi::Value reapChild(const Napi::CallbackInfo& info) {
  uint32_t pid = 0;
  if (!readNumber(info, 0, "pid", 1, INT32_MAX, &pid)) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG) != 0);
}

void endChild(const Napi::CallbackInfo& info) {
  uint32_t pid = 0;
  if (readNumber(info, 0, "pid", 1, INT32_MAX, &pid)) kill(static_cast<pid_t>(pid), SIGKILL);
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports["NativeQueue"] = NativeQueue::define(env);
  exports["NativeHosts"] = defineNativeHosts(env);
  exports["NativeGuard"] = defineNativeGuard(env);
  exports["NativeRawSender"] = defineNativeRawSender(env);
  exports["NativeSockets"] = defineNativeSockets(env);
  exports["layout"] = describeLayout(env);
  exports["askForPromptness"] = Napi::Function::New<askForPromptness>(env, "askForPromptness");
  addDevices(exports);
  exports["ignoreTerminalStop"] = Napi::Function::New<ignoreTerminalStop>(env, "ignoreTerminalStop");
  exports["endChild"] = Napi::Function::New<endChild>(env, "endChild");
  exports["reapChild"] = Napi::Function::New<reapChild>(env, "reapChild");
  exports["setFirst"] = Napi::Function::New<setFirst>(env, "setFirst");
  return exports;
}

}  // namespace
}  // namespace shaper

static Napi::Object initialiseShaper(Napi::Env env, Napi::Object exports) {
  return shaper::initialise(env, exports);
}

NODE_API_MODULE(shaper, initialiseShaper)
