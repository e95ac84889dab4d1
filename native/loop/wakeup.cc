#include "loop/wakeup.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "loop/turns.h"

namespace shaper {

constexpr int64_t kNsPerSecond = 1000000000;
// More than the sources: a wait sees at once whether the loop has something else to do.
constexpr int kEventsMax = 8;

int64_t monotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * kNsPerSecond + now.tv_nsec;
}

Timer::~Timer() { close(); }

int Timer::open(int64_t leewayNs) {
  leewayNs_ = leewayNs;
  fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  return fd_ < 0 ? errno : 0;
}

void Timer::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Timer::arm(int64_t dueNs) {
  const bool isSet = !stale_ && dueNs_ <= dueNs && dueNs - dueNs_ <= leewayNs_;
  if (fd_ < 0 || isSet) return;
  itimerspec due{};
  if (dueNs != kNever) {
    // Zero would disarm the timer.
    const int64_t at = dueNs > 0 ? dueNs : 1;
    due.it_value = {static_cast<time_t>(at / kNsPerSecond), static_cast<long>(at % kNsPerSecond)};
  }
  // Setting the timer also forgets an expiry that was not read.
  timerfd_settime(fd_, TFD_TIMER_ABSTIME, &due, nullptr);
  dueNs_ = dueNs;
  stale_ = false;
}

void Timer::settle() {
  if (!stale_) return;
  stale_ = false;
  dueNs_ = kNever;
  uint64_t expirations;
  // EAGAIN is no error here: nothing must be left to read.
  while (::read(fd_, &expirations, sizeof expirations) < 0 && errno == EINTR) {
  }
}

Wakeup* Wakeup::start(uv_loop_t* loop, const int* fds, int count, Owner* owner, int* error) {
  auto* wakeup = new Wakeup(loop, owner);
  for (int i = 0; i < count; i++) {
    wakeup->fds_[i] = fds[i];
    uv_poll_t* poll = &wakeup->polls_[i];
    int status = uv_poll_init(loop, poll, fds[i]);
    if (status == 0) {
      poll->data = wakeup;
      wakeup->open_++;
      status = uv_poll_start(poll, UV_READABLE, onPoll);
    }
    if (status == 0) continue;
    *error = -status;
    if (wakeup->open_ == 0) {
      delete wakeup;
    } else {
      wakeup->stop(nullptr, nullptr);
    }
    return nullptr;
  }
  return wakeup;
}

void Wakeup::stop(void (*closed)(void*), void* argument) {
  closed_ = closed;
  closedArgument_ = argument;
  owner_ = nullptr;
  const int handles = open_;
  for (int i = 0; i < handles; i++) uv_close(reinterpret_cast<uv_handle_t*>(&polls_[i]), onClosed);
}

void Wakeup::onPoll(uv_poll_t* handle, int status, int) {
  auto* wakeup = static_cast<Wakeup*>(handle->data);
  if (!wakeup->owner_) return;
  // libuv stops a handle whose descriptor reports an error. The
  // next read fetches the error, so polling goes on.
  if (status < 0) uv_poll_start(handle, UV_READABLE, onPoll);
  wakeup->owner_->wake(1u << (handle - wakeup->polls_));
  wakeup->waitInPlace();
}

void Wakeup::waitInPlace() {
  epoll_event events[kEventsMax];
  while (owner_) {
    if (owner_->awaitPackets(uv_backend_timeout(loop_))) {
      owner_->wake(kSocket | kRead);
      continue;
    }
    uv_update_time(loop_);
    // 0 if a timer is due, a handle is new or closing, or somebody has asked for a turn of the loop.
    const int timeoutMs = uv_backend_timeout(loop_);
    if (timeoutMs == 0) return;
    loopWaits();
    const int count = epoll_wait(uv_backend_fd(loop_), events, kEventsMax, timeoutMs);
    loopRuns();
    if (count <= 0) return;
    uint32_t ready = 0;
    for (int i = 0; i < count; i++) {
      const uint32_t bit = events[i].events == EPOLLIN ? bitOf(events[i].data.fd) : 0;
      // What is ready stays ready until somebody has read it, so the loop finds it as well.
      if (bit == 0) {
        owner_->othersReady();
        return;
      }
      ready |= bit;
    }
    owner_->wake(ready);
  }
}

uint32_t Wakeup::bitOf(int fd) const {
  for (int i = 0; i < kSources; i++) {
    if (fds_[i] == fd) return 1u << i;
  }
  return 0;
}

void Wakeup::onClosed(uv_handle_t* handle) {
  auto* wakeup = static_cast<Wakeup*>(handle->data);
  if (--wakeup->open_ > 0) return;
  if (wakeup->closed_) wakeup->closed_(wakeup->closedArgument_);
  delete wakeup;
}

}  // namespace shaper
