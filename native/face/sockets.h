// The class NativeSockets, by which TypeScript asks whose sockets there are.
#pragma once

#include <napi.h>

namespace shaper {

Napi::Function defineNativeSockets(Napi::Env env);

}  // namespace shaper
