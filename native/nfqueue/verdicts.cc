#include "nfqueue/verdicts.h"

#include <sys/socket.h>

#include <cerrno>

#include "nfqueue/netlink.h"

namespace shaper {
namespace {

// Attempts for one verdict that the kernel has no memory for at this moment.
constexpr int kAttemptsMax = 8;

// The part that every verdict has, as the kernel reads it.
struct VerdictMessage {
  nlmsghdr header;
  nfgenmsg family;
  nlattr attribute;
  nfqnl_msg_verdict_hdr verdict;
};
static_assert(sizeof(VerdictMessage) == 32, "no padding");

struct MarkAttribute {
  nlattr attribute;
  uint32_t mark;
};
static_assert(sizeof(MarkAttribute) == 8, "no padding");

constexpr uint32_t kFixedBytes = sizeof(VerdictMessage) + sizeof(MarkAttribute) + sizeof(nlattr);
static_assert(kFixedBytes + alignUp(kCopyBytesMax) <= VerdictWriter::kDatagramBytes, "any verdict fits");

bool isSizeOrMemory(int error) {
  return error == ENOBUFS || error == ENOMEM || error == EMSGSIZE || error == EAGAIN;
}

}  // namespace

VerdictWriter::VerdictWriter(const Columns* columns, const uint8_t* slab, uint32_t slabBytes, uint32_t firstQueue,
                             uint32_t queueCount, Send send)
    : rows_(columns->verdicts),
      slab_(slab),
      slabBytes_(slabBytes),
      firstQueue_(firstQueue),
      queueCount_(queueCount),
      send_(send),
      buffer_(new uint8_t[kDatagramBytes]),
      start_(new uint32_t[kVerdictRows + 1]) {}

// The queue is ours, and new bytes lie in the slab and belong to one packet: a batch verdict carries none.
bool VerdictWriter::isValid(uint32_t row) const {
  if (rows_.nfqueue[row] >= queueCount_) return false;
  const uint32_t payloadBytes = rows_.payloadBytes[row];
  if (payloadBytes == 0) return true;
  return payloadBytes <= kCopyBytesMax && payloadBytes <= slabBytes_ &&
         rows_.payloadOffset[row] <= slabBytes_ - payloadBytes && (rows_.verdict[row] & kVerdictUpTo) == 0;
}

// Appends the message of `row`; false when it does not fit behind the messages in the buffer.
bool VerdictWriter::put(uint32_t row) {
  const uint32_t payloadBytes = rows_.payloadBytes[row];
  if (used_ + kFixedBytes + alignUp(payloadBytes) > kDatagramBytes) return false;
  uint8_t* const begin = buffer_.get() + used_;
  const uint32_t verdict = rows_.verdict[row];

  VerdictMessage message{};
  message.header.nlmsg_type =
      messageType(verdict & kVerdictUpTo ? NFQNL_MSG_VERDICT_BATCH : NFQNL_MSG_VERDICT);
  message.header.nlmsg_flags = NLM_F_REQUEST;
  message.header.nlmsg_seq = rows_.tag[row];
  message.family.version = NFNETLINK_V0;
  message.family.res_id = htons(static_cast<uint16_t>(firstQueue_ + rows_.nfqueue[row]));
  message.attribute.nla_len = sizeof(nlattr) + sizeof(nfqnl_msg_verdict_hdr);
  message.attribute.nla_type = NFQA_VERDICT_HDR;
  message.verdict.verdict = htonl(verdict & ~(kVerdictUpTo | kVerdictSetMark));
  message.verdict.id = htonl(rows_.packetId[row]);

  uint32_t bytes = sizeof message;
  if (verdict & kVerdictSetMark) {
    const MarkAttribute mark{{sizeof(MarkAttribute), NFQA_MARK}, htonl(rows_.mark[row])};
    std::memcpy(begin + bytes, &mark, sizeof mark);
    bytes += sizeof mark;
  }
  if (payloadBytes > 0) {
    const nlattr header{static_cast<uint16_t>(sizeof(nlattr) + payloadBytes), NFQA_PAYLOAD};
    std::memcpy(begin + bytes, &header, sizeof header);
    bytes += sizeof header;
    std::memcpy(begin + bytes, slab_ + rows_.payloadOffset[row], payloadBytes);
    std::memset(begin + bytes + payloadBytes, 0, alignUp(payloadBytes) - payloadBytes);
    bytes += alignUp(payloadBytes);
  }
  message.header.nlmsg_len = bytes;
  std::memcpy(begin, &message, sizeof message);
  used_ += bytes;
  return true;
}

// Sends the messages of rows [fromRow, toRow) as one datagram.
// Returns 0 or errno. A netlink send is all or nothing.
int VerdictWriter::transmit(int fd, uint32_t fromRow, uint32_t toRow) {
  const uint32_t from = start_[fromRow];
  const uint32_t bytes = start_[toRow] - from;
  for (int attempt = 1;;) {
    if (send_(fd, buffer_.get() + from, bytes, 0) >= 0) return 0;
    if (errno == EINTR) continue;
    // Only a datagram that cannot be split is worth retrying as it is.
    if (!isSizeOrMemory(errno) || toRow - fromRow > 1 || attempt++ == kAttemptsMax) return errno;
  }
}

// Halves a datagram that the kernel finds too large or has no memory for. Rows stay in order.
void VerdictWriter::flush(int fd, uint32_t fromRow, uint32_t toRow, std::vector<Failure>* failures) {
  if (fromRow == toRow) return;
  const int error = transmit(fd, fromRow, toRow);
  if (error == 0) return;
  if (isSizeOrMemory(error) && toRow - fromRow > 1) {
    const uint32_t middle = fromRow + (toRow - fromRow) / 2;
    flush(fd, fromRow, middle, failures);
    flush(fd, middle, toRow, failures);
    return;
  }
  for (uint32_t row = fromRow; row < toRow; row++) {
    failures->push_back({rows_.tag[row], static_cast<uint32_t>(error)});
  }
}

uint32_t VerdictWriter::send(int fd, uint32_t count, std::vector<Failure>* failures) {
  const size_t before = failures->size();
  uint32_t first = 0;
  used_ = 0;
  for (uint32_t row = 0; row < count; row++) {
    start_[row] = used_;
    if (!isValid(row)) {
      // The caller got this row wrong: it comes back as a failure, after the rows before it are sent.
      flush(fd, first, row, failures);
      failures->push_back({rows_.tag[row], EINVAL});
      first = row + 1;
      used_ = 0;
      continue;
    }
    if (put(row)) continue;
    flush(fd, first, row, failures);
    first = row;
    used_ = 0;
    start_[row] = 0;
    put(row);
  }
  start_[count] = used_;
  flush(fd, first, count, failures);
  return static_cast<uint32_t>(failures->size() - before);
}

}  // namespace shaper
