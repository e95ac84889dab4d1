// Turns netlink datagrams into rows of the shared columns. Holds no policy and looks at no packet byte. Free
// of Node and of sockets, so that native/fuzz can drive it. Allocates nothing.
#pragma once

#include <cstdint>

#include "columns.h"

namespace shaper {

class Parser {
 public:
  Parser(Columns* columns, Counters* counters, uint32_t firstQueue, uint32_t queueCount)
      : columns_(columns), counters_(counters), firstQueue_(firstQueue), queueCount_(queueCount) {}

  // Packets of the queues [firstQueue, firstQueue + queueCount) become rows from now on.
  void setQueueCount(uint32_t queueCount) { queueCount_ = queueCount; }

  // Forgets the rows of the last batch.
  void begin() { rows_ = failureRows_ = 0; }

  // Parses the datagram of `lengthBytes` at slab + slotOffset from byte *resumeAt on. `truncated` says that
  // the datagram did not fit the slot (MSG_TRUNC). Returns false when a table is full: after begin(), the
  // same call with the *resumeAt that it left goes on behind the last row. Every message whose
  // NFQA_PACKET_HDR can be read becomes a row, because only a row gets a verdict; if anything else is wrong
  // with the message, copiedBytes is 0.
  bool parse(const uint8_t* slab, uint32_t slotOffset, uint32_t lengthBytes, bool truncated, uint32_t* resumeAt);

  // Adds a row for a verdict that could not be sent. Returns false when the table is full.
  bool addFailure(uint32_t tag, uint32_t errorNumber);

  uint32_t rows() const { return rows_; }
  uint32_t failureRows() const { return failureRows_; }
  Counters& counters() { return *counters_; }

 private:
  void parsePacket(const uint8_t* slab, uint32_t messageOffset, uint32_t lengthBytes, bool whole);
  void parseError(const uint8_t* message, uint32_t lengthBytes);

  Columns* columns_;
  Counters* counters_;
  uint32_t firstQueue_;
  uint32_t queueCount_;
  uint32_t rows_ = 0;
  uint32_t failureRows_ = 0;
};

}  // namespace shaper
