// Decides when to wait for packets by a read that blocks, instead of on the descriptor of the event loop and
// then by a read that does not. That spares a wake-up a system call.
//
// Meanwhile nobody sees timers and other descriptors. So the read waits only where packets come closely, no
// timer is near and no descriptor of others was ready of late, it gives up soon, and the event loop's
// descriptor is looked at every few milliseconds all the same.
#pragma once

#include <cstdint>

namespace shaper {

class SocketWait {
 public:
  // A read gives up after so long, as well as the kernel's ticks allow.
  static constexpr int64_t kReadNs = 4000000;

  SocketWait();
  // A wake-up at `nowNs` brought so many packets; `isRead`: the read that waited did.
  void woke(uint32_t rows, int64_t nowNs, bool isRead);
  // Descriptors of others were ready before the next wake-up.
  void othersReady() { areOthersReady_ = true; }
  // Whether to wait by a read, with the next release at `dueNs` and a timer of the loop in `loopTimeoutMs`
  // (-1: none).
  bool fits(int64_t nowNs, int64_t dueNs, int loopTimeoutMs) const;

 private:
  // A read has given up after so long at the latest.
  const int64_t longestNs_;
  int64_t lastNs_ = 0;
  int64_t lookedNs_ = 0;
  int64_t othersNs_ = 0;
  bool areOthersReady_ = false;
  bool isClose_ = false;
};

}  // namespace shaper
