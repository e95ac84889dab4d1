#pragma once

#include <napi.h>

namespace shaper {

// An ArrayBuffer that `pin` keeps from the garbage collector.
struct SharedMemory {
  const char* name = "";
  void* data = nullptr;
  size_t bytes = 0;
  Napi::ObjectReference pin;

  // JavaScript can take the memory away all the same: by a transfer, or by resizing.
  bool isIntact(napi_env env) const {
    void* dataNow = nullptr;
    size_t bytesNow = 0;
    return napi_get_arraybuffer_info(env, pin.Value(), &dataNow, &bytesNow) == napi_ok && dataNow == data &&
           bytesNow == bytes;
  }
};

}  // namespace shaper
