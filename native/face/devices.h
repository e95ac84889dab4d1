// Functions by which TypeScript looks up network devices.
#pragma once

#include <napi.h>

namespace shaper {

void addDevices(Napi::Object exports);

}  // namespace shaper
