#include "face/raw_sender.h"

#include "face/arguments.h"
#include "face/error.h"
#include "modules/raw_sender.h"

namespace shaper {
namespace {

class NativeRawSender : public Napi::ObjectWrap<NativeRawSender> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NativeRawSender(const Napi::CallbackInfo& info);

 private:
  Napi::Value send(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  RawSender sender_;
};

Napi::Function NativeRawSender::define(Napi::Env env) {
  return DefineClass(
      env, "NativeRawSender",
      {InstanceMethod<&NativeRawSender::send>("send"), InstanceMethod<&NativeRawSender::close>("close")});
}

NativeRawSender::NativeRawSender(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeRawSender>(info) {
  uint32_t priority = 0;
  if (!readNumber(info, 0, "priority", 0, INT32_MAX, &priority)) return;
  const int number = sender_.open(priority);
  if (number != 0) toError(info.Env(), {number, "socket SOCK_RAW", -1}).ThrowAsJavaScriptException();
}

// Returns 0 or errno.
Napi::Value NativeRawSender::send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const bool isBytes =
      info[0].IsTypedArray() && info[0].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  const auto bytes = isBytes ? info[0].As<Napi::Uint8Array>() : Napi::Uint8Array();
  if (!isBytes || !RawSender::isPacket(bytes.Data(), bytes.ByteLength())) {
    Napi::TypeError::New(env, "bytes must be a whole IPv4 or IPv6 packet, with its length in its header")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return Napi::Number::New(env, sender_.send(bytes.Data(), bytes.ByteLength()));
}

void NativeRawSender::close(const Napi::CallbackInfo&) { sender_.close(); }

}  // namespace

Napi::Function defineNativeRawSender(Napi::Env env) { return NativeRawSender::define(env); }

}  // namespace shaper
