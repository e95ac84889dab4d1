// Watches over one thread while it runs code of users, and ends what takes too long: the thread has used its
// limit of processor time in one run, or has slept for twice as long. A thread that only gets no processor,
// because others have it, is let alone.
//
// Code of users also runs outside of runs, in callbacks of the event loop. There nothing can end it without
// harm to what the loop was at. So the guard only tells that the loop hangs: it has neither waited nor begun
// another turn, nor has a run begun or ended, for too long.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <thread>

#include "loop/turns.h"

namespace shaper {

class Guard {
 public:
  // `terminate` is called with `context` by the watching thread, only between begin() and end() of one run.
  using Terminate = void (*)(void* context);

  // A loop that hangs.
  struct Hang {
    // Whether the thread sleeps in a call that blocks; else it computes.
    bool isAsleep;
    int64_t ns;
    // Whether it hangs in a run.
    bool isInRun;
  };
  using Hung = void (*)(void* context, const Hang& hang);

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

  // From now on the loop of the thread is watched too. The watching thread calls `hung` once, when the loop
  // has not gone on and the thread has used `hangNs` of processor time, or has slept as long at a stretch, or
  // four times as long in all. null: no more. By any thread.
  void watchTurns(const Turns* turns, int64_t hangNs, Hung hung, void* context);

  // Processor time of the calling thread in nanoseconds.
  static int64_t cpuNs();

 private:
  // What looks have found of the run, or of the turn of the loop, that goes on.
  struct Seen {
    uint64_t number = 0;
    int64_t cpuNs = 0;
    int64_t lookCpuNs = 0;
    int64_t waitedNs = 0;
    int64_t sleptNs = 0;
    int64_t atNs = 0;
  };
  struct Spent {
    int64_t cpuNs = 0;
    // Asleep at a stretch, up to now; and in all.
    int64_t waitedNs = 0;
    int64_t sleptNs = 0;
  };

  void watch();
  void lookAtRun(uint64_t state, Seen* seen);
  void lookAtTurn(uint64_t state, Seen* seen);
  Spent look(uint64_t number, Seen* seen) const;
  // Whether the watched thread sleeps in the kernel, and neither runs nor wants to. False where nobody says.
  bool isAsleep() const;
  // Whether the thread waits for a child of its own to become another program, as libuv does for each that it
  // starts. On a busy machine that takes long, and is nobody's fault.
  bool isStartingChild() const;

  const int64_t limitNs_;
  const int64_t lookNs_;
  const Terminate terminate_;
  void* const context_;
  clockid_t clock_ = CLOCK_THREAD_CPUTIME_ID;
  int statFd_ = -1;
  int childrenFd_ = -1;

  // The number of a run, times four, and what it is at. Only a run that goes on can be ended, and end() waits
  // for whoever is about to do that.
  static constexpr uint64_t kIdle = 0, kRunning = 1, kEnding = 2, kEnded = 3;
  std::atomic<uint64_t> state_{kIdle};

  // Held by the watching thread while it looks.
  std::mutex mutex_;
  std::condition_variable closing_;
  bool isClosing_ = false;
  const Turns* turns_ = nullptr;
  int64_t hangNs_ = 0;
  Hung hung_ = nullptr;
  void* hungContext_ = nullptr;
  uint64_t idleNs_ = 0;
  uint64_t waits_ = 0;
  std::thread thread_;
};

}  // namespace shaper
