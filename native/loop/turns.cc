#include "loop/turns.h"

#include <unistd.h>

#include <csignal>

namespace shaper {
namespace {

// Odd while native code waits inside of a callback.
thread_local std::atomic<uint64_t> waits{0};

// What libuv writes into the pipe of a loop for each signal (uv__signal_msg_t, unix/signal.c).
struct SignalMessage {
  uv_signal_t* handle;
  int signal;
};

}  // namespace

void loopWaits() { waits.store(waits.load(std::memory_order_relaxed) | 1, std::memory_order_release); }

void loopRuns() { waits.store((waits.load(std::memory_order_relaxed) | 1) + 1, std::memory_order_release); }

Turns::Turns(uv_loop_t* loop) : loop_(loop), waits_(&waits) { prepare_.data = this; }

Turns* Turns::start(uv_loop_t* loop) {
  // Node does so as well. It is only a flag.
  if (uv_loop_configure(loop, UV_METRICS_IDLE_TIME) != 0) return nullptr;
  auto* turns = new Turns(loop);
  uv_prepare_init(loop, &turns->prepare_);
  uv_prepare_start(&turns->prepare_, onPrepare);
  uv_unref(reinterpret_cast<uv_handle_t*>(&turns->prepare_));
  return turns;
}

void Turns::stop(void (*closed)(void*), void* argument) {
  closed_ = closed;
  closedArgument_ = argument;
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), onClosed);
}

uint64_t Turns::count() const {
  return count_.load(std::memory_order_relaxed) + waits_->load(std::memory_order_relaxed);
}

bool Turns::isWaiting() const { return (waits_->load(std::memory_order_acquire) & 1) != 0; }

int Turns::takeStopSignal() {
  int found = 0;
  SignalMessage message;
  while (read(loop_->signal_pipefd[0], &message, sizeof message) == static_cast<ssize_t>(sizeof message)) {
    const int signal = message.signal;
    if (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT) found = signal;
  }
  return found;
}

void Turns::onPrepare(uv_prepare_t* handle) {
  static_cast<Turns*>(handle->data)->count_.fetch_add(1, std::memory_order_relaxed);
}

void Turns::onClosed(uv_handle_t* handle) {
  auto* turns = static_cast<Turns*>(handle->data);
  if (turns->closed_) turns->closed_(turns->closedArgument_);
  delete turns;
}

}  // namespace shaper
