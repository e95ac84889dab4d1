#include "face/guard.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "face/arguments.h"
#include "face/hot_calls.h"
#include "loop/turns.h"
#include "modules/guard.h"
#include "modules/restart.h"

// Of V8 only these three. Node-API has nothing like them, and their names are the same in all versions of
// Node; v8.h would tie the addon to one of them.
namespace v8 {
class __attribute__((visibility("default"))) Isolate {
 public:
  static Isolate* GetCurrent();
  // From any thread.
  void TerminateExecution();
  // By the thread of the isolate, where frames of JavaScript may still stand below.
  void CancelTerminateExecution();
};
}  // namespace v8

namespace shaper {
namespace {

class NativeGuard : public Napi::ObjectWrap<NativeGuard> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NativeGuard(const Napi::CallbackInfo& info);
  ~NativeGuard() override;

 private:
  static napi_value run(napi_env env, napi_callback_info info);
  static napi_value cpuNs(napi_env env, napi_callback_info info);
  void arm(const Napi::CallbackInfo& info);
  void stopping(const Napi::CallbackInfo&) { isStopping_ = true; }
  void close(const Napi::CallbackInfo& info);
  void stop();
  void stopWatching();

  static void hung(void* self, const Guard::Hang& hang);
  static void onLoopExit(napi_async_cleanup_hook_handle handle, void* self);
  static void terminate(void* isolate) { static_cast<v8::Isolate*>(isolate)->TerminateExecution(); }
  static void onEnvironmentExit(void* self) { static_cast<NativeGuard*>(self)->guard_.reset(); }

  v8::Isolate* isolate_ = nullptr;
  std::unique_ptr<Guard> guard_;
  bool isRunning_ = false;
  // A number that JavaScript keeps there: whose code runs.
  const uint32_t* owner_ = nullptr;
  Napi::Reference<Napi::ArrayBuffer> ownerMemory_;
  Turns* turns_ = nullptr;
  std::unique_ptr<Restart> restart_;
  std::atomic<bool> isStopping_{false};
  napi_async_cleanup_hook_handle loopHook_ = nullptr;
};

Napi::Function NativeGuard::define(Napi::Env env) {
  return DefineClass(env, "NativeGuard", {InstanceMethod<&NativeGuard::arm>("arm"),
                                     InstanceMethod<&NativeGuard::stopping>("stopping"),
                                     InstanceMethod<&NativeGuard::close>("close")});
}

NativeGuard::NativeGuard(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeGuard>(info) {
  uint32_t limitUs = 0, lookUs = 0;
  if (!readNumber(info, 0, "limitUs", 1, 1000000000, &limitUs) || !readNumber(info, 1, "lookUs", 1, 1000000000, &lookUs))
    return;
  if (!info[2].IsArrayBuffer() || info[2].As<Napi::ArrayBuffer>().ByteLength() != sizeof *owner_) {
    Napi::RangeError::New(info.Env(), "owner must be an ArrayBuffer of 4 bytes").ThrowAsJavaScriptException();
    return;
  }
  owner_ = static_cast<const uint32_t*>(info[2].As<Napi::ArrayBuffer>().Data());
  ownerMemory_ = Napi::Persistent(info[2].As<Napi::ArrayBuffer>());
  isolate_ = v8::Isolate::GetCurrent();
  guard_ = std::make_unique<Guard>(int64_t{1000} * limitUs, int64_t{1000} * lookUs, terminate, isolate_);
  napi_add_env_cleanup_hook(info.Env(), onEnvironmentExit, this);
  addHotCalls(info.Env(), Value(), this, {{"run", run}, {"cpuNs", cpuNs}});
}

NativeGuard::~NativeGuard() { stop(); }

napi_value NativeGuard::run(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value callback = nullptr, self = nullptr, result = nullptr;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, &callback, &self, &data);
  auto* guard = static_cast<NativeGuard*>(data);
  napi_valuetype type = napi_undefined;
  napi_typeof(env, callback, &type);
  if (type != napi_function || !guard->guard_ || guard->isRunning_) {
    const char* what = "run must be a function";
    if (!guard->guard_) what = "the guard was closed";
    if (guard->isRunning_) what = "a run does not contain another";
    napi_throw_type_error(env, nullptr, what);
    return nullptr;
  }
  guard->isRunning_ = true;
  guard->guard_->begin();
  const napi_status status = napi_call_function(env, self, callback, 0, nullptr, &result);
  const bool wasEnded = guard->guard_->end();
  guard->isRunning_ = false;
  // A request that came too late for the run is taken back with the others.
  if (wasEnded) guard->isolate_->CancelTerminateExecution();
  bool hasReturned = status == napi_ok;
  napi_value exception = nullptr;
  if (!hasReturned && napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    // V8 shows null for an execution that was terminated.
    napi_valuetype thrown = napi_undefined;
    napi_typeof(env, exception, &thrown);
    if (!wasEnded || thrown != napi_null) {
      napi_throw(env, exception);
      return nullptr;
    }
  }
  napi_get_boolean(env, hasReturned, &result);
  return result;
}

napi_value NativeGuard::cpuNs(napi_env env, napi_callback_info) {
  napi_value result = nullptr;
  napi_create_double(env, static_cast<double>(Guard::cpuNs()), &result);
  return result;
}

std::vector<std::string> readTexts(const Napi::Value& value) {
  std::vector<std::string> texts;
  if (!value.IsArray()) return texts;
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) texts.push_back(array.Get(i).ToString().Utf8Value());
  return texts;
}

void NativeGuard::arm(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  uint32_t hangUs = 0;
  if (!readNumber(info, 0, "hangUs", 1, 1000000000, &hangUs)) return;
  const bool isWhole = info[1].IsString() && info[2].IsArray() && info[3].IsArray() && info[4].IsString() &&
                       info[5].IsString() && guard_;
  if (!isWhole) {
    const char* what = "arm needs a program, its arguments, environment, folder and text";
    if (!guard_) what = "the guard was closed";
    Napi::TypeError::New(env, what).ThrowAsJavaScriptException();
    return;
  }
  uv_loop_t* loop = nullptr;
  if (!turns_ && napi_get_uv_event_loop(env, &loop) == napi_ok) {
    turns_ = Turns::start(loop);
    if (turns_) napi_add_async_cleanup_hook(env, onLoopExit, this, &loopHook_);
  }
  if (!turns_) return;
  auto restart = std::make_unique<Restart>(info[1].ToString().Utf8Value(), readTexts(info[2]), readTexts(info[3]),
                                           info[4].ToString().Utf8Value(), info[5].ToString().Utf8Value());
  guard_->watchTurns(nullptr, 0, nullptr, nullptr);
  restart_ = std::move(restart);
  guard_->watchTurns(turns_, int64_t{1000} * hangUs, hung, this);
}

// By the watching thread. The other one hangs, and this object stays as it is.
void NativeGuard::hung(void* context, const Guard::Hang& hang) {
  auto* self = static_cast<NativeGuard*>(context);
  // The orderly stop cannot go on. What the kernel keeps for the process goes with it.
  if (self->isStopping_) _exit(1);
  const int signal = self->turns_->takeStopSignal();
  char note[96];
  std::snprintf(note, sizeof note, "%s %lld %u %d", hang.isAsleep ? "sleeps" : "computes",
                static_cast<long long>(hang.ns / 1000000), hang.isInRun ? *self->owner_ : 0, signal);
  self->restart_->exec(note);
  if (signal != 0) kill(getpid(), signal);
}

void NativeGuard::close(const Napi::CallbackInfo& info) {
  if (isRunning_) {
    Napi::TypeError::New(info.Env(), "a guard is not closed from what it runs").ThrowAsJavaScriptException();
    return;
  }
  stop();
}

void NativeGuard::stop() {
  if (guard_) napi_remove_env_cleanup_hook(Env(), onEnvironmentExit, this);
  stopWatching();
}

void NativeGuard::stopWatching() {
  guard_.reset();
  if (!turns_) return;
  if (loopHook_) napi_remove_async_cleanup_hook(loopHook_);
  loopHook_ = nullptr;
  turns_->stop(nullptr, nullptr);
  turns_ = nullptr;
}

// An environment that ends waits until the handle is closed.
void NativeGuard::onLoopExit(napi_async_cleanup_hook_handle handle, void* context) {
  auto* self = static_cast<NativeGuard*>(context);
  self->loopHook_ = nullptr;
  self->guard_.reset();
  const auto closed = [](void* hook) {
    napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(hook));
  };
  if (self->turns_) self->turns_->stop(closed, handle);
  self->turns_ = nullptr;
}

}  // namespace

Napi::Function defineNativeGuard(Napi::Env env) { return NativeGuard::define(env); }

}  // namespace shaper
