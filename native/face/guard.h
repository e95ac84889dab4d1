// The class NativeGuard, which runs code of users so that it cannot stay for ever.
#pragma once

#include <napi.h>

namespace shaper {

Napi::Function defineNativeGuard(Napi::Env env);

}  // namespace shaper
