#include "face/hosts.h"

#include <memory>

#include "face/arguments.h"
#include "face/callback.h"
#include "face/error.h"
#include "face/shared_memory.h"
#include "links/host_socket.h"
#include "loop/wakeup.h"

namespace shaper {
namespace {

class NativeHosts : public Napi::ObjectWrap<NativeHosts>, private Wakeup::Owner {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NativeHosts(const Napi::CallbackInfo& info);
  ~NativeHosts() override { shutDown(nullptr, nullptr); }

 private:
  void listen(const Napi::CallbackInfo& info);
  Napi::Value ask(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  void wake(uint32_t ready) override;
  static void onEnvironmentExit(napi_async_cleanup_hook_handle handle, void* argument);
  void tell();
  void shutDown(void (*closed)(void*), void* argument);

  SharedMemory columns_;
  std::unique_ptr<HostSocket> socket_;
  Wakeup* wakeup_ = nullptr;
  Napi::FunctionReference callback_;
  std::unique_ptr<Napi::AsyncContext> asyncContext_;
  napi_async_cleanup_hook_handle exitHook_ = nullptr;
};

Napi::Function NativeHosts::define(Napi::Env env) {
  return DefineClass(env, "NativeHosts",
                     {InstanceMethod<&NativeHosts::listen>("listen"), InstanceMethod<&NativeHosts::ask>("ask"),
                      InstanceMethod<&NativeHosts::close>("close")});
}

// Takes the memory of the columns and the socket's memory for unread messages in bytes.
NativeHosts::NativeHosts(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeHosts>(info) {
  const Napi::Env env = info.Env();
  uint32_t receiveBufferBytes = 0;
  if (!info[0].IsArrayBuffer() || info[0].As<Napi::ArrayBuffer>().ByteLength() != sizeof(HostColumns)) {
    Napi::RangeError::New(env, "columns must be an ArrayBuffer of " + std::to_string(sizeof(HostColumns)) +
                                   " bytes: if addon and program differ, rebuild both")
        .ThrowAsJavaScriptException();
    return;
  }
  if (!readNumber(info, 1, "receiveBufferBytes", 0, INT32_MAX, &receiveBufferBytes)) return;
  columns_ = {"columns", info[0].As<Napi::ArrayBuffer>().Data(), sizeof(HostColumns),
              Napi::Persistent(info[0].As<Napi::Object>())};
  auto socket = std::make_unique<HostSocket>(static_cast<HostColumns*>(columns_.data));
  const int number = socket->open(receiveBufferBytes);
  if (number != 0) {
    toError(env, {number, "socket NETLINK_ROUTE", -1}).ThrowAsJavaScriptException();
    return;
  }
  socket_ = std::move(socket);
}

void NativeHosts::listen(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction() || !socket_ || wakeup_) {
    Napi::TypeError::New(env, "listen needs a function, once, while it is open").ThrowAsJavaScriptException();
    return;
  }
  uv_loop_t* loop = nullptr;
  SystemError error{0, "uv_poll_start", -1};
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) error.number = ENOSYS;
  const int fd = socket_->fd();
  if (loop) wakeup_ = Wakeup::start(loop, &fd, 1, this, &error.number);
  if (!wakeup_) {
    toError(env, error).ThrowAsJavaScriptException();
    return;
  }
  callback_ = Napi::Persistent(info[0].As<Napi::Function>());
  // Keeps this object from the garbage collector while the loop may call back.
  Ref();
  asyncContext_ = std::make_unique<Napi::AsyncContext>(env, "HostListener");
  napi_add_async_cleanup_hook(env, onEnvironmentExit, this, &exitHook_);
}

Napi::Value NativeHosts::ask(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), socket_ && socket_->ask());
}

void NativeHosts::wake(uint32_t) {
  Napi::HandleScope scope(Env());
  // The callback may close this and so make it garbage: this handle keeps it for the rest of the call.
  [[maybe_unused]] const Napi::Object keptAlive = Value();
  tell();
}

void NativeHosts::tell() {
  const Napi::Env env = Env();
  if (!columns_.isIntact(env)) {
    wakeup_->stop(nullptr, nullptr);
    wakeup_ = nullptr;
    napi_fatal_exception(env, Napi::TypeError::New(env, "columns was transferred or resized").Value());
    return;
  }
  const uint32_t found = socket_->read();
  if (socket_->rows() == 0 && found == 0) return;
  const napi_value arguments[] = {Napi::Number::New(env, socket_->rows()), Napi::Number::New(env, found)};
  callBack(*asyncContext_, Value(), callback_, 2, arguments);
}

void NativeHosts::close(const Napi::CallbackInfo&) {
  const bool wasListening = wakeup_ != nullptr;
  if (exitHook_) napi_remove_async_cleanup_hook(exitHook_);
  exitHook_ = nullptr;
  shutDown(nullptr, nullptr);
  if (wasListening) Unref();
}

void NativeHosts::shutDown(void (*closed)(void*), void* argument) {
  if (wakeup_) {
    wakeup_->stop(closed, argument);
    wakeup_ = nullptr;
  } else if (closed) {
    closed(argument);
  }
  if (socket_) socket_->close();
}

// Every environment, a Worker's too, waits until the handles are closed.
void NativeHosts::onEnvironmentExit(napi_async_cleanup_hook_handle handle, void* argument) {
  auto* self = static_cast<NativeHosts*>(argument);
  self->exitHook_ = nullptr;
  self->shutDown(
      [](void* hook) { napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(hook)); }, handle);
}

}  // namespace

Napi::Function defineNativeHosts(Napi::Env env) { return NativeHosts::define(env); }

}  // namespace shaper
