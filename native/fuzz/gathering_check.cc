// When a wake-up sleeps: packets that come evenly, in bursts and beside releases, in pretended time.
#include <algorithm>
#include <cstdint>

#include "fuzz/check.h"
#include "loop/gathering.h"

namespace shaper {
namespace {

constexpr int64_t kNever = INT64_MAX;
constexpr int64_t kWorkNs = 15000;

struct Run {
  uint32_t packets = 0;
  uint32_t wakeups = 0;
  int64_t waitedNsMost = 0;
};

// `packets` arrive `gapNs` apart, `burst` at a time. Each wake-up takes kWorkNs and brings all that has come.
Run run(uint32_t packets, int64_t gapNs, uint32_t burst) {
  Gathering gathering;
  Run result;
  const auto arrivalNs = [&](uint32_t p) { return 1000000 + static_cast<int64_t>(p / burst) * gapNs; };
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

void checkRates() {
  const Run sparse = run(1000, 600000, 1);
  promise(sparse.wakeups == 1000 && sparse.waitedNsMost == 0, "sparse packets are handled at once");
  const Run even = run(10000, 25000, 1);
  promise(even.wakeups < 10000 / 2.5, "packets that press share wake-ups");
  promise(even.waitedNsMost < 100000, "none waits for longer than the slack of releases");
  const Run bursts = run(32000, 800000, 32);
  promise(bursts.wakeups == 1000 && bursts.waitedNsMost == 0, "a burst that came whole is handled at once");
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

}  // namespace
}  // namespace shaper

int main() {
  shaper::checkRates();
  shaper::checkReleases();
  std::printf("gathering: as promised\n");
}
