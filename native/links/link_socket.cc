#include "links/link_socket.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "nfqueue/netlink.h"

// net/if.h declares the same names as linux/if.h, so only what is needed of it stands here.
extern "C" {
unsigned int if_nametoindex(const char* name);
char* if_indextoname(unsigned int index, char* name);
}

namespace shaper {
namespace {

// The kernel's messages of one device stay below 8 KiB without virtual functions, which nobody asks for here.
// What does not fit is cut off behind the part that is read.
constexpr size_t kDatagramBytes = 16384;

bool isLinkMessage(uint16_t type) { return type == RTM_NEWLINK || type == RTM_DELLINK; }

}  // namespace

LinkSocket::~LinkSocket() { close(); }

int LinkSocket::open() {
  fd_ = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd_ < 0) return errno;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return 0;
  const int number = errno;
  close();
  return number;
}

void LinkSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void LinkSocket::read(std::vector<uint32_t>* down) {
  alignas(nlmsghdr) uint8_t bytes[kDatagramBytes];
  while (fd_ >= 0) {
    sockaddr_nl from{};
    socklen_t length = sizeof from;
    const ssize_t size =
        ::recvfrom(fd_, bytes, sizeof bytes, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &length);
    // After ENOBUFS the next messages are there.
    if (size < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
    if (size < 0) return;
    // Another process may send to this socket as well: the kernel is port 0.
    if (length == sizeof from && from.nl_pid == 0) parse(bytes, static_cast<size_t>(size), down);
  }
}

void LinkSocket::parse(const uint8_t* bytes, size_t size, std::vector<uint32_t>* down) {
  size_t at = 0;
  while (size - at >= sizeof(nlmsghdr)) {
    const auto header = readAs<nlmsghdr>(bytes + at);
    const size_t left = size - at;
    if (header.nlmsg_len < sizeof(nlmsghdr)) return;
    const size_t present = header.nlmsg_len < left ? header.nlmsg_len : left;
    if (isLinkMessage(header.nlmsg_type) && present >= sizeof(nlmsghdr) + sizeof(ifinfomsg)) {
      const auto link = readAs<ifinfomsg>(bytes + at + sizeof(nlmsghdr));
      // Of family AF_BRIDGE are messages about ports of a bridge: RTM_DELLINK then only says that the device
      // left the bridge.
      const bool isDown = header.nlmsg_type == RTM_DELLINK || (link.ifi_flags & IFF_UP) == 0;
      if (link.ifi_family == AF_UNSPEC && link.ifi_index > 0 && isDown) {
        down->push_back(static_cast<uint32_t>(link.ifi_index));
      }
    }
    const size_t step = alignUp(header.nlmsg_len);
    if (step < header.nlmsg_len || step >= left) return;
    at += step;
  }
}

uint32_t linkIndex(const std::string& name) { return name.size() < IFNAMSIZ ? if_nametoindex(name.c_str()) : 0; }

std::string linkName(uint32_t index) {
  char name[IFNAMSIZ] = "";
  return index != 0 && if_indextoname(index, name) ? std::string(name) : std::string();
}

uint32_t linkMtu(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) return 0;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  const bool isKnown = ioctl(fd, SIOCGIFMTU, &request) == 0;
  close(fd);
  return isKnown && request.ifr_mtu > 0 ? static_cast<uint32_t>(request.ifr_mtu) : 0;
}

}  // namespace shaper
