#include "sockets/diag_socket.h"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "nfqueue/netlink.h"

namespace shaper {
namespace {

// One answer is some 200 bytes. A list comes in datagrams as long as the buffer that reads them.
constexpr size_t kAnswerBytes = 1024;
constexpr size_t kDatagramBytes = 8192;
constexpr uint32_t kRowsPerDatagram = kDatagramBytes / SocketParser::kRowMessageBytes;
static_assert(kSocketRows >= 2 * kRowsPerDatagram, "a datagram always fits behind half a table");
// In the headers of Linux 5.7 and later.
constexpr uint32_t kCgroupId = 21;
// All states but those without a process: requests for connections (3, 12) and connections that only wait for
// late segments (6). The kernel numbers states from 1.
constexpr uint32_t kListedStates = ((1u << 13) - 2) & ~(1u << 3 | 1u << 6 | 1u << 12);

bool isMapped(const uint8_t* at) {
  return readBe32(at) == 0 && readBe32(at + 4) == 0 && readBe32(at + 8) == 0xffff;
}

bool isAny(const uint8_t* at) {
  return (readBe32(at) | readBe32(at + 4) | readBe32(at + 8) | readBe32(at + 12)) == 0;
}

}  // namespace

void SocketParser::parse(const uint8_t* bytes, size_t size, uint32_t sequence) {
  size_t at = 0;
  while (size - at >= sizeof(nlmsghdr)) {
    const auto header = readAs<nlmsghdr>(bytes + at);
    const size_t left = size - at;
    if (header.nlmsg_len < sizeof(nlmsghdr)) return;
    const size_t present = header.nlmsg_len < left ? header.nlmsg_len : left;
    const uint8_t* const body = bytes + at + sizeof(nlmsghdr);
    const uint8_t* const end = bytes + at + present;
    if (header.nlmsg_seq != sequence) {
      // Of a question that was given up.
    } else if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
      hasEnded_ = true;
      error_ = end - body >= static_cast<ptrdiff_t>(sizeof(int32_t)) ? readAs<int32_t>(body) : 0;
    } else if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY && rows_ < kSocketRows && addSocket(body, end)) {
      rows_++;
    }
    const size_t step = alignUp(header.nlmsg_len);
    if (step < header.nlmsg_len || step >= left) return;
    at += step;
  }
}

bool SocketParser::addSocket(const uint8_t* body, const uint8_t* end) {
  if (static_cast<size_t>(end - body) < sizeof(inet_diag_msg)) return false;
  const auto socket = readAs<inet_diag_msg>(body);
  if (socket.idiag_family != AF_INET && socket.idiag_family != AF_INET6) return false;
  SocketColumns& c = *columns_;
  const uint32_t r = rows_;
  const auto* local = reinterpret_cast<const uint8_t*>(socket.id.idiag_src);
  const auto* remote = reinterpret_cast<const uint8_t*>(socket.id.idiag_dst);
  // An IPv6 socket at an IPv4 address: its packets are IPv4.
  const bool isMappedPair =
      socket.idiag_family == AF_INET6 && isMapped(local) && (isMapped(remote) || isAny(remote));
  if (isMappedPair) local += 12, remote += 12;
  const bool isIp4 = socket.idiag_family == AF_INET || isMappedPair;
  const auto word = [isIp4](const uint8_t* at, int i) { return isIp4 && i > 0 ? 0 : readBe32(at + 4 * i); };
  c.family[r] = isIp4 ? 4 : 6;
  c.protocol[r] = protocol_;
  c.local0[r] = word(local, 0), c.local1[r] = word(local, 1), c.local2[r] = word(local, 2), c.local3[r] = word(local, 3);
  c.remote0[r] = word(remote, 0), c.remote1[r] = word(remote, 1);
  c.remote2[r] = word(remote, 2), c.remote3[r] = word(remote, 3);
  c.localPort[r] = ntohs(socket.id.idiag_sport);
  c.remotePort[r] = ntohs(socket.id.idiag_dport);
  c.ifIndex[r] = socket.id.idiag_if;
  c.uid[r] = socket.idiag_uid;
  c.inode[r] = socket.idiag_inode;
  c.state[r] = socket.idiag_state;
  c.cgroupHigh[r] = c.cgroupLow[r] = c.descriptor[r] = 0;
  AttributeReader attribute(body + sizeof(inet_diag_msg), end);
  while (attribute.next()) {
    if (attribute.type() != kCgroupId || attribute.size() != 8) continue;
    const auto id = readAs<uint64_t>(attribute.data());
    c.cgroupHigh[r] = static_cast<uint32_t>(id >> 32);
    c.cgroupLow[r] = static_cast<uint32_t>(id);
  }
  return true;
}

bool SocketParser::takeEnd(int* error) {
  const bool isEnd = hasEnded_;
  *error = error_ < 0 && error_ > -4096 ? -error_ : 0;
  hasEnded_ = false;
  error_ = 0;
  return isEnd;
}

struct DiagSocket::Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

int DiagSocket::open() {
  fd_ = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
  if (fd_ < 0) return errno;
  // Without the request in every "no such socket".
  const int on = 1;
  ::setsockopt(fd_, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  // The kernel is port 0: nobody else is heard.
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) == 0) return 0;
  const int number = errno;
  close();
  return number;
}

void DiagSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  isListing_ = false;
}

int DiagSocket::send(Request* request, uint16_t flags) {
  request->header.nlmsg_len = sizeof *request;
  request->header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request->header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  request->header.nlmsg_seq = ++sequence_;
  ssize_t sent;
  do {
    sent = ::send(fd_, request, sizeof *request, 0);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? errno : 0;
}

int DiagSocket::ask() {
  if (isListing_) return EBUSY;
  const SocketColumns& c = *columns_;
  Request request{};
  request.body.sdiag_family = c.family[0] == 4 ? AF_INET : AF_INET6;
  request.body.sdiag_protocol = static_cast<uint8_t>(c.protocol[0]);
  request.body.idiag_states = UINT32_MAX;
  inet_diag_sockid& id = request.body.id;
  id.idiag_if = c.ifIndex[0];
  id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  // The kernel looks up TCP by the ends of the socket, and datagrams by those of a packet that arrives
  // (net/ipv4/udp_diag.c: "src and dst are swapped for historical reasons").
  const bool isTcp = c.protocol[0] == IPPROTO_TCP;
  __be32* const local = isTcp ? id.idiag_src : id.idiag_dst;
  __be32* const remote = isTcp ? id.idiag_dst : id.idiag_src;
  local[0] = htonl(c.local0[0]), local[1] = htonl(c.local1[0]);
  local[2] = htonl(c.local2[0]), local[3] = htonl(c.local3[0]);
  remote[0] = htonl(c.remote0[0]), remote[1] = htonl(c.remote1[0]);
  remote[2] = htonl(c.remote2[0]), remote[3] = htonl(c.remote3[0]);
  (isTcp ? id.idiag_sport : id.idiag_dport) = htons(static_cast<uint16_t>(c.localPort[0]));
  (isTcp ? id.idiag_dport : id.idiag_sport) = htons(static_cast<uint16_t>(c.remotePort[0]));
  const int refused = send(&request, 0);
  if (refused != 0) return refused;
  // The kernel has answered when send returns.
  alignas(nlmsghdr) uint8_t bytes[kAnswerBytes];
  parser_.begin(c.protocol[0]);
  for (;;) {
    const ssize_t size = ::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno;
    int error = 0;
    parser_.parse(bytes, static_cast<size_t>(size), sequence_);
    if (parser_.takeEnd(&error)) return error != 0 ? error : ENOENT;
    if (parser_.rows() > 0) return 0;
  }
}

int DiagSocket::startList(uint32_t family, uint32_t protocol) {
  if (isListing_) return EBUSY;
  Request request{};
  request.body.sdiag_family = family == 4 ? AF_INET : AF_INET6;
  request.body.sdiag_protocol = static_cast<uint8_t>(protocol);
  request.body.idiag_states = kListedStates;
  protocol_ = protocol;
  const int refused = send(&request, NLM_F_DUMP);
  isListing_ = refused == 0;
  return refused;
}

uint32_t DiagSocket::readList() {
  alignas(nlmsghdr) uint8_t bytes[kDatagramBytes];
  parser_.begin(protocol_);
  while (isListing_ && parser_.rows() <= kSocketRows - kRowsPerDatagram) {
    const ssize_t size = ::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    int error = 0;
    if (size >= 0) parser_.parse(bytes, static_cast<size_t>(size), sequence_);
    // The kernel makes the next datagram while this one is read. So if none is there, none will come.
    if (size < 0 || parser_.takeEnd(&error)) isListing_ = false;
  }
  return parser_.rows();
}

}  // namespace shaper
