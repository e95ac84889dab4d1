#include "modules/guard.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace shaper {
namespace {

constexpr uint64_t kStateMask = 3;
// V8 waits for threads of its own when it collects garbage, and these may get no processor on a busy machine.
constexpr int64_t kWaitLimits = 2;
// As many times the limit, for a loop of short waits.
constexpr int64_t kShortWaits = 4;
// PF_FORKNOEXEC of linux/sched.h, among the flags of proc(5).
constexpr unsigned kForkedOnly = 0x40;

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
  const long thread = syscall(SYS_gettid);
  std::snprintf(path, sizeof path, "/proc/self/task/%ld/stat", thread);
  statFd_ = open(path, O_RDONLY | O_CLOEXEC);
  std::snprintf(path, sizeof path, "/proc/self/task/%ld/children", thread);
  childrenFd_ = open(path, O_RDONLY | O_CLOEXEC);
  thread_ = std::thread(&Guard::watch, this);
}

Guard::~Guard() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    isClosing_ = true;
  }
  closing_.notify_one();
  thread_.join();
  for (int fd : {statFd_, childrenFd_})
    if (fd >= 0) close(fd);
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
  const Spent spent = look(state, seen);
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
  const Spent spent = look(number, seen);
  const bool isComputing = spent.cpuNs >= hangNs_;
  const bool isAsleep = spent.waitedNs >= hangNs_ || spent.sleptNs >= kShortWaits * hangNs_;
  if (!isComputing && !isAsleep) return;
  hung_(hungContext_, {!isComputing, isComputing ? spent.cpuNs : spent.sleptNs, phase == kRunning});
  turns_ = nullptr;
}

// The first look at a run remembers the processor time: a run pays nothing for being watched.
Guard::Spent Guard::look(uint64_t number, Seen* seen) const {
  const int64_t cpuNs = readClock(clock_);
  const int64_t nowNs = readClock(CLOCK_MONOTONIC);
  if (seen->number != number) {
    *seen = {number, cpuNs, cpuNs, 0, 0, nowNs};
    return {};
  }
  // A look that was late counts as one. If it has used processor time since the look before, another wait has
  // begun.
  const int64_t lookNs = nowNs - seen->atNs < 2 * lookNs_ ? nowNs - seen->atNs : lookNs_;
  const bool sleeps = isAsleep();
  if (sleeps) seen->sleptNs += lookNs;
  seen->waitedNs = sleeps && cpuNs == seen->lookCpuNs ? seen->waitedNs + lookNs : 0;
  seen->lookCpuNs = cpuNs;
  seen->atNs = nowNs;
  return {cpuNs - seen->cpuNs, seen->waitedNs, seen->sleptNs};
}

// proc(5): "pid (name) S …", where the name may have anything in it. S sleeps; D waits for a disk, perhaps
// for its own memory, and T was stopped.
bool Guard::isAsleep() const {
  char text[128];
  const ssize_t bytes = statFd_ < 0 ? -1 : pread(statFd_, text, sizeof text - 1, 0);
  if (bytes <= 0) return false;
  text[bytes] = 0;
  const char* const name = std::strrchr(text, ')');
  return name && name[1] == ' ' && name[2] == 'S' && !isStartingChild();
}

// proc(5): pids, the newest last. Without the file (CONFIG_PROC_CHILDREN) nobody says.
bool Guard::isStartingChild() const {
  char text[4096];
  const ssize_t bytes = childrenFd_ < 0 ? -1 : pread(childrenFd_, text, sizeof text - 1, 0);
  if (bytes <= 0) return false;
  text[bytes] = 0;
  for (char* at = text; *at != 0;) {
    char* end = at;
    const long pid = std::strtol(at, &end, 10);
    if (end == at) break;
    at = end;
    char path[64], stat[256];
    std::snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
    if (fd >= 0) close(fd);
    if (length <= 0) continue;
    stat[length] = 0;
    const char* const name = std::strrchr(stat, ')');
    char state = 0;
    unsigned flags = 0;
    // state ppid pgrp session tty_nr tpgid flags
    if (name && std::sscanf(name + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags) == 2 && state != 'Z' &&
        (flags & kForkedOnly) != 0)
      return true;
  }
  return false;
}

}  // namespace shaper
