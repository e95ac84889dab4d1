// What TypeScript opens a port with: one object, every field validated by name.
#pragma once

#include <napi.h>

#include "columns.h"
#include "nfqueue/queue.h"

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

struct PortOptions {
  QueueOptions queue;
  // So much too early is as good for the timer.
  uint32_t timerLeewayNs = 0;
};

// False leaves a JavaScript exception pending, which says what field is wrong.
bool readOptions(Napi::Env env, Napi::Value value, PortOptions* options);

}  // namespace shaper
