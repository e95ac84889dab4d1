// Watches over one thread while it runs code of users, and ends what takes too long: the thread has used its
// limit of processor time in one run, or has slept for twice as long. A thread that only gets no processor,
// because others have it, is let alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <thread>

namespace shaper {

class Guard {
 public:
  // `terminate` is called with `context` by the watching thread, only between begin() and end() of one run.
  using Terminate = void (*)(void* context);

  // Watches the calling thread. `limitNs` is the limit of a run, which is looked at every `lookNs`, so a run
  // that computes ends between limitNs and limitNs + 2 * lookNs.
  Guard(int64_t limitNs, int64_t lookNs, Terminate terminate, void* context);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // By the watched thread only. A run does not contain another.
  void begin();
  // Whether terminate() was called for this run. If so it has returned, and is never called late.
  bool end();

  // Processor time of the calling thread in nanoseconds.
  static int64_t cpuNs();

 private:
  // What a look has found of the run that goes on.
  struct Seen {
    uint64_t run = 0;
    int64_t cpuNs = 0;
    int64_t lookCpuNs = 0;
    int64_t waitedNs = 0;
    int64_t atNs = 0;
  };

  void watch();
  bool isTooLong(uint64_t run, Seen* seen) const;
  // Whether the watched thread sleeps in the kernel, and neither runs nor wants to. False where nobody says.
  bool isAsleep() const;

  const int64_t limitNs_;
  const int64_t lookNs_;
  const Terminate terminate_;
  void* const context_;
  clockid_t clock_ = CLOCK_THREAD_CPUTIME_ID;
  int statFd_ = -1;

  // The number of a run, times four, and what it is at. Only a run that goes on can be ended, and end() waits
  // for whoever is about to do that.
  static constexpr uint64_t kIdle = 0, kRunning = 1, kEnding = 2, kEnded = 3;
  std::atomic<uint64_t> state_{kIdle};

  std::mutex mutex_;
  std::condition_variable closing_;
  bool isClosing_ = false;
  std::thread thread_;
};

}  // namespace shaper
