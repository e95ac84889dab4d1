#include "face/devices.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "links/link_socket.h"

namespace shaper {
namespace {

Napi::Value deviceIndex(const Napi::CallbackInfo& info) {
  const std::string name = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : std::string();
  return Napi::Number::New(info.Env(), linkIndex(name));
}

Napi::Value deviceName(const Napi::CallbackInfo& info) {
  const double index = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
  const bool isIndex = index >= 1 && index <= INT32_MAX && std::floor(index) == index;
  return Napi::String::New(info.Env(), isIndex ? linkName(static_cast<uint32_t>(index)) : std::string());
}

Napi::Value deviceMtu(const Napi::CallbackInfo& info) {
  const std::string name = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : std::string();
  return Napi::Number::New(info.Env(), linkMtu(name));
}

}  // namespace

void addDevices(Napi::Object exports) {
  const Napi::Env env = exports.Env();
  exports["deviceIndex"] = Napi::Function::New<deviceIndex>(env, "deviceIndex");
  exports["deviceMtu"] = Napi::Function::New<deviceMtu>(env, "deviceMtu");
  exports["deviceName"] = Napi::Function::New<deviceName>(env, "deviceName");
}

}  // namespace shaper
