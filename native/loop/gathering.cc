#include "loop/gathering.h"

#include <sys/prctl.h>

#include <algorithm>
#include <ctime>

#include "loop/wakeup.h"

namespace shaper {
namespace {

// Wake-ups that begin so soon after each other are close.
constexpr int64_t kCloseNs = 60000;
// So many in a row mean that packets press.
constexpr uint32_t kCloseMin = 3;
// Within RELEASE_SLACK_NS of src/limits.ts, with what the sleep takes longer than it was asked for.
constexpr int64_t kSleepNs = 60000;
constexpr int64_t kSleepMinNs = 10000;
// Sleeps of a thread may else end 50 us late.
constexpr unsigned long kTimerSlackNs = 1000;

}  // namespace

void Gathering::pause(uint32_t rows, int64_t dueNs) {
  const int64_t nowNs = monotonicNs();
  const bool isClose = rows > 0 && nowNs - lastNs_ < (close_ >= kCloseMin ? kSleepNs + kCloseNs : kCloseNs);
  lastNs_ = nowNs;
  close_ = isClose ? std::min(close_ + 1, kCloseMin) : 0;
  const int64_t sleepNs = std::min(kSleepNs, dueNs - nowNs);
  if (close_ < kCloseMin || sleepNs < kSleepMinNs) return;
  if (!hasPrecision_) prctl(PR_SET_TIMERSLACK, kTimerSlackNs, 0, 0, 0);
  hasPrecision_ = true;
  const timespec length{0, static_cast<long>(sleepNs)};
  nanosleep(&length, nullptr);
}

}  // namespace shaper
