// What wakes the event loop: the netlink socket and a timer with nanosecond resolution. Nothing of Node in here but
// its libuv; the loop is the caller's, so this also works in Worker threads.
#pragma once

#include <uv.h>

#include <cstdint>

namespace shaper {

int64_t monotonicNs();

// A timerfd on CLOCK_MONOTONIC, due at an absolute instant.
class Timer {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  ~Timer();
  // 0 or errno. `leewayNs`: so much too early is as good.
  int open(int64_t leewayNs);
  void close();
  // A due time in the past fires at once. Costs no system call while the timer is set for this instant, or for one that is
  // earlier by at most the leeway: setting it is a tenth of the processor time of shaping many gigabits a second.
  void arm(int64_t dueNs);
  // The loop saw the timer fire: the next arm() must set it anew.
  void fired() { stale_ = true; }
  // Makes a fired timer that nobody armed again fall silent.
  void settle();
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
  int64_t dueNs_ = kNever;
  int64_t leewayNs_ = 0;
  bool stale_ = false;
};

// Two uv_poll handles with one owner. Lives until libuv has let go of both.
class Wakeup {
 public:
  enum class Source { kSocket, kTimer };
  using Callback = void (*)(void* context, Source source);

  // Null and *error (errno) when libuv refuses. The handles keep the loop alive.
  static Wakeup* start(uv_loop_t* loop, int socketFd, int timerFd, Callback callback, void* context, int* error);
  // No callback after this, and the descriptors may be closed. `closed` is called from the loop when the handles are
  // gone; the object is then deleted.
  void stop(void (*closed)(void*), void* argument);

 private:
  Wakeup(Callback callback, void* context) : callback_(callback), context_(context) {}
  static void onPoll(uv_poll_t* handle, int status, int events);
  static void onClosed(uv_handle_t* handle);

  uv_poll_t polls_[2];
  int open_ = 0;
  Callback callback_;
  void* context_;
  void (*closed_)(void*) = nullptr;
  void* closedArgument_ = nullptr;
};

}  // namespace shaper
