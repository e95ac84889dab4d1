#include "face/guard.h"

#include <memory>

#include "face/arguments.h"
#include "face/hot_calls.h"
#include "modules/guard.h"

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
  void close(const Napi::CallbackInfo& info);
  void stop();

  static void terminate(void* isolate) { static_cast<v8::Isolate*>(isolate)->TerminateExecution(); }
  static void onEnvironmentExit(void* self) { static_cast<NativeGuard*>(self)->stop(); }

  v8::Isolate* isolate_ = nullptr;
  std::unique_ptr<Guard> guard_;
  bool isRunning_ = false;
};

Napi::Function NativeGuard::define(Napi::Env env) {
  return DefineClass(env, "NativeGuard", {InstanceMethod<&NativeGuard::close>("close")});
}

NativeGuard::NativeGuard(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeGuard>(info) {
  uint32_t limitUs = 0, lookUs = 0;
  if (!readNumber(info, 0, "limitUs", 1, 1000000000, &limitUs) || !readNumber(info, 1, "lookUs", 1, 1000000000, &lookUs))
    return;
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

void NativeGuard::close(const Napi::CallbackInfo& info) {
  if (isRunning_) {
    Napi::TypeError::New(info.Env(), "a guard is not closed from what it runs").ThrowAsJavaScriptException();
    return;
  }
  stop();
}

void NativeGuard::stop() {
  if (guard_) napi_remove_env_cleanup_hook(Env(), onEnvironmentExit, this);
  guard_.reset();
}

}  // namespace

Napi::Function defineNativeGuard(Napi::Env env) { return NativeGuard::define(env); }

}  // namespace shaper
