// Turns rows of the verdict columns into netlink messages, many in one send. Free of Node, so that
// native/fuzz can drive it with a send that fails.
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
  // send(2) on the netlink socket; tests give another one.
  using Send = ssize_t (*)(int fd, const void* data, size_t bytes, int flags);

  // The largest datagram sent: one whole-packet verdict, or 2,048
  // plain ones. SO_SNDBUF must exceed it by 32 (netlink_sendmsg).
  static constexpr uint32_t kDatagramBytes = 68 * 1024;

  // New bytes of packets are taken from the `slabBytes` bytes at `slab`.
  VerdictWriter(const Columns* columns, const uint8_t* slab, uint32_t slabBytes, uint32_t firstQueue,
                uint32_t queueCount, Send send);

  // Rows may name the queues [firstQueue, firstQueue + queueCount) from now on.
  void setQueueCount(uint32_t queueCount) { queueCount_ = queueCount; }

  // Sends rows [0, count) in order. The kernel carries the verdicts out, and so runs the rest of the network
  // stack, inside the call. New bytes of a packet are sent as they stand in the slab: the kernel corrects
  // neither lengths nor checksums (nfqnl_mangle). Verdicts that cannot be sent after splitting and retrying
  // are appended to `failures` with the errno of the last attempt, so that no verdict is lost unnoticed.
  // Returns how many were appended.
  uint32_t send(int fd, uint32_t count, std::vector<Failure>* failures);

 private:
  bool isValid(uint32_t row) const;
  bool put(uint32_t row);
  void flush(int fd, uint32_t fromRow, uint32_t toRow, std::vector<Failure>* failures);
  int transmit(int fd, uint32_t fromRow, uint32_t toRow);

  const Verdicts& rows_;
  const uint8_t* slab_;
  uint32_t slabBytes_;
  uint32_t firstQueue_;
  uint32_t queueCount_;
  Send send_;
  std::unique_ptr<uint8_t[]> buffer_;
  uint32_t used_ = 0;
  // Start of each row's message in the buffer, and the end of the last one.
  std::unique_ptr<uint32_t[]> start_;
};

}  // namespace shaper
