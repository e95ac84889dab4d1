// How far an event loop has come, for a thread that watches over its thread. A turn goes from one wait of the
// loop to the next, with all callbacks in between.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>

namespace shaper {

// Native code that waits inside of a callback, as the loop would, says so around the wait: the thread is not
// hung then. Each call costs two nanoseconds. By the thread itself.
void loopWaits();
void loopRuns();

// Counts the turns of the loop of the calling thread. It does not keep the loop alive.
class Turns {
 public:
  // Returns null if libuv refuses.
  static Turns* start(uv_loop_t* loop);
  // By the thread of the loop, which calls `closed` when nothing is left. The object deletes itself.
  void stop(void (*closed)(void*), void* argument);

  // From any thread: another number means that the loop has gone on.
  uint64_t count() const;
  // From any thread: how long the loop has waited in all. It grows while it waits.
  uint64_t idleNs() const { return uv_metrics_idle_time(loop_); }
  // From any thread: whether native code waits inside of a callback.
  bool isWaiting() const;
  // By another thread, while the loop hangs: takes the signals that libuv has noted and nobody has handled.
  // Returns one of those that ask for the end of a program, or 0.
  int takeStopSignal();

 private:
  explicit Turns(uv_loop_t* loop);
  static void onPrepare(uv_prepare_t* handle);
  static void onClosed(uv_handle_t* handle);

  uv_loop_t* const loop_;
  uv_prepare_t prepare_;
  std::atomic<uint64_t> count_{0};
  const std::atomic<uint64_t>* const waits_;
  void (*closed_)(void*) = nullptr;
  void* closedArgument_ = nullptr;
};

}  // namespace shaper
