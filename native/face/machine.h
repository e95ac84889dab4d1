// Functions by which TypeScript asks the machine for small things: a better place before the scheduler, a
// terminal that does not stop us, the number of the rule set, children of the program before.
#pragma once

#include <napi.h>

namespace shaper {

void addMachine(Napi::Object exports);

}  // namespace shaper
