// What TypeScript opens a port with: one object, every field validated by name.
#pragma once

#include <napi.h>

#include "nfqueue/queue.h"

namespace shaper {

struct PortOptions {
  QueueOptions queue;
  // So much too early is as good for the timer.
  uint32_t timerLeewayNs = 0;
};

// False leaves a JavaScript exception pending, which says what field is wrong.
bool readOptions(Napi::Env env, Napi::Value value, PortOptions* options);

}  // namespace shaper
