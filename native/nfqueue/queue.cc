#include "nfqueue/queue.h"

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "nfqueue/netlink.h"

namespace shaper {
namespace {

// netlink_sendmsg wants 32 bytes more than the datagram; the kernel doubles what it is asked for.
constexpr int kSendBufferBytes = VerdictWriter::kDatagramBytes;
// A receive that fails for the moment only (interrupted, no memory) is repeated this often.
constexpr int kReceiveAttemptsMax = 4;
// Before a request at most so many messages are read: a flood must not keep it waiting.
constexpr uint32_t kEarlyReads = 1 << 16;

template <typename T>
bool setOption(int fd, int level, int option, const T& value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

int lastErrno() { return errno; }

}  // namespace

Queue::Queue(Columns* columns, uint8_t* slab, Counters* counters, const QueueOptions& options)
    : options_(options),
      slab_(slab),
      slotBytes_(options.slotBytes),
      queueCount_(options.count),
      parser_(columns, counters, options.firstQueue, options.count),
      writer_(columns, slab, options.slabBytes(), options.firstQueue, options.count, ::send),
      headers_(new mmsghdr[kArrivalRows]()),
      vectors_(new iovec[kArrivalRows]()) {
  unsent_.reserve(kVerdictRows);
  for (uint32_t slot = 0; slot < kArrivalRows; slot++) {
    // Without a name and a control buffer the kernel writes only
    // msg_len and msg_flags, so nothing needs a reset.
    headers_[slot].msg_hdr.msg_iov = &vectors_[slot];
    headers_[slot].msg_hdr.msg_iovlen = 1;
  }
  placeSlots();
}

void Queue::placeSlots() {
  for (uint32_t slot = 0; slot < kArrivalRows; slot++) vectors_[slot] = {slab_ + slot * slotBytes_, slotBytes_};
}

void Queue::growSlots(uint32_t slotBytes) {
  const uint32_t before = slotBytes_;
  // Unparsed messages move up, the last one first, onto nobody that has not moved.
  for (uint32_t slot = filledSlots_; slot-- > nextSlot_;) {
    const uint32_t bytes = std::min(headers_[slot].msg_len, before);
    std::memmove(slab_ + slot * slotBytes, slab_ + slot * before, bytes);
  }
  slotBytes_ = slotBytes;
  placeSlots();
}

Queue::~Queue() { close(); }

bool Queue::open(SystemError* error) {
  bool opened = openSocket(error);
  for (uint32_t q = 0; opened && q < options_.count; q++) {
    bool granted = false;
    opened = setUp(q, options_.lengthPackets, options_.copyBytes[q], options_.gso[q], &granted, error);
  }
  if (!opened) close();
  return opened;
}

bool Queue::openSocket(SystemError* error) {
  socket_ = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (!socket_) {
    *error = {lastErrno(), "socket", -1};
    return false;
  }
  fd_ = mnl_socket_get_fd(socket_);
  if (mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID) < 0) {
    *error = {lastErrno(), "bind", -1};
    return false;
  }
  // Connected to the kernel (port 0): sends need no address, and no other process can slip us a message
  // (netlink_getsockbyportid refuses senders other than the peer).
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0) {
    *error = {lastErrno(), "connect", -1};
    return false;
  }
  sizeSendBuffer();
  setReceiveBuffer(options_.receiveBufferBytes);
  // Without this option one overflow makes the kernel refuse everything until the socket is read empty.
  if (!setOption(fd_, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)) {
    *error = {lastErrno(), "setsockopt NETLINK_NO_ENOBUFS", -1};
    return false;
  }
  // Refusals then bring back the header of the refused verdict only. Kernels before 4.3 bring back all of it.
  setOption(fd_, SOL_NETLINK, NETLINK_CAP_ACK, 1);
  return true;
}

// FORCE needs CAP_NET_ADMIN in the initial user namespace. Without it the kernel clamps to its own limit, and
// granted() reports the size. A send buffer that is too small makes VerdictWriter split its datagrams.
void Queue::sizeSendBuffer() {
  if (!setOption(fd_, SOL_SOCKET, SO_SNDBUFFORCE, kSendBufferBytes)) {
    setOption(fd_, SOL_SOCKET, SO_SNDBUF, kSendBufferBytes);
  }
}

uint32_t Queue::setReceiveBuffer(uint32_t bytes) {
  const int half = static_cast<int>(bytes / 2);
  if (!setOption(fd_, SOL_SOCKET, SO_RCVBUFFORCE, half)) setOption(fd_, SOL_SOCKET, SO_RCVBUF, half);
  int granted = 0;
  socklen_t length = sizeof granted;
  getsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &granted, &length);
  return granted_.receiveBufferBytes = static_cast<uint32_t>(granted);
}

bool Queue::setUp(uint32_t index, uint32_t lengthPackets, uint32_t copyBytes, bool gso, bool* granted,
                  SystemError* error) {
  const bool wasBound = bound_[index];
  if (!configure(index, !wasBound, lengthPackets, copyBytes, error)) return false;
  bound_[index] = true;
  // It never shrinks: the kernel refuses the verdicts of a queue that has closed meanwhile.
  queueCount_ = std::max(queueCount_, index + 1);
  parser_.setQueueCount(queueCount_);
  writer_.setQueueCount(queueCount_);
  bool has = granted_.gso[index];
  if (gso != has && !setFlag(index, NFQA_CFG_F_GSO, gso, &has, error)) {
    SystemError ignored;
    if (!wasBound) unbind(index, &ignored);
    return false;
  }
  granted_.gso[index] = *granted = has;
  return true;
}

// Sends bind, copy mode, copy range and maximum length in one
// message: a bound queue without a copy mode drops its packets.
bool Queue::configure(uint32_t index, bool bind, uint32_t lengthPackets, uint32_t copyBytes, SystemError* error) {
  const uint32_t queueNumber = options_.firstQueue + index;
  char buffer[256];
  nlmsghdr* message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queueNumber);
  if (bind) nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
  nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, static_cast<int>(copyBytes));
  nfq_nlmsg_cfg_put_qmaxlen(message, lengthPackets);
  const int number = request(message);
  if (number != 0) *error = {number, bind ? "nfqueue bind" : "nfqueue length", static_cast<int>(queueNumber)};
  return number == 0;
}

bool Queue::unbind(uint32_t index, SystemError* error) {
  const uint32_t queueNumber = options_.firstQueue + index;
  char buffer[256];
  nlmsghdr* message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queueNumber);
  nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_UNBIND);
  const int number = request(message);
  if (number != 0) {
    *error = {number, "nfqueue unbind", static_cast<int>(queueNumber)};
    return false;
  }
  bound_[index] = granted_.gso[index] = false;
  return true;
}

// Sends each flag in a message of its own, because one unsupported bit fails the whole message. A flag that
// the kernel refuses to set stays unset, which is no error.
bool Queue::setFlag(uint32_t index, uint32_t flag, bool set, bool* granted, SystemError* error) {
  const uint32_t queueNumber = options_.firstQueue + index;
  char buffer[256];
  nlmsghdr* message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queueNumber);
  mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(set ? flag : 0));
  mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(flag));
  const int number = request(message);
  *granted = set && number == 0;
  if (number == 0 || (set && (number == EOPNOTSUPP || number == EINVAL))) return true;
  *error = {number, "nfqueue flags", static_cast<int>(queueNumber)};
  return false;
}

// Sends one configuration message and reads its acknowledgement. Returns 0 or errno. The kernel acknowledges
// before send returns, so an empty socket means that the acknowledgement was lost. A full socket would have
// no room for it, so what waits there is read first. All other messages wait in early_.
int Queue::request(nlmsghdr* message) {
  message->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  message->nlmsg_seq = ++sequence_;
  nlmsghdr answered{};
  int32_t error = 0;
  for (uint32_t reads = 0; reads < kEarlyReads && readEarly(&answered, &error); reads++) {
  }
  ssize_t sent;
  do {
    sent = ::send(fd_, message, message->nlmsg_len, 0);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return lastErrno();
  while (readEarly(&answered, &error)) {
    if (answered.nlmsg_type == message->nlmsg_type && answered.nlmsg_seq == message->nlmsg_seq) return -error;
  }
  return errno == EAGAIN ? ETIMEDOUT : lastErrno();
}

// Reads one message. An answer to a configuration message fills *errorNumber, and *answered with the header
// of that message. Any other message joins early_, and *answered is empty. False leaves errno.
bool Queue::readEarly(nlmsghdr* answered, int32_t* errorNumber) {
  *answered = {};
  std::vector<uint8_t> bytes(slotBytes_);
  iovec vector{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  ssize_t received;
  do {
    received = recvmsg(fd_, &header, MSG_DONTWAIT);
  } while (received < 0 && (errno == EINTR || errno == ENOBUFS));
  if (received < 0) return false;
  // struct nlmsgerr: int error, then the header of the message that it answers. A verdict has any sequence
  // number, so the type tells whose answer it is.
  constexpr size_t kErrorBytes = sizeof(nlmsghdr) + sizeof(int32_t);
  const auto length = static_cast<size_t>(received);
  if (length >= kErrorBytes + sizeof(nlmsghdr) && readAs<nlmsghdr>(bytes.data()).nlmsg_type == NLMSG_ERROR) {
    const auto request = readAs<nlmsghdr>(bytes.data() + kErrorBytes);
    if (request.nlmsg_type == messageType(NFQNL_MSG_CONFIG)) {
      *answered = request;
      *errorNumber = readAs<int32_t>(bytes.data() + sizeof(nlmsghdr));
      return true;
    }
  }
  early_.push_back({{bytes.begin(), bytes.begin() + received}, (header.msg_flags & MSG_TRUNC) != 0});
  return true;
}

void Queue::close() {
  if (socket_) mnl_socket_close(socket_);
  socket_ = nullptr;
  fd_ = -1;
  mayWait_ = false;
  filledSlots_ = nextSlot_ = resumeAt_ = 0;
  bound_.reset();
  early_.clear();
  unsent_.clear();
}

// Moves messages that came during requests into slots, as if recvmmsg had just received them.
void Queue::takeEarly() {
  const auto count = std::min<size_t>(early_.size(), kArrivalRows);
  for (size_t slot = 0; slot < count; slot++) {
    std::memcpy(slab_ + slot * slotBytes_, early_[slot].bytes.data(), early_[slot].bytes.size());
    headers_[slot].msg_len = static_cast<unsigned int>(early_[slot].bytes.size());
    headers_[slot].msg_hdr.msg_flags = early_[slot].truncated ? MSG_TRUNC : 0;
  }
  early_.erase(early_.begin(), early_.begin() + static_cast<ptrdiff_t>(count));
  nextSlot_ = resumeAt_ = 0;
  filledSlots_ = static_cast<uint32_t>(count);
}

// Returns how many messages came, or -1 with errno.
int Queue::receiveSlots(int flags) {
  nextSlot_ = filledSlots_ = resumeAt_ = 0;
  const int count = recvmmsg(fd_, headers_.get(), kArrivalRows, flags, nullptr);
  if (count > 0) filledSlots_ = static_cast<uint32_t>(count);
  if (count < 0 && errno == ENOBUFS) parser_.counters().enobufs++;
  return count;
}

bool Queue::receive(SystemError* error) {
  if (!early_.empty()) {
    takeEarly();
    return true;
  }
  for (int attempt = 1; attempt <= kReceiveAttemptsMax; attempt++) {
    if (receiveSlots(MSG_DONTWAIT) >= 0 || errno == EAGAIN) return true;
    if (errno != ENOBUFS && errno != EINTR && errno != ENOMEM) {
      *error = {lastErrno(), "recvmmsg", -1};
      return false;
    }
  }
  return true;
}

bool Queue::drain(uint32_t* rows, SystemError* error) {
  *rows = 0;
  parser_.begin();
  parser_.counters().failureRows = 0;
  if (fd_ < 0) return true;
  size_t reported = 0;
  while (reported < unsent_.size() && parser_.addFailure(unsent_[reported].tag, unsent_[reported].errorNumber)) {
    reported++;
  }
  if (reported > 0) unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<ptrdiff_t>(reported));
  if (nextSlot_ == filledSlots_ && !receive(error)) return false;
  while (nextSlot_ < filledSlots_) {
    const mmsghdr& slot = headers_[nextSlot_];
    const bool truncated = (slot.msg_hdr.msg_flags & MSG_TRUNC) != 0;
    if (!parser_.parse(slab_, nextSlot_ * slotBytes_, slot.msg_len, truncated, &resumeAt_)) break;
    resumeAt_ = 0;
    nextSlot_++;
  }
  *rows = parser_.rows();
  parser_.counters().failureRows = parser_.failureRows();
  return true;
}

void Queue::allowWaiting(int64_t timeoutNs) {
  constexpr int64_t kNsPerSecond = 1000000000, kNsPerUs = 1000;
  const timeval timeout{timeoutNs / kNsPerSecond, timeoutNs % kNsPerSecond / kNsPerUs};
  const int flags = fcntl(fd_, F_GETFL);
  mayWait_ = flags >= 0 && setOption(fd_, SOL_SOCKET, SO_RCVTIMEO, timeout) &&
             fcntl(fd_, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

// The next drain() meets an error again, but for a full socket, which is counted here.
bool Queue::await() { return mayWait_ && !hasLeftover() && receiveSlots(MSG_WAITFORONE) > 0; }

void Queue::send(uint32_t count) { parser_.counters().sendErrors += writer_.send(fd_, count, &unsent_); }

bool Queue::hasLeftover() const { return nextSlot_ < filledSlots_ || !early_.empty() || !unsent_.empty(); }

uint32_t Queue::socketDrops() const {
  uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t length = sizeof memory;
  if (fd_ < 0 || getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, memory, &length) < 0) return 0;
  return memory[SK_MEMINFO_DROPS];
}

}  // namespace shaper
