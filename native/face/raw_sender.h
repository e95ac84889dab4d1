// The class NativeRawSender, which sends whole IP packets.
#pragma once

#include <napi.h>

namespace shaper {

Napi::Function defineNativeRawSender(Napi::Env env);

}  // namespace shaper
