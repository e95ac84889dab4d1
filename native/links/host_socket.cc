#include "links/host_socket.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "nfqueue/netlink.h"

namespace shaper {
namespace {

// The kernel fills a datagram of a list up to the size of the buffer that reads it. Messages of single events
// are far shorter.
constexpr size_t kDatagramBytes = 8192;
constexpr uint32_t kRowsPerDatagram = kDatagramBytes / HostParser::kRowMessageBytesMin;
static_assert(kHostRows >= 2 * kRowsPerDatagram, "a datagram always fits behind half a table");
// Events come one a datagram. With more of them at once, packets would wait.
constexpr int kDatagramsPerRead = 128;

// Copies an address of a family into four columns. Returns false unless it has the length of that family.
bool copyAddress(uint32_t family, const AttributeReader& attribute, uint32_t* to0, uint32_t* to1, uint32_t* to2,
                 uint32_t* to3) {
  if (attribute.size() != (family == 4 ? 4 : 16)) return false;
  const uint8_t* at = attribute.data();
  *to0 = readBe32(at);
  *to1 = family == 4 ? 0 : readBe32(at + 4);
  *to2 = family == 4 ? 0 : readBe32(at + 8);
  *to3 = family == 4 ? 0 : readBe32(at + 12);
  return true;
}

}  // namespace

void HostParser::parse(const uint8_t* bytes, size_t size) {
  size_t at = 0;
  while (size - at >= sizeof(nlmsghdr)) {
    const auto header = readAs<nlmsghdr>(bytes + at);
    const size_t left = size - at;
    if (header.nlmsg_len < sizeof(nlmsghdr)) return;
    const size_t present = header.nlmsg_len < left ? header.nlmsg_len : left;
    isInterrupted_ |= (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
      hasEnded_ = true;
      endSequence_ = header.nlmsg_seq;
    } else {
      parseMessage(header.nlmsg_type, bytes + at + sizeof(nlmsghdr), bytes + at + present);
    }
    const size_t step = alignUp(header.nlmsg_len);
    if (step < header.nlmsg_len || step >= left) return;
    at += step;
  }
}

void HostParser::parseMessage(uint16_t type, const uint8_t* body, const uint8_t* end) {
  if (rows_ == kHostRows) return;
  const bool isNeighbour = type == RTM_NEWNEIGH || type == RTM_DELNEIGH;
  const bool isAddress = type == RTM_NEWADDR || type == RTM_DELADDR;
  if (!(isNeighbour && addNeighbour(body, end)) && !(isAddress && addAddress(body, end))) return;
  columns_->change[rows_] = type;
  rows_++;
}

// Also of family AF_BRIDGE are messages: about MACs that a bridge has learned, without addresses.
bool HostParser::begins(uint8_t family, uint32_t ifIndex) {
  if ((family != AF_INET && family != AF_INET6) || ifIndex == 0 || ifIndex > INT32_MAX) return false;
  HostColumns& c = *columns_;
#define X(name) c.name[rows_] = 0;
  SHAPER_HOST_COLUMNS(X)
#undef X
  c.family[rows_] = family == AF_INET ? 4 : 6;
  c.ifIndex[rows_] = ifIndex;
  return true;
}

bool HostParser::addNeighbour(const uint8_t* body, const uint8_t* end) {
  if (static_cast<size_t>(end - body) < sizeof(ndmsg)) return false;
  const auto neighbour = readAs<ndmsg>(body);
  if (!begins(neighbour.ndm_family, static_cast<uint32_t>(neighbour.ndm_ifindex))) return false;
  HostColumns& c = *columns_;
  const uint32_t r = rows_;
  c.state[r] = neighbour.ndm_state;
  c.flags[r] = neighbour.ndm_flags;
  bool hasAddress = false;
  AttributeReader attribute(body + sizeof(ndmsg), end);
  while (attribute.next()) {
    if (attribute.type() == NDA_DST) {
      hasAddress |= copyAddress(c.family[r], attribute, &c.word0[r], &c.word1[r], &c.word2[r], &c.word3[r]);
    } else if (attribute.type() == NDA_LLADDR && attribute.size() == 6) {
      c.macHigh[r] = readBe16(attribute.data());
      c.macLow[r] = readBe32(attribute.data() + 2);
    }
  }
  return hasAddress;
}

bool HostParser::addAddress(const uint8_t* body, const uint8_t* end) {
  if (static_cast<size_t>(end - body) < sizeof(ifaddrmsg)) return false;
  const auto address = readAs<ifaddrmsg>(body);
  if (!begins(address.ifa_family, address.ifa_index)) return false;
  HostColumns& c = *columns_;
  const uint32_t r = rows_;
  c.prefixBits[r] = address.ifa_prefixlen;
  c.scope[r] = address.ifa_scope;
  bool hasLocal = false;
  bool hasPeer = false;
  AttributeReader attribute(body + sizeof(ifaddrmsg), end);
  while (attribute.next()) {
    // IFA_ADDRESS is the other end of a point-to-point device, elsewhere the address itself.
    if (attribute.type() == IFA_ADDRESS) {
      hasPeer |= copyAddress(c.family[r], attribute, &c.peer0[r], &c.peer1[r], &c.peer2[r], &c.peer3[r]);
    } else if (attribute.type() == IFA_LOCAL) {
      hasLocal |= copyAddress(c.family[r], attribute, &c.word0[r], &c.word1[r], &c.word2[r], &c.word3[r]);
    }
  }
  const auto copy = [r](uint32_t* to, const uint32_t* from) { to[r] = from[r]; };
  if (hasPeer && !hasLocal) {
    copy(c.word0, c.peer0), copy(c.word1, c.peer1), copy(c.word2, c.peer2), copy(c.word3, c.peer3);
  } else if (hasLocal && !hasPeer) {
    copy(c.peer0, c.word0), copy(c.peer1, c.word1), copy(c.peer2, c.word2), copy(c.peer3, c.word3);
  }
  return hasPeer || hasLocal;
}

bool HostParser::takeEnd(uint32_t sequence, bool* isWhole) {
  const bool isEnd = hasEnded_ && endSequence_ == sequence;
  hasEnded_ = false;
  if (!isEnd) return false;
  *isWhole = !isInterrupted_;
  isInterrupted_ = false;
  return true;
}

int HostSocket::open(uint32_t receiveBufferBytes) {
  fd_ = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd_ < 0) return errno;
  // More than the limit of ordinary programs needs CAP_NET_ADMIN in the first user namespace; less will do.
  const auto bytes = static_cast<int>(receiveBufferBytes / 2);
  if (::setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return 0;
  const int number = errno;
  close();
  return number;
}

void HostSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool HostSocket::ask() {
  // The kernel makes one list for a socket at a time.
  isAskedAgain_ = list_ != List::kNone;
  return isAskedAgain_ || request(List::kAddresses);
}

bool HostSocket::request(List list) {
  struct {
    nlmsghdr header;
    union {
      ndmsg neighbour;
      ifaddrmsg address;
    };
  } message{};
  const bool isAddresses = list == List::kAddresses;
  message.header.nlmsg_len = NLMSG_LENGTH(isAddresses ? sizeof(ifaddrmsg) : sizeof(ndmsg));
  message.header.nlmsg_type = isAddresses ? RTM_GETADDR : RTM_GETNEIGH;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.header.nlmsg_seq = ++sequence_;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent;
  do {
    sent = ::sendto(fd_, &message, message.header.nlmsg_len, 0, reinterpret_cast<const sockaddr*>(&kernel),
                    sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  list_ = sent < 0 ? List::kNone : list;
  return sent >= 0;
}

uint32_t HostSocket::onEnd(bool isWhole) {
  const List ended = list_;
  list_ = List::kNone;
  if (isAskedAgain_) return ask() ? 0 : kHostsLost;
  if (!isWhole) return kHostsLost;
  if (ended == List::kNeighbours) return kHostsComplete;
  return request(List::kNeighbours) ? 0 : kHostsLost;
}

uint32_t HostSocket::read() {
  alignas(nlmsghdr) uint8_t bytes[kDatagramBytes];
  uint32_t found = 0;
  parser_.begin();
  for (int i = 0; i < kDatagramsPerRead && fd_ >= 0 && parser_.rows() <= kHostRows - kRowsPerDatagram; i++) {
    sockaddr_nl from{};
    socklen_t length = sizeof from;
    const ssize_t size =
        ::recvfrom(fd_, bytes, sizeof bytes, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {
      found |= kHostsLost;
      continue;
    }
    if (size < 0) break;
    // Another process may send to this socket as well: the kernel is port 0.
    if (length != sizeof from || from.nl_pid != 0) continue;
    parser_.parse(bytes, static_cast<size_t>(size));
    bool isWhole = true;
    if (list_ == List::kNone || !parser_.takeEnd(sequence_, &isWhole)) continue;
    found |= onEnd(isWhole);
    // Rows of a list that begins anew belong to the next read, so that who reads can tell them apart.
    if ((found & kHostsComplete) != 0) break;
  }
  return found;
}

}  // namespace shaper
