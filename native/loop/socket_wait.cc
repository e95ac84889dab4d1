#include "loop/socket_wait.h"

#include <ctime>

namespace shaper {
namespace {

constexpr int64_t kNsPerMs = 1000000;
// Packets that come so soon after each other are close: few reads give up then.
constexpr int64_t kCloseNs = 2 * kNsPerMs;
// So often the event loop's descriptor is looked at.
constexpr int64_t kLookNs = 4 * kNsPerMs;
// Others that were ready may be so again soon, and their answers shall not wait.
constexpr int64_t kOthersNs = 50 * kNsPerMs;

// A tick of the kernel's timers.
int64_t tickNs() {
  timespec tick{};
  clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
  return tick.tv_nsec;
}

}  // namespace

// The kernel rounds up to ticks, and begins in the middle of one.
SocketWait::SocketWait() : longestNs_(kReadNs + 2 * tickNs()) {}

void SocketWait::woke(uint32_t rows, int64_t nowNs, bool isRead) {
  isClose_ = rows > 0 && nowNs - lastNs_ < kCloseNs;
  lastNs_ = nowNs;
  if (!isRead) lookedNs_ = nowNs;
  if (areOthersReady_) othersNs_ = nowNs;
  areOthersReady_ = false;
}

bool SocketWait::fits(int64_t nowNs, int64_t dueNs, int loopTimeoutMs) const {
  return isClose_ && nowNs - lookedNs_ < kLookNs && nowNs - othersNs_ >= kOthersNs && dueNs - nowNs > longestNs_ &&
         (loopTimeoutMs < 0 || loopTimeoutMs > longestNs_ / kNsPerMs);
}

}  // namespace shaper
