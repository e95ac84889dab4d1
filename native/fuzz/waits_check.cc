// When a wake-up sleeps, and when it waits by a read: packets that come evenly, in bursts and beside
// releases, in pretended time.
#include <algorithm>
#include <cstdint>

#include "fuzz/check.h"
#include "loop/gathering.h"
#include "loop/socket_wait.h"

namespace shaper {
namespace {

constexpr int64_t kNever = INT64_MAX;
constexpr int64_t kWorkNs = 15000;

struct Run {
  uint32_t packets = 0;
  uint32_t wakeups = 0;
  int64_t waitedNsMost = 0;
};

// `packets` arrive when `arrivalNs` says. Each wake-up takes kWorkNs and brings all that has come.
template <typename ArrivalNs>
Run run(uint32_t packets, ArrivalNs arrivalNs) {
  Gathering gathering;
  Run result;
  int64_t nowNs = 0;
  while (result.packets < packets) {
    nowNs = std::max(nowNs, arrivalNs(result.packets));
    result.waitedNsMost = std::max(result.waitedNsMost, nowNs - arrivalNs(result.packets));
    uint32_t rows = 0;
    while (result.packets < packets && arrivalNs(result.packets) <= nowNs) {
      result.packets++;
      rows++;
    }
    nowNs += kWorkNs;
    result.wakeups++;
    nowNs += gathering.sleepNs(rows, nowNs, kNever);
  }
  return result;
}

// `burst` packets at once, every `gapNs`.
Run run(uint32_t packets, int64_t gapNs, uint32_t burst) {
  return run(packets, [&](uint32_t p) { return 1000000 + static_cast<int64_t>(p / burst) * gapNs; });
}

// Packets of a burst come `apartNs` apart.
Run runBursts(uint32_t bursts, int64_t gapNs, uint32_t burst, int64_t apartNs) {
  return run(bursts * burst, [&](uint32_t p) {
    return 1000000 + static_cast<int64_t>(p / burst) * gapNs + static_cast<int64_t>(p % burst) * apartNs;
  });
}

void checkRates() {
  const Run sparse = run(1000, 600000, 1);
  promise(sparse.wakeups == 1000 && sparse.waitedNsMost == 0, "sparse packets are handled at once");
  const Run even = run(10000, 25000, 1);
  promise(even.wakeups < 10000 / 2.5, "packets that press share wake-ups");
  promise(even.waitedNsMost < 100000, "none waits for longer than the slack of releases");
  const Run bursts = run(32000, 800000, 32);
  promise(bursts.wakeups == 1000 && bursts.waitedNsMost == 0, "a burst that came whole is handled at once");
  const Run spread = runBursts(1000, 700000, 32, 7000);
  promise(spread.wakeups < 1000 * 5.5, "packets press from burst to burst");
  promise(spread.waitedNsMost < 100000, "and none waits for longer than the slack of releases");
}

// A wake-up every 20 us.
struct Pressing {
  Gathering gathering;
  int64_t nowNs = 1000000;

  int64_t next(uint32_t rows, int64_t dueInNs) {
    nowNs += 20000;
    return gathering.sleepNs(rows, nowNs, nowNs + dueInNs);
  }
};

void checkReleases() {
  constexpr int64_t kLater = 1000000000;
  Pressing pressing;
  for (int i = 0; i < 10; i++) pressing.next(1, kLater);
  const int64_t lengthNs = pressing.next(1, kLater);
  promise(lengthNs > 0, "packets press");
  promise(pressing.next(1, 30000) == 30000, "a sleep ends with the next release");
  promise(pressing.next(1, 3000) == 0, "no sleep before a release that is near");
  promise(pressing.next(1, -1) == 0, "no sleep while one is due");
  promise(pressing.next(1, kLater) == lengthNs, "packets press still");
  promise(pressing.next(0, kLater) == 0, "a wake-up without packets ends it");
  promise(pressing.next(1, kLater) == 0, "it begins anew");
}

void checkReads() {
  constexpr int64_t kMs = 1000000;
  SocketWait wait;
  int64_t nowNs = 1000 * kMs;
  const auto wake = [&](int64_t afterNs, uint32_t rows, bool isRead) {
    nowNs += afterNs;
    wait.woke(rows, nowNs, isRead);
    return wait.fits(nowNs, kNever, -1);
  };
  promise(!wake(5 * kMs, 1, false) && !wake(5 * kMs, 1, false), "sparse packets are the loop's");
  promise(wake(kMs, 1, false), "close ones are read");
  promise(!wait.fits(nowNs, nowNs + 5 * kMs, -1), "not while a release is near");
  promise(!wait.fits(nowNs, kNever, 5) && wait.fits(nowNs, kNever, 1000), "nor while a timer of the loop is");
  promise(wake(kMs, 1, true) && wake(kMs, 1, true) && wake(kMs, 1, true), "one read after the other");
  promise(!wake(kMs, 1, true), "and now and then a look at the loop");
  promise(wake(kMs, 1, false), "after which reads go on");
  promise(!wake(kMs, 0, false), "a wake-up without packets ends them");
  wake(kMs, 1, false);
  wait.othersReady();
  promise(!wake(kMs, 1, false) && !wake(kMs, 1, false), "others that were ready may be so again");
  for (int i = 0; i < 60; i++) wake(kMs, 1, false);
  promise(wait.fits(nowNs, kNever, -1), "but not for long");
}

}  // namespace
}  // namespace shaper

int main() {
  shaper::checkRates();
  shaper::checkReleases();
  shaper::checkReads();
  std::printf("waits: as promised\n");
}
