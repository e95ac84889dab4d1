#include "nfqueue/parser.h"

#include "nfqueue/netlink.h"

namespace shaper {
namespace {

// One arrival before it is written to the columns.
struct Row {
  uint32_t packetId = 0;
  uint32_t hook = 0;
  uint32_t ifIndexIn = 0;
  uint32_t ifIndexOut = 0;
  uint32_t portIn = 0;
  uint32_t portOut = 0;
  uint32_t capLen = 0;
  uint32_t mark = 0;
  uint32_t macHigh = 0;
  uint32_t macLow = 0;
  uint32_t skbInfo = 0;
  const uint8_t* payload = nullptr;
  uint32_t payloadBytes = 0;
  bool hasHeader = false;
};

bool readWord(const AttributeReader& attribute, uint32_t* word) {
  if (attribute.size() < 4) return false;
  *word = readBe32(attribute.data());
  return true;
}

// struct nfqnl_msg_packet_hw: be16 hw_addrlen, 2 bytes of padding, 8 bytes of address.
bool readHardwareAddress(const AttributeReader& attribute, Row* row) {
  if (attribute.size() < sizeof(nfqnl_msg_packet_hw)) return false;
  const uint8_t* data = attribute.data();
  if (readBe16(data) != 6) return true;  // not Ethernet, so there is no MAC to report
  row->macHigh = readBe16(data + 4);
  row->macLow = readBe32(data + 6);
  return true;
}

// struct nfqnl_msg_packet_hdr, packed: be32 packet_id, be16 hw_protocol, u8 hook.
bool readPacketHeader(const AttributeReader& attribute, Row* row) {
  if (attribute.size() < sizeof(nfqnl_msg_packet_hdr)) return false;
  row->packetId = readBe32(attribute.data());
  row->hook = attribute.data()[6];
  row->hasHeader = true;
  return true;
}

// Returns false when the attribute is shorter than its structure. Passes over types that we did not ask for.
bool readAttribute(const AttributeReader& attribute, Row* row) {
  switch (attribute.type()) {
    case NFQA_PACKET_HDR:
      return readPacketHeader(attribute, row);
    case NFQA_MARK:
      return readWord(attribute, &row->mark);
    case NFQA_IFINDEX_INDEV:
      return readWord(attribute, &row->ifIndexIn);
    case NFQA_IFINDEX_OUTDEV:
      return readWord(attribute, &row->ifIndexOut);
    case NFQA_IFINDEX_PHYSINDEV:
      return readWord(attribute, &row->portIn);
    case NFQA_IFINDEX_PHYSOUTDEV:
      return readWord(attribute, &row->portOut);
    case NFQA_HWADDR:
      return readHardwareAddress(attribute, row);
    case NFQA_PAYLOAD:
      row->payload = attribute.data();
      row->payloadBytes = attribute.size();
      return true;
    case NFQA_CAP_LEN:
      return readWord(attribute, &row->capLen);
    case NFQA_SKB_INFO:
      return readWord(attribute, &row->skbInfo);
    default:
      return true;
  }
}

// In hooks of a bridge the kernel gives the devices of the hook as PHYSINDEV and PHYSOUTDEV, and adds their
// bridge as INDEV and OUTDEV (nfqnl_build_packet_message).
void showPortsAsDevices(Row* row) {
  row->ifIndexIn = row->portIn;
  row->ifIndexOut = row->portOut;
  row->portIn = row->portOut = 0;
}

}  // namespace

bool Parser::addFailure(uint32_t tag, uint32_t errorNumber) {
  if (failureRows_ == kFailureRows) return false;
  columns_->failures.tag[failureRows_] = tag;
  columns_->failures.errorNumber[failureRows_] = errorNumber;
  failureRows_++;
  return true;
}

// struct nlmsgerr holds int error, then the header (and, without NETLINK_CAP_ACK, the body) of the refused
// message. The kernel copies nlmsg_seq of the refused message into the header of the reply (netlink_ack,
// net/netlink/af_netlink.c).
void Parser::parseError(const uint8_t* message, uint32_t lengthBytes) {
  if (lengthBytes < sizeof(nlmsghdr) + sizeof(int32_t)) {
    counters_->malformed++;
    return;
  }
  const auto error = readAs<uint32_t>(message + sizeof(nlmsghdr));
  if (error == 0) return;  // an acknowledgement
  counters_->verdictErrors++;
  addFailure(readAs<nlmsghdr>(message).nlmsg_seq, 0u - error);
}

void Parser::parsePacket(const uint8_t* slab, uint32_t messageOffset, uint32_t lengthBytes, bool whole) {
  constexpr uint32_t kHeaderBytes = sizeof(nlmsghdr) + sizeof(nfgenmsg);
  const uint8_t* message = slab + messageOffset;
  if (lengthBytes < kHeaderBytes) {
    counters_->malformed++;
    return;
  }
  const auto general = readAs<nfgenmsg>(message + sizeof(nlmsghdr));
  const uint32_t queue = ntohs(general.res_id) - firstQueue_;

  Row row;
  AttributeReader attribute(message + kHeaderBytes, message + lengthBytes);
  bool good = true;
  while (attribute.next()) good &= readAttribute(attribute, &row);
  good &= attribute.clean();
  if (general.nfgen_family == AF_BRIDGE) showPortsAsDevices(&row);
  if (whole && (!good || !row.hasHeader || queue >= queueCount_)) counters_->malformed++;
  if (!row.hasHeader || queue >= queueCount_) return;

  Arrivals& arrivals = columns_->arrivals;
  const uint32_t p = rows_++;
  const uint32_t copiedBytes = good && whole ? row.payloadBytes : 0;
  arrivals.packetId[p] = row.packetId;
  arrivals.nfqueue[p] = queue;
  arrivals.hook[p] = row.hook;
  arrivals.ifIndexIn[p] = row.ifIndexIn;
  arrivals.ifIndexOut[p] = row.ifIndexOut;
  // NFQA_CAP_LEN is present only when the copy is shorter than the packet.
  arrivals.lengthBytes[p] = row.capLen > row.payloadBytes ? row.capLen : row.payloadBytes;
  arrivals.copiedBytes[p] = copiedBytes;
  arrivals.slabOffset[p] = copiedBytes > 0 ? static_cast<uint32_t>(row.payload - slab) : messageOffset;
  arrivals.mark[p] = row.mark;
  arrivals.macHigh[p] = row.macHigh;
  arrivals.macLow[p] = row.macLow;
  arrivals.skbInfo[p] = row.skbInfo;
  arrivals.portIn[p] = row.portIn;
  arrivals.portOut[p] = row.portOut;
}

bool Parser::parse(const uint8_t* slab, uint32_t slotOffset, uint32_t lengthBytes, bool truncated,
                   uint32_t* resumeAt) {
  uint32_t at = *resumeAt;
  if (at == 0 && truncated) counters_->truncated++;
  while (at < lengthBytes) {
    if (rows_ == kArrivalRows || failureRows_ == kFailureRows) {
      *resumeAt = at;
      return false;
    }
    const uint8_t* message = slab + slotOffset + at;
    const uint32_t left = lengthBytes - at;
    const uint32_t claimed = left < sizeof(nlmsghdr) ? 0 : readAs<nlmsghdr>(message).nlmsg_len;
    if (claimed < sizeof(nlmsghdr)) {
      counters_->malformed++;
      return true;
    }
    const bool whole = claimed <= left;
    if (!whole && !truncated) counters_->malformed++;
    const uint32_t present = whole ? claimed : left;
    const uint16_t type = readAs<nlmsghdr>(message).nlmsg_type;
    if (type == messageType(NFQNL_MSG_PACKET)) {
      parsePacket(slab, slotOffset + at, present, whole);
    } else if (type == NLMSG_ERROR) {
      parseError(message, present);
    }
    at += alignUp(present) < left ? alignUp(present) : left;
  }
  return true;
}

}  // namespace shaper
