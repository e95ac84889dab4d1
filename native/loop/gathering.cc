#include "loop/gathering.h"

#include <sys/prctl.h>

#include <algorithm>
#include <ctime>

namespace shaper {
namespace {

// Wake-ups that come so soon after each other are close.
constexpr int64_t kCloseNs = 60000;
// So many close ones mean that packets press.
constexpr uint32_t kPressing = 2;
// No more are counted. One that is not close takes one away: packets in bursts press from burst to burst.
constexpr uint32_t kCountedMax = 3;
// Within RELEASE_SLACK_NS of src/limits.ts, with what a sleep takes longer than it was asked for.
constexpr int64_t kSleepNs = 60000;
// A shorter sleep gathers nothing.
constexpr int64_t kSleepNsMin = 10000;
// Sleeps may else end 50 us late.
constexpr unsigned long kTimerSlackNs = 1;

}  // namespace

int64_t Gathering::sleepNs(uint32_t rows, int64_t nowNs, int64_t dueNs) {
  const bool isClose = rows > 0 && nowNs - lastNs_ < sleptNs_ + kCloseNs;
  if (isClose) {
    closeWakeups_ = std::min(closeWakeups_ + 1, kCountedMax);
  } else {
    closeWakeups_ = rows > 0 && closeWakeups_ > 0 ? closeWakeups_ - 1 : 0;
  }
  lastNs_ = nowNs;
  const int64_t lengthNs = std::min(kSleepNs, dueNs - nowNs);
  sleptNs_ = closeWakeups_ >= kPressing && lengthNs >= kSleepNsMin ? lengthNs : 0;
  return sleptNs_;
}

void Gathering::sleep(int64_t lengthNs) {
  thread_local bool isPrecise = false;
  if (!isPrecise) prctl(PR_SET_TIMERSLACK, kTimerSlackNs, 0, 0, 0);
  isPrecise = true;
  const timespec length{0, static_cast<long>(lengthNs)};
  nanosleep(&length, nullptr);
}

}  // namespace shaper
