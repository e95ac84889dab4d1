// The class NativeQueue: packets, verdicts and the timer. Its four calls of the data path allocate nothing
// and take at most one number.
#include "face/queue.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "face/arguments.h"
#include "face/callback.h"
#include "face/error.h"
#include "face/hot_calls.h"
#include "face/options.h"
#include "face/port_memory.h"
#include "links/link_socket.h"
#include "loop/gathering.h"
#include "loop/socket_wait.h"
#include "loop/turns.h"
#include "loop/wakeup.h"
#include "nfqueue/queue.h"

namespace shaper {
namespace {

class NativeQueue : public Napi::ObjectWrap<NativeQueue>, private Wakeup::Owner {
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

  void wake(uint32_t ready) override;
  bool awaitPackets(int loopTimeoutMs) override;
  void othersReady() override { socketWait_.othersReady(); }
  static void onEnvironmentExit(napi_async_cleanup_hook_handle handle, void* argument);
  void callLinks();
  void visit(uint32_t ready);
  void armAt(double dueNs);
  Shared& shared() const { return *memory_->shared(); }
  // Answers to requests came among packets, which were read with them.
  void handleEarly() {
    if (wakeup_ && queue_->hasLeftover()) timer_.arm(0);
  }
  void shutDown(void (*closed)(void*), void* argument);

  PortOptions options_;
  // It outlives the queue.
  std::shared_ptr<PortMemory> memory_;
  std::unique_ptr<Queue> queue_;
  Timer timer_;
  LinkSocket linkSocket_;
  Gathering gathering_;
  SocketWait socketWait_;
  int64_t startNs_ = 0;
  // When the last visit had ended and slept.
  int64_t visitEndNs_ = 0;
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
  memory_ = PortMemory::map(options_.queue.slabBytes());
  if (!memory_) error = {ENOMEM, "mmap", -1};
  if (error.number == 0) error = {timer_.open(options_.timerLeewayNs), "timerfd_create", -1};
  if (error.number == 0) error = {linkSocket_.open(), "socket NETLINK_ROUTE", -1};
  if (memory_) {
    queue_ = std::make_unique<Queue>(memory_->columns(), memory_->slab(), &shared().counters, options_.queue);
  }
  if (error.number != 0 || !queue_->open(&error)) {
    toError(info.Env(), error).ThrowAsJavaScriptException();
    return;
  }
  startNs_ = monotonicNs();
  shared().visit = {0, 0, kNoRows, kNotArmed};
  PortMemory::show(memory_, Value());
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
  Visit& visit = self->shared().visit;
  if (visit.rows != kNoRows) {
    rows = static_cast<uint32_t>(visit.rows);
    visit.rows = kNoRows;
  } else if (!self->queue_->drain(&rows, &error)) {
    toError(env, error).ThrowAsJavaScriptException();
  }
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
  } else {
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
  self->armAt(dueNs);
  return nullptr;
}

void NativeQueue::armAt(double dueNs) {
  int64_t at = Timer::kNever;
  if (dueNs < 4611686018427387904.0) at = startNs_ + static_cast<int64_t>(std::fmax(std::floor(dueNs), 0));
  // Leftovers that the socket will not announce again must not wait for the next packet.
  timer_.arm(queue_->hasLeftover() ? 0 : at);
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
  if (loop) wakeup_ = Wakeup::start(loop, fds, Wakeup::kSources, this, &error.number);
  if (!wakeup_) {
    toError(env, error).ThrowAsJavaScriptException();
    return;
  }
  // libuv has made the socket one that never blocks.
  queue_->allowWaiting(SocketWait::kReadNs);
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

void NativeQueue::wake(uint32_t ready) {
  if ((ready & Wakeup::kTimer) != 0) timer_.fired();
  Napi::HandleScope scope(Env());
  // The callback may close the port and so make it garbage: this handle keeps it for the rest of the call.
  [[maybe_unused]] const Napi::Object keptAlive = Value();
  if ((ready & (Wakeup::kSocket | Wakeup::kTimer)) != 0) visit(ready);
  if ((ready & Wakeup::kLinks) != 0 && wakeup_) callLinks();
}

bool NativeQueue::awaitPackets(int loopTimeoutMs) {
  if (!socketWait_.fits(visitEndNs_, timer_.dueNs(), loopTimeoutMs)) return false;
  loopWaits();
  const bool isRead = queue_->await();
  loopRuns();
  return isRead;
}

void NativeQueue::visit(uint32_t ready) {
  const int64_t beginNs = monotonicNs();
  Visit& cells = shared().visit;
  cells.nowNs = static_cast<double>(beginNs - startNs_);
  uint32_t rows = 0;
  SystemError error;
  // The callback's own drain() meets a failure again.
  const bool isDrained = cells.rows == kNoRows && queue_->drain(&rows, &error);
  socketWait_.woke(rows, beginNs, (ready & Wakeup::kRead) != 0);
  const bool isDue = (ready & Wakeup::kTimer) != 0;
  // What woke us was read in the visit before.
  if (isDrained && rows == 0 && shared().counters.failureRows == 0 && !isDue) return;
  if (isDrained) cells.rows = rows;
  cells.isOn = 1;
  callBack(*asyncContext_, Value(), ready_, 0, nullptr);
  const double dueNs = cells.dueNs;
  cells.isOn = 0;
  cells.dueNs = kNotArmed;
  if (dueNs != kNotArmed) armAt(dueNs);
  timer_.settle();
  visitEndNs_ = monotonicNs();
  if (const int64_t lengthNs = gathering_.sleepNs(rows, visitEndNs_, timer_.dueNs()); lengthNs > 0) {
    Gathering::sleep(lengthNs);
    visitEndNs_ += lengthNs;
  }
}

void NativeQueue::callLinks() {
  std::vector<uint32_t> down;
  linkSocket_.read(&down);
  if (links_.IsEmpty()) return;
  Napi::Array indexes = Napi::Array::New(Env(), down.size());
  for (size_t i = 0; i < down.size(); i++) indexes[static_cast<uint32_t>(i)] = Napi::Number::New(Env(), down[i]);
  const napi_value argument = indexes;
  callBack(*asyncContext_, Value(), links_, 1, &argument);
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
  if (!readNumber(info, 0, "slotBytes", queue_->slotBytes(), most, &bytes)) return;
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

}  // namespace

Napi::Value defineNativeQueue(Napi::Env env) { return NativeQueue::define(env); }

}  // namespace shaper
