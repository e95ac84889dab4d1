// What TypeScript opens a port with: one object, every field validated by name.
#pragma once

#include <napi.h>

#include "columns.h"
#include "nfqueue/queue.h"

namespace shaper {

struct PortOptions {
  // Memory of three ArrayBuffers, which `pinned` keeps from the garbage collector.
  Columns* columns = nullptr;
  uint8_t* slab = nullptr;
  Counters* counters = nullptr;
  Napi::ObjectReference pinned[3];

  QueueOptions queue;
  // So much too early is as good for the timer.
  uint32_t timerLeewayNs = 0;
};

// False leaves a JavaScript exception pending, which says what field is wrong.
bool readOptions(Napi::Env env, Napi::Value value, PortOptions* options);

}  // namespace shaper
