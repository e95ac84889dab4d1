// Sends whole IP packets, of which the kernel routes each by its destination.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shaper {

class RawSender {
 public:
  RawSender() = default;
  ~RawSender();
  RawSender(const RawSender&) = delete;
  RawSender& operator=(const RawSender&) = delete;

  // Opens a socket for each family, whose packets carry this priority. Returns 0 or errno. EPERM: there is no
  // CAP_NET_RAW. A kernel without IPv6 has one socket.
  int open(uint32_t priority);
  void close();

  // Whether it is an IPv4 or an IPv6 packet of so many bytes: version, header and length agree.
  static bool isPacket(const uint8_t* bytes, size_t length);
  // Of what isPacket() holds. Returns 0 or errno; EAGAIN: the socket's memory is full of packets that have
  // not left yet.
  int send(const uint8_t* bytes, size_t length);

 private:
  int ip4_ = -1;
  int ip6_ = -1;
};

}  // namespace shaper
