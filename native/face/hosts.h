// The class NativeHosts, by which TypeScript hears of neighbours and addresses.
#pragma once

#include <napi.h>

namespace shaper {

Napi::Function defineNativeHosts(Napi::Env env);

}  // namespace shaper
