// Leaves the socket alone for a moment while packets press, so that one wake-up handles several of them.
//
// A wake-up costs several times what the kernel does for a packet. Packets press if wake-ups follow each other
// closely; then each waits for the next by a short sleep first. A due release, and so its lateness, is not
// touched: the sleep ends before it. Sparse packets, and the first of those that press, are handled at once.
#pragma once

#include <cstdint>

namespace shaper {

class Gathering {
 public:
  // Call when a wake-up has been handled. `rows`: packets that it brought. Sleeps if packets press, but not
  // beyond `dueNs` (CLOCK_MONOTONIC).
  void pause(uint32_t rows, int64_t dueNs);

 private:
  int64_t lastNs_ = 0;
  uint32_t close_ = 0;
  bool hasPrecision_ = false;
};

}  // namespace shaper
