// Calls of the data path. They are functions of each instance with the instance as their data, not methods
// of the class: finding the object behind `this` (napi_unwrap) costs about 100 ns a call on Node 20, four
// times the rest of the crossing.
#pragma once

#include <napi.h>

#include <initializer_list>

namespace shaper {

struct HotCall {
  const char* name;
  napi_callback call;
};

inline void addHotCalls(Napi::Env env, Napi::Object object, void* instance, std::initializer_list<HotCall> calls) {
  for (const auto& [name, call] : calls) {
    napi_value created = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, call, instance, &created);
    Napi::Function function(env, created);
    // A function that is kept alive keeps its instance alive: the property cannot be deleted.
    function.DefineProperty(Napi::PropertyDescriptor::Value("owner", object, napi_default));
    object.Set(name, function);
  }
}

}  // namespace shaper
