// Leaves the socket alone for a moment while packets press, so that one wake-up handles several of them: a
// wake-up costs several times what it costs to handle a packet.
//
// Packets press if wake-ups that bring some follow each other closely, or did so in the burst before. Each
// then waits for the next by a short sleep first. Sparse packets, and the first of those that press, are
// handled at once, and no sleep lasts beyond the next due release.
#pragma once

#include <cstdint>

namespace shaper {

class Gathering {
 public:
  // A wake-up that brought so many packets was handled at `nowNs`, and the next release is due at `dueNs`
  // (CLOCK_MONOTONIC). Returns for how long to sleep now; 0: not at all.
  int64_t sleepNs(uint32_t rows, int64_t nowNs, int64_t dueNs);

  // Of the calling thread, as precisely as the kernel can.
  static void sleep(int64_t lengthNs);

 private:
  int64_t lastNs_ = 0;
  int64_t sleptNs_ = 0;
  uint32_t closeWakeups_ = 0;
};

}  // namespace shaper
