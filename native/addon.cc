// The face of the native part: one class, NativeQueue. TypeScript validates and names things (src/io/nfqueue.ts),
// this file takes positional values, checks what memory safety needs, and obeys.
//
// The four calls of the data path allocate nothing and take at most one number. They are functions of each instance
// with the instance as their data, not methods of the class: finding the object behind `this` (napi_unwrap) costs
// about 100 ns a call on Node 20, four times the rest of the crossing.
#include <napi.h>

#include <cmath>
#include <memory>

#include "columns.h"
#include "error.h"
#include "promptness.h"
#include "queue.h"
#include "wakeup.h"

namespace shaper {
namespace {

class NativeQueue : public Napi::ObjectWrap<NativeQueue> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NativeQueue(const Napi::CallbackInfo& info);
  ~NativeQueue() override;

 private:
  bool takeMemory(const Napi::CallbackInfo& info);
  bool takeOptions(const Napi::CallbackInfo& info, QueueOptions* options, uint32_t* leewayNs);

  void addHotCalls(Napi::Env env);
  static napi_value drain(napi_env env, napi_callback_info info);
  static napi_value send(napi_env env, napi_callback_info info);
  static napi_value arm(napi_env env, napi_callback_info info);
  static napi_value nowNs(napi_env env, napi_callback_info info);

  void onReady(const Napi::CallbackInfo& info);
  Napi::Value granted(const Napi::CallbackInfo& info);
  Napi::Value socketDrops(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  static void onWake(void* context, Wakeup::Source source);
  static void onEnvironmentExit(napi_async_cleanup_hook_handle handle, void* argument);
  void callReady();
  void shutDown(void (*closed)(void*), void* argument);

  // Pinned by the references; null until the constructor has checked them.
  Columns* columns_ = nullptr;
  uint8_t* slab_ = nullptr;
  Counters* counters_ = nullptr;
  Napi::ObjectReference pinned_[3];

  std::unique_ptr<Queue> queue_;
  Timer timer_;
  int64_t startNs_ = 0;
  Wakeup* wakeup_ = nullptr;
  Napi::FunctionReference ready_;
  std::unique_ptr<Napi::AsyncContext> asyncContext_;
  napi_async_cleanup_hook_handle exitHook_ = nullptr;
};

Napi::Function NativeQueue::define(Napi::Env env) {
  return DefineClass(env, "NativeQueue",
                     {InstanceMethod<&NativeQueue::onReady>("onReady"),
                      InstanceMethod<&NativeQueue::granted>("granted"),
                      InstanceMethod<&NativeQueue::socketDrops>("socketDrops"),
                      InstanceMethod<&NativeQueue::close>("close")});
}

// Arguments: columns, slab, counters (ArrayBuffers), firstQueue, count, lengthPackets, copyBytes,
// receiveBufferBytes, gso (Uint8Array of count), uidGid (boolean), timerLeewayNs.
NativeQueue::NativeQueue(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeQueue>(info) {
  QueueOptions options;
  uint32_t leewayNs = 0;
  if (!takeMemory(info) || !takeOptions(info, &options, &leewayNs)) return;
  SystemError error;
  error.number = timer_.open(leewayNs);
  error.syscall = "timerfd_create";
  queue_ = std::make_unique<Queue>(columns_, slab_, counters_, options);
  if (error.number != 0 || !queue_->open(&error)) {
    toError(info.Env(), error).ThrowAsJavaScriptException();
    queue_->close();
    return;
  }
  startNs_ = monotonicNs();
  addHotCalls(info.Env());
}

NativeQueue::~NativeQueue() { shutDown(nullptr, nullptr); }

bool NativeQueue::takeMemory(const Napi::CallbackInfo& info) {
  const size_t sizes[3] = {sizeof(Columns), kSlabBytes, sizeof(Counters)};
  void* data[3] = {};
  for (size_t i = 0; i < 3; i++) {
    if (!info[i].IsArrayBuffer() || info[i].As<Napi::ArrayBuffer>().ByteLength() != sizes[i]) {
      const std::string what = "argument " + std::to_string(i) + " must be an ArrayBuffer of " +
                               std::to_string(sizes[i]) + " bytes: addon and TypeScript differ, rebuild both";
      Napi::TypeError::New(info.Env(), what).ThrowAsJavaScriptException();
      return false;
    }
    data[i] = info[i].As<Napi::ArrayBuffer>().Data();
    pinned_[i] = Napi::Persistent(info[i].As<Napi::Object>());
  }
  columns_ = static_cast<Columns*>(data[0]);
  slab_ = static_cast<uint8_t*>(data[1]);
  counters_ = static_cast<Counters*>(data[2]);
  return true;
}

bool NativeQueue::takeOptions(const Napi::CallbackInfo& info, QueueOptions* options, uint32_t* leewayNs) {
  uint32_t* const numbers[] = {&options->firstQueue, &options->count, &options->lengthPackets, &options->copyBytes,
                               &options->receiveBufferBytes};
  bool good = info[8].IsTypedArray() && info[9].IsBoolean() && info[10].IsNumber();
  for (size_t i = 0; i < 5; i++) {
    good = good && info[3 + i].IsNumber();
    if (good) *numbers[i] = info[3 + i].As<Napi::Number>().Uint32Value();
  }
  good = good && options->count >= 1 && options->count <= kQueuesMax &&
         options->firstQueue <= 0x10000 - options->count && options->copyBytes >= 1 &&
         options->copyBytes <= kCopyBytes && options->receiveBufferBytes <= 0x7fffffff;
  if (good) {
    const auto gso = info[8].As<Napi::Uint8Array>();
    good = gso.TypedArrayType() == napi_uint8_array && gso.ElementLength() == options->count;
    for (uint32_t q = 0; good && q < options->count; q++) options->gso[q] = gso[q] != 0;
    options->uidGid = info[9].As<Napi::Boolean>().Value();
    *leewayNs = info[10].As<Napi::Number>().Uint32Value();
  }
  if (!good) Napi::RangeError::New(info.Env(), "queue options out of range").ThrowAsJavaScriptException();
  return good;
}

void NativeQueue::addHotCalls(Napi::Env env) {
  const struct {
    const char* name;
    napi_callback call;
  } calls[] = {{"drain", drain}, {"send", send}, {"arm", arm}, {"nowNs", nowNs}};
  for (const auto& [name, call] : calls) {
    napi_value created = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, call, this, &created);
    Napi::Function function(env, created);
    // A function that is kept keeps the instance that is its data; nothing can take the property away.
    function.DefineProperty(Napi::PropertyDescriptor::Value("owner", Value(), napi_default));
    Value().Set(name, function);
  }
}

// The instance of a hot call, and its first argument unless `argument` is null.
NativeQueue* instanceOf(napi_env env, napi_callback_info info, napi_value* argument) {
  size_t count = argument ? 1 : 0;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, argument, nullptr, &data);
  return static_cast<NativeQueue*>(data);
}

napi_value NativeQueue::drain(napi_env env, napi_callback_info info) {
  uint32_t rows = 0;
  SystemError error;
  if (!instanceOf(env, info, nullptr)->queue_->drain(&rows, &error)) toError(env, error).ThrowAsJavaScriptException();
  napi_value result = nullptr;
  napi_create_uint32(env, rows, &result);
  return result;
}

napi_value NativeQueue::send(napi_env env, napi_callback_info info) {
  napi_value argument = nullptr;
  Queue& queue = *instanceOf(env, info, &argument)->queue_;
  uint32_t count = 0;
  if (napi_get_value_uint32(env, argument, &count) != napi_ok || count > kVerdictRows) {
    Napi::RangeError::New(env, "send needs a number of verdict rows").ThrowAsJavaScriptException();
  } else if (queue.fd() < 0) {
    toError(env, {EBADF, "sendmsg", -1}).ThrowAsJavaScriptException();
  } else {
    queue.send(count);
  }
  return nullptr;
}

// Nanoseconds since open; infinite or beyond 2^62, a century and a half, means never. (Beyond 2^53, three months, a double
// counts in steps of two nanoseconds and more: late by no more than that.)
napi_value NativeQueue::arm(napi_env env, napi_callback_info info) {
  napi_value argument = nullptr;
  NativeQueue* self = instanceOf(env, info, &argument);
  double dueNs = 0;
  if (napi_get_value_double(env, argument, &dueNs) != napi_ok) {
    Napi::TypeError::New(env, "arm needs a number").ThrowAsJavaScriptException();
    return nullptr;
  }
  int64_t at = Timer::kNever;
  if (dueNs < 4611686018427387904.0) at = self->startNs_ + static_cast<int64_t>(std::fmax(std::floor(dueNs), 0));
  // What the socket will not announce again must not wait for the next packet.
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
    Napi::TypeError::New(env, "onReady needs a function and an open port").ThrowAsJavaScriptException();
    return;
  }
  ready_ = Napi::Persistent(info[0].As<Napi::Function>());
  if (wakeup_) return;
  uv_loop_t* loop = nullptr;
  SystemError error{0, "uv_poll_start", -1};
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) error.number = ENOSYS;
  if (loop) wakeup_ = Wakeup::start(loop, queue_->fd(), timer_.fd(), onWake, this, &error.number);
  if (!wakeup_) {
    toError(env, error).ThrowAsJavaScriptException();
    return;
  }
  // Kept from the garbage collector while the loop may call back.
  Ref();
  asyncContext_ = std::make_unique<Napi::AsyncContext>(env, "NfqueuePort");
  napi_add_async_cleanup_hook(env, onEnvironmentExit, this, &exitHook_);
  if (queue_->hasLeftover()) timer_.arm(0);
}

void NativeQueue::onWake(void* context, Wakeup::Source source) {
  auto* self = static_cast<NativeQueue*>(context);
  if (source == Wakeup::Source::kTimer) self->timer_.fired();
  Napi::HandleScope scope(self->Env());
  // The callback may close the port and so make it garbage; this handle keeps it for the rest of the call.
  [[maybe_unused]] const Napi::Object keptAlive = self->Value();
  self->callReady();
  self->timer_.settle();
}

// What the callback throws becomes an uncaught exception, as from any event.
void NativeQueue::callReady() {
  const napi_env env = Env();
  const napi_status status = napi_make_callback(env, *asyncContext_, Value(), ready_.Value(), 0, nullptr, nullptr);
  napi_value exception = nullptr;
  if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
}

Napi::Value NativeQueue::granted(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Granted& granted = queue_->granted();
  const auto count = info[0].As<Napi::Number>().Uint32Value();
  Napi::Array gso = Napi::Array::New(env, count);
  for (uint32_t q = 0; q < count && q < kQueuesMax; q++) gso[q] = Napi::Boolean::New(env, granted.gso[q]);
  Napi::Object result = Napi::Object::New(env);
  result["gso"] = gso;
  result["uidGid"] = Napi::Boolean::New(env, granted.uidGid);
  result["rcvbufBytes"] = Napi::Number::New(env, granted.receiveBufferBytes);
  return result;
}

Napi::Value NativeQueue::socketDrops(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), queue_->socketDrops());
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
  if (queue_) queue_->close();
}

// Environments (Worker threads too) wait until the handles are closed.
void NativeQueue::onEnvironmentExit(napi_async_cleanup_hook_handle handle, void* argument) {
  auto* self = static_cast<NativeQueue*>(argument);
  self->exitHook_ = nullptr;
  self->shutDown(
      [](void* hook) { napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(hook)); }, handle);
}

#define X(name) #name,
constexpr const char* kArrivalNames[] = {SHAPER_ARRIVAL_COLUMNS(X)};
constexpr const char* kVerdictNames[] = {SHAPER_VERDICT_COLUMNS(X)};
constexpr const char* kCounterNames[] = {SHAPER_COUNTERS(X)};
#undef X
// As in TypeScript; see struct Failures.
constexpr const char* kFailureNames[] = {"tag", "errno"};
static_assert(sizeof(Failures) == sizeof kFailureNames / sizeof *kFailureNames * sizeof(uint32_t) * kFailureRows,
              "one name per column");

template <size_t N>
Napi::Array toArray(Napi::Env env, const char* const (&names)[N]) {
  Napi::Array array = Napi::Array::New(env, N);
  for (uint32_t i = 0; i < N; i++) array[i] = Napi::String::New(env, names[i]);
  return array;
}

// What TypeScript compares with its own numbers.
Napi::Object layout(Napi::Env env) {
  Napi::Object layout = Napi::Object::New(env);
  layout["columnsBytes"] = Napi::Number::New(env, sizeof(Columns));
  layout["slabBytes"] = Napi::Number::New(env, kSlabBytes);
  layout["slotBytes"] = Napi::Number::New(env, kSlotBytes);
  layout["copyBytes"] = Napi::Number::New(env, kCopyBytes);
  layout["arrivalRows"] = Napi::Number::New(env, kArrivalRows);
  layout["verdictRows"] = Napi::Number::New(env, kVerdictRows);
  layout["failureRows"] = Napi::Number::New(env, kFailureRows);
  layout["queuesMax"] = Napi::Number::New(env, kQueuesMax);
  layout["arrivals"] = toArray(env, kArrivalNames);
  layout["verdicts"] = toArray(env, kVerdictNames);
  layout["failures"] = toArray(env, kFailureNames);
  layout["counters"] = toArray(env, kCounterNames);
  return layout;
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

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports["NativeQueue"] = NativeQueue::define(env);
  exports["layout"] = layout(env);
  exports["askForPromptness"] = Napi::Function::New<askForPromptness>(env, "askForPromptness");
  exports["setFirst"] = Napi::Function::New<setFirst>(env, "setFirst");
  return exports;
}

}  // namespace
}  // namespace shaper

static Napi::Object initialiseShaper(Napi::Env env, Napi::Object exports) {
  return shaper::initialise(env, exports);
}

NODE_API_MODULE(shaper, initialiseShaper)
