#include "modules/raw_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>

namespace shaper {
namespace {

constexpr size_t kIp4Header = 20, kIp6Header = 40;

size_t word16(const uint8_t* bytes) { return static_cast<size_t>(bytes[0]) << 8 | bytes[1]; }

// IPPROTO_RAW: the caller writes the header (raw(7)), in both families.
int openRaw(int family, uint32_t priority) {
  const int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
  if (fd < 0) return -errno;
  const int value = static_cast<int>(priority);
  if (setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &value, sizeof value) < 0) {
    const int number = errno;
    close(fd);
    return -number;
  }
  // Broadcast and multicast may be meant; the kernel delivers nothing to a socket of this protocol.
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  return fd;
}

}  // namespace

RawSender::~RawSender() { close(); }

int RawSender::open(uint32_t priority) {
  ip4_ = openRaw(AF_INET, priority);
  if (ip4_ < 0) return -ip4_;
  ip6_ = openRaw(AF_INET6, priority);
  if (ip6_ >= 0 || ip6_ == -EAFNOSUPPORT) return 0;
  const int number = -ip6_;
  close();
  return number;
}

void RawSender::close() {
  for (int* fd : {&ip4_, &ip6_}) {
    if (*fd >= 0) ::close(*fd);
    *fd = -1;
  }
}

bool RawSender::isPacket(const uint8_t* bytes, size_t length) {
  if (length < kIp4Header) return false;
  if (bytes[0] >> 4 == 4) {
    const size_t header = (bytes[0] & 15) * size_t{4};
    return header >= kIp4Header && header <= length && word16(bytes + 2) == length;
  }
  return bytes[0] >> 4 == 6 && length >= kIp6Header && word16(bytes + 4) + kIp6Header == length;
}

int RawSender::send(const uint8_t* bytes, size_t length) {
  ssize_t sent;
  if (bytes[0] >> 4 == 4) {
    if (ip4_ < 0) return EBADF;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, bytes + 16, 4);
    sent = sendto(ip4_, bytes, length, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  } else {
    if (ip6_ < 0) return ip4_ < 0 ? EBADF : EAFNOSUPPORT;
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    std::memcpy(&to.sin6_addr, bytes + 24, 16);
    sent = sendto(ip6_, bytes, length, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  return sent < 0 ? errno : 0;
}

}  // namespace shaper
