#pragma once

#include <napi.h>

namespace shaper {

// Returns the class NativeQueue.
Napi::Value defineNativeQueue(Napi::Env env);

}  // namespace shaper
