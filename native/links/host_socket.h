// What the kernel tells of neighbours (its table of addresses and MACs) and of this machine's own addresses,
// as columns. Knows nothing of Node, and judges nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "columns.h"

namespace shaper {

// Bits of what a read found, beside its rows.
// The kernel had more to tell than fits the socket, so messages are missing.
constexpr uint32_t kHostsLost = 1;
// All that was asked for has come, with the rows of this read or of earlier ones.
constexpr uint32_t kHostsComplete = 2;

// Turns messages into rows.
class HostParser {
 public:
  // A message with a row has a header of 16 bytes, one of its kind and an address: ifaddrmsg has 8, with an
  // IPv4 address 8 more.
  static constexpr size_t kRowMessageBytesMin = 32;

  explicit HostParser(HostColumns* columns) : columns_(columns) {}
  // Empties the table.
  void begin() { rows_ = 0; }
  // Appends the rows of one datagram; what does not fit the table is left out.
  void parse(const uint8_t* bytes, size_t size);
  uint32_t rows() const { return rows_; }
  // Whether the list with this sequence number has ended, since the last call; and whether it was changed
  // while the kernel listed it, so that entries may be missing.
  bool takeEnd(uint32_t sequence, bool* isWhole);

 private:
  void parseMessage(uint16_t type, const uint8_t* body, const uint8_t* end);
  bool addNeighbour(const uint8_t* body, const uint8_t* end);
  bool addAddress(const uint8_t* body, const uint8_t* end);
  bool begins(uint8_t family, uint32_t ifIndex);

  HostColumns* columns_;
  uint32_t rows_ = 0;
  bool hasEnded_ = false;
  bool isInterrupted_ = false;
  uint32_t endSequence_ = 0;
};

class HostSocket {
 public:
  explicit HostSocket(HostColumns* columns) : parser_(columns) {}
  HostSocket(const HostSocket&) = delete;
  HostSocket& operator=(const HostSocket&) = delete;
  ~HostSocket() { close(); }

  // Joins the kernel's groups for neighbours and addresses of this network namespace. Returns 0 or errno.
  int open(uint32_t receiveBufferBytes);
  void close();
  int fd() const { return fd_; }
  // Has the kernel list all addresses and neighbours. A list that is under way ends first. Returns false if
  // the kernel refuses.
  bool ask();
  // Reads some of what waits into the columns, from row 0 on, and returns the bits of above. What is left
  // makes the descriptor readable again, so packets have their turn between two reads.
  uint32_t read();
  uint32_t rows() const { return parser_.rows(); }

 private:
  enum class List { kNone, kAddresses, kNeighbours };

  // Returns false if the kernel refuses.
  bool request(List list);
  uint32_t onEnd(bool isWhole);

  int fd_ = -1;
  HostParser parser_;
  List list_ = List::kNone;
  bool isAskedAgain_ = false;
  uint32_t sequence_ = 0;
};

}  // namespace shaper
