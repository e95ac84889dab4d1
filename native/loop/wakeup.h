// Wakes the event loop for netlink sockets and for a timer with nanosecond resolution. Of Node it uses only
// libuv. The loop is the caller's, so it works in Worker threads, too.
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
  // Returns 0 or errno. Firing up to `leewayNs` too early is as good as firing at the due time.
  int open(int64_t leewayNs);
  void close();
  // A due time in the past fires at once. No system call is made while the timer is
  // set for this instant, or for one that is earlier by at most the leeway: setting
  // it takes a tenth of the processor time of shaping many gigabits a second.
  void arm(int64_t dueNs);
  // Call when the loop saw the timer fire: the next arm() then sets it anew.
  void fired() { stale_ = true; }
  // Silences a fired timer that nobody armed again.
  void settle();
  int fd() const { return fd_; }
  // When it fires; kNever if it does not.
  int64_t dueNs() const { return dueNs_; }

 private:
  int fd_ = -1;
  int64_t dueNs_ = kNever;
  int64_t leewayNs_ = 0;
  bool stale_ = false;
};

// A few uv_poll handles with one owner, which lives until libuv has closed all.
//
// After a callback it waits for the next event in place, on libuv's own epoll descriptor, as long as only
// its own descriptors become ready. Most wake-ups then skip the turn of the loop: libuv polls twice in each,
// since Node asks for its idle time, and Node looks at timers and immediates. As soon as anything else is
// ready or due, the loop has its turn.
class Wakeup {
 public:
  static constexpr int kSources = 3;
  // Bits of what is ready, in the order of the descriptors.
  static constexpr uint32_t kSocket = 1, kTimer = 2, kLinks = 4;
  // The packets of kSocket have been read by awaitPackets().
  static constexpr uint32_t kRead = 8;

  class Owner {
   public:
    virtual void wake(uint32_t ready) = 0;
    // May wait for packets by itself. The loop has a timer in so many milliseconds; -1: none. True: packets
    // have been read, and wake() is called with kSocket and kRead. False: the wait is the loop's.
    virtual bool awaitPackets(int /* loopTimeoutMs */) { return false; }
    // Descriptors of others are ready, and the loop is about to have its turn.
    virtual void othersReady() {}

   protected:
    ~Owner() = default;
  };

  // `fds`, at most kSources, are in the order of the bits. Returns null and fills *error with an errno when
  // libuv refuses. The handles keep the loop alive.
  static Wakeup* start(uv_loop_t* loop, const int* fds, int count, Owner* owner, int* error);
  // No callback comes after this call, and the descriptors may be closed. The loop calls `closed` when the
  // handles are gone, and the object deletes itself.
  void stop(void (*closed)(void*), void* argument);

 private:
  Wakeup(uv_loop_t* loop, Owner* owner) : loop_(loop), owner_(owner) {}
  static void onPoll(uv_poll_t* handle, int status, int events);
  static void onClosed(uv_handle_t* handle);
  void waitInPlace();
  // The bit of a descriptor; 0: it is not ours.
  uint32_t bitOf(int fd) const;

  uv_loop_t* const loop_;
  int fds_[kSources] = {-1, -1, -1};
  uv_poll_t polls_[kSources];
  int open_ = 0;
  // Null when stopped.
  Owner* owner_;
  void (*closed_)(void*) = nullptr;
  void* closedArgument_ = nullptr;
};

}  // namespace shaper
