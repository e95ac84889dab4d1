// Sizes and column names of the shared memory, for TypeScript to compare with its own.
#pragma once

#include <napi.h>

namespace shaper {

Napi::Object describeLayout(Napi::Env env);

}  // namespace shaper
