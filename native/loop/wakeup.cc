#include "loop/wakeup.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace shaper {

constexpr int64_t kNsPerSecond = 1000000000;

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

Wakeup* Wakeup::start(uv_loop_t* loop, const int* fds, int count, Callback callback, void* context, int* error) {
  auto* wakeup = new Wakeup(callback, context);
  for (int i = 0; i < count; i++) {
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
  callback_ = nullptr;
  const int handles = open_;
  for (int i = 0; i < handles; i++) uv_close(reinterpret_cast<uv_handle_t*>(&polls_[i]), onClosed);
}

void Wakeup::onPoll(uv_poll_t* handle, int status, int) {
  auto* wakeup = static_cast<Wakeup*>(handle->data);
  if (!wakeup->callback_) return;
  // libuv stops a handle whose descriptor reports an error. The
  // next read fetches the error, so polling goes on.
  if (status < 0) uv_poll_start(handle, UV_READABLE, onPoll);
  wakeup->callback_(wakeup->context_, static_cast<Source>(handle - wakeup->polls_));
}

void Wakeup::onClosed(uv_handle_t* handle) {
  auto* wakeup = static_cast<Wakeup*>(handle->data);
  if (--wakeup->open_ > 0) return;
  if (wakeup->closed_) wakeup->closed_(wakeup->closedArgument_);
  delete wakeup;
}

}  // namespace shaper
