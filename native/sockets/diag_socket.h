// Whose socket a packet belongs to, and the list of all sockets, as the kernel's sock_diag tells them. Knows
// nothing of Node, and judges nothing. Structures: linux/inet_diag.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "columns.h"

namespace shaper {

// Turns messages into rows.
class SocketParser {
 public:
  // A message with a row has a header of 16 bytes and an inet_diag_msg of 72.
  static constexpr size_t kRowMessageBytes = 88;

  explicit SocketParser(SocketColumns* columns) : columns_(columns) {}
  // Empties the table. `protocol` is that of the rows to come, which messages do not tell.
  void begin(uint32_t protocol) { rows_ = 0, protocol_ = protocol; }
  // Appends the rows of the messages with this sequence number in a datagram; rows that do not fit the table
  // are left out.
  void parse(const uint8_t* bytes, size_t size, uint32_t sequence);
  uint32_t rows() const { return rows_; }
  // Whether the answer or list has ended, since the last call, and with which errno: 0 for none.
  bool takeEnd(int* error);

 private:
  bool addSocket(const uint8_t* body, const uint8_t* end);

  SocketColumns* columns_;
  uint32_t rows_ = 0;
  uint32_t protocol_ = 0;
  bool hasEnded_ = false;
  int error_ = 0;
};

class DiagSocket {
 public:
  explicit DiagSocket(SocketColumns* columns) : columns_(columns), parser_(columns) {}
  DiagSocket(const DiagSocket&) = delete;
  DiagSocket& operator=(const DiagSocket&) = delete;
  ~DiagSocket() { close(); }

  // Sockets of the network namespace in which this is called are told. Returns 0 or errno.
  int open();
  void close();
  // Looks up the socket whose ends, protocol, family and device stand in row 0, and writes the rest of the
  // row. Returns 0 or errno: ENOENT if there is none, or if the kernel has no sock_diag for the protocol. It
  // allocates nothing and waits for nothing.
  int ask();
  // Begins the list of all sockets of a family, 4 or 6, and a protocol. Returns 0 or errno.
  int startList(uint32_t family, uint32_t protocol);
  // Writes the next rows of the list, from row 0 on. Returns how many, 0 at the end.
  uint32_t readList();

 private:
  struct Request;
  int send(Request* request, uint16_t flags);

  int fd_ = -1;
  SocketColumns* columns_;
  SocketParser parser_;
  uint32_t sequence_ = 0;
  uint32_t protocol_ = 0;
  bool isListing_ = false;
};

}  // namespace shaper
