// From rows of the verdict columns to netlink messages, many in one send. Free of Node, so that native/fuzz can
// drive it with a send that fails.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "columns.h"

namespace shaper {

struct Failure {
  uint32_t tag;
  uint32_t errorNumber;
};

class VerdictWriter {
 public:
  // As send(2) on the netlink socket; replaced in tests.
  using Send = ssize_t (*)(int fd, const void* data, size_t bytes, int flags);

  // The largest datagram sent: one whole-packet verdict, or 2,048 plain ones. SO_SNDBUF must exceed it by 32
  // (netlink_sendmsg).
  static constexpr uint32_t kDatagramBytes = 68 * 1024;

  VerdictWriter(const Columns* columns, uint32_t firstQueue, uint32_t queueCount, Send send);

  // Sends rows [0, count) in order. The kernel carries the verdicts out, and so runs the rest of the network stack,
  // inside the call. New bytes of a packet are sent as they stand in the slab: the kernel corrects neither
  // lengths nor checksums (nfqueue_mangle). What cannot be sent after splitting and retrying is appended to
  // `failures` with the errno of the last attempt, so that no verdict is lost unnoticed; returns how many.
  uint32_t send(int fd, const uint8_t* slab, uint32_t count, std::vector<Failure>* failures);

 private:
  bool put(const uint8_t* slab, uint32_t row);
  void flush(int fd, uint32_t fromRow, uint32_t toRow, std::vector<Failure>* failures);
  int transmit(int fd, uint32_t fromRow, uint32_t toRow);

  const Verdicts& rows_;
  uint32_t firstQueue_;
  uint32_t queueCount_;
  Send send_;
  std::unique_ptr<uint8_t[]> buffer_;
  uint32_t used_ = 0;
  // Where each row's message starts in the buffer, and where the last one ends.
  std::unique_ptr<uint32_t[]> start_;
};

}  // namespace shaper
