// The number of the rule set of this network namespace, which every change of nftables raises.
#pragma once

#include <cstdint>

namespace shaper {

// Returns -errno if the kernel does not tell.
int64_t rulesGeneration();

}  // namespace shaper
