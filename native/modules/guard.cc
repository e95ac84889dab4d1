#include "modules/guard.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>

namespace shaper {
namespace {

constexpr uint64_t kStateMask = 3;
// V8 waits for threads of its own when it collects garbage, and these may get no processor on a busy machine.
constexpr int64_t kWaitLimits = 2;

int64_t readClock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * int64_t{1000000000} + now.tv_nsec;
}

}  // namespace

Guard::Guard(int64_t limitNs, int64_t lookNs, Terminate terminate, void* context)
    : limitNs_(limitNs), lookNs_(lookNs), terminate_(terminate), context_(context) {
  pthread_getcpuclockid(pthread_self(), &clock_);
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%ld/stat", static_cast<long>(syscall(SYS_gettid)));
  statFd_ = open(path, O_RDONLY | O_CLOEXEC);
  thread_ = std::thread(&Guard::watch, this);
}

Guard::~Guard() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    isClosing_ = true;
  }
  closing_.notify_one();
  thread_.join();
  if (statFd_ >= 0) close(statFd_);
}

int64_t Guard::cpuNs() { return readClock(CLOCK_THREAD_CPUTIME_ID); }

void Guard::begin() {
  const uint64_t run = (state_.load(std::memory_order_relaxed) & ~kStateMask) + kStateMask + 1;
  state_.store(run | kRunning, std::memory_order_release);
}

bool Guard::end() {
  uint64_t state = state_.load(std::memory_order_relaxed);
  const uint64_t run = state & ~kStateMask;
  uint64_t expected = run | kRunning;
  if (state_.compare_exchange_strong(expected, run | kIdle, std::memory_order_acq_rel)) return false;
  // The watching thread is in terminate(), which takes a microsecond.
  while ((state = state_.load(std::memory_order_acquire)) == (run | kEnding)) sched_yield();
  state_.store(run | kIdle, std::memory_order_release);
  return true;
}

void Guard::watchTurns(const Turns* turns, int64_t hangNs, Hung hung, void* context) {
  const std::lock_guard<std::mutex> lock(mutex_);
  turns_ = turns;
  hangNs_ = hangNs;
  hung_ = hung;
  hungContext_ = context;
}

void Guard::watch() {
  // The program handles its signals in the main thread.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  Seen run, turn;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!closing_.wait_for(lock, std::chrono::nanoseconds(lookNs_), [this] { return isClosing_; })) {
    const uint64_t state = state_.load(std::memory_order_acquire);
    if ((state & kStateMask) == kRunning) lookAtRun(state, &run);
    if (turns_) lookAtTurn(state, &turn);
  }
}

void Guard::lookAtRun(uint64_t state, Seen* seen) {
  const Spent spent = look(state, true, seen);
  if (spent.cpuNs < limitNs_ && spent.waitedNs < kWaitLimits * limitNs_) return;
  uint64_t expected = state;
  if (!state_.compare_exchange_strong(expected, (state & ~kStateMask) | kEnding, std::memory_order_acq_rel)) return;
  terminate_(context_);
  state_.store((state & ~kStateMask) | kEnded, std::memory_order_release);
}

void Guard::lookAtTurn(uint64_t state, Seen* seen) {
  const uint64_t idleNs = turns_->idleNs();
  if (turns_->isWaiting() || idleNs != idleNs_) waits_++;
  idleNs_ = idleNs;
  // Another one after every turn, every wait, and where a run begins or ends. That it is asked to end is no
  // step: only the run itself can do that.
  const uint64_t phase = (state & kStateMask) == kIdle ? kIdle : kRunning;
  const uint64_t number = (turns_->count() + waits_) * 0x9e3779b97f4a7c15 + ((state & ~kStateMask) | phase);
  const Spent spent = look(number, false, seen);
  if (spent.cpuNs < hangNs_ && spent.waitedNs < hangNs_) return;
  const bool isAsleep = spent.cpuNs < hangNs_;
  hung_(hungContext_, {isAsleep, isAsleep ? spent.waitedNs : spent.cpuNs, phase == kRunning});
  turns_ = nullptr;
}

// The first look at a run remembers the processor time: a run pays nothing for being watched.
Guard::Spent Guard::look(uint64_t number, bool isAtOnce, Seen* seen) const {
  const int64_t cpuNs = readClock(clock_);
  const int64_t nowNs = readClock(CLOCK_MONOTONIC);
  if (seen->number != number) {
    *seen = {number, cpuNs, cpuNs, 0, nowNs};
    return {};
  }
  // Between two looks it waits if it sleeps, and at once if it has used no processor. A look that was late
  // counts as one.
  const bool waits = (!isAtOnce || cpuNs == seen->lookCpuNs) && isAsleep();
  if (waits) seen->waitedNs += nowNs - seen->atNs < 2 * lookNs_ ? nowNs - seen->atNs : lookNs_;
  if (!waits && isAtOnce) seen->waitedNs = 0;
  seen->lookCpuNs = cpuNs;
  seen->atNs = nowNs;
  return {cpuNs - seen->cpuNs, seen->waitedNs};
}

// proc(5): "pid (name) S …", where the name may have anything in it. S sleeps; D waits for a disk, perhaps
// for its own memory, and T was stopped.
bool Guard::isAsleep() const {
  char text[128];
  const ssize_t bytes = statFd_ < 0 ? -1 : pread(statFd_, text, sizeof text - 1, 0);
  if (bytes <= 0) return false;
  text[bytes] = 0;
  const char* const name = std::strrchr(text, ')');
  return name && name[1] == ' ' && name[2] == 'S';
}

}  // namespace shaper
