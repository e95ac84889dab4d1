// Netlink messages that look like the kernel's
// (nfqnl_build_packet_message, netlink_ack). The fuzzers mutate them.
#pragma once

#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "nfqueue/netlink.h"

namespace shaper {

using Bytes = std::vector<uint8_t>;

constexpr uint32_t kFuzzFirstQueue = 40;
constexpr uint32_t kFuzzQueueCount = 8;
// Of the question that answers about sockets belong to.
constexpr uint32_t kFuzzSequence = 3;

class MessageBuilder {
 public:
  MessageBuilder(uint16_t type, uint32_t sequence) : start_(0) { header(type, sequence); }

  MessageBuilder& family(uint16_t queueNumber, uint8_t number = AF_INET) {
    const nfgenmsg part{number, NFNETLINK_V0, htons(queueNumber)};
    raw(&part, sizeof part);
    return *this;
  }
  MessageBuilder& attribute(uint16_t type, const void* data, size_t size) {
    while (bytes_.size() % 4 != 0) bytes_.push_back(0);
    const nlattr part{static_cast<uint16_t>(sizeof(nlattr) + size), type};
    raw(&part, sizeof part);
    raw(data, size);
    return *this;
  }
  MessageBuilder& word(uint16_t type, uint32_t value) {
    const uint32_t wire = htonl(value);
    return attribute(type, &wire, sizeof wire);
  }
  MessageBuilder& packetHeader(uint32_t id, uint8_t hook) {
    nfqnl_msg_packet_hdr part{htonl(id), htons(0x0800), hook};
    return attribute(NFQA_PACKET_HDR, &part, sizeof part);
  }
  MessageBuilder& raw(const void* data, size_t size) {
    const auto* from = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), from, from + size);
    return *this;
  }
  // Starts a further message in the same datagram.
  MessageBuilder& then(uint16_t type, uint32_t sequence) {
    close();
    while (bytes_.size() % 4 != 0) bytes_.push_back(0);
    start_ = bytes_.size();
    header(type, sequence);
    return *this;
  }
  Bytes take() {
    close();
    return bytes_;
  }

 private:
  void header(uint16_t type, uint32_t sequence) {
    const nlmsghdr part{0, type, 0, sequence, 0};
    raw(&part, sizeof part);
  }
  void close() {
    const auto length = static_cast<uint32_t>(bytes_.size() - start_);
    std::memcpy(bytes_.data() + start_, &length, sizeof length);
  }

  Bytes bytes_;
  size_t start_;
};

inline Bytes fullPacket(uint32_t id, uint16_t queueNumber, size_t payloadBytes) {
  const nfqnl_msg_packet_hw hw{htons(6), 0, {2, 0, 0x5e, 1, 2, 3, 0, 0}};
  const Bytes payload(payloadBytes, 0x45);
  const char context[] = "system_u:object_r:unlabeled_t:s0";
  return MessageBuilder(messageType(NFQNL_MSG_PACKET), 0)
      .family(queueNumber)
      .packetHeader(id, 2)
      .word(NFQA_IFINDEX_INDEV, 3)
      .word(NFQA_IFINDEX_PHYSINDEV, 4)
      .word(NFQA_IFINDEX_OUTDEV, 5)
      .word(NFQA_MARK, 0x1234)
      .word(NFQA_PRIORITY, 7)
      .attribute(NFQA_HWADDR, &hw, sizeof hw)
      .attribute(NFQA_TIMESTAMP, "0123456789abcdef", 16)
      .word(NFQA_UID, 1000)
      .word(NFQA_GID, 1000)
      .attribute(NFQA_SECCTX, context, sizeof context)
      .attribute(NFQA_VLAN | NLA_F_NESTED, "\x06\x00\x01\x00\x81\x00\x00\x00", 8)
      .word(NFQA_SKB_INFO, 3)
      .word(NFQA_CAP_LEN, 65000)
      .attribute(NFQA_PAYLOAD, payload.data(), payload.size())
      .take();
}

inline Bytes plainPacket(uint32_t id, uint16_t queueNumber, size_t payloadBytes) {
  const Bytes payload(payloadBytes, 0x60);
  return MessageBuilder(messageType(NFQNL_MSG_PACKET), 0)
      .family(queueNumber)
      .packetHeader(id, 1)
      .word(NFQA_IFINDEX_INDEV, 1)
      .attribute(NFQA_PAYLOAD, payload.data(), payload.size())
      .take();
}

// A packet that a bridge switches, in a hook of the bridge.
inline Bytes bridgedPacket(uint32_t id, uint16_t queueNumber) {
  const Bytes payload(60, 0x45);
  return MessageBuilder(messageType(NFQNL_MSG_PACKET), 0)
      .family(queueNumber, AF_BRIDGE)
      .packetHeader(id, 2)
      .word(NFQA_IFINDEX_PHYSINDEV, 4)
      .word(NFQA_IFINDEX_INDEV, 3)
      .word(NFQA_IFINDEX_PHYSOUTDEV, 5)
      .word(NFQA_IFINDEX_OUTDEV, 3)
      .attribute(NFQA_PAYLOAD, payload.data(), payload.size())
      .take();
}

inline Bytes refusal(uint32_t tag, int32_t error) {
  const nlmsghdr refused{40, messageType(NFQNL_MSG_VERDICT), NLM_F_REQUEST, tag, 0};
  return MessageBuilder(NLMSG_ERROR, tag).raw(&error, sizeof error).raw(&refused, sizeof refused).take();
}

// What the kernel tells of a network device.
inline Bytes linkMessage(uint16_t type, uint8_t family, int32_t index, uint32_t flags) {
  const ifinfomsg link{family, 0, 1, index, flags, 0};
  const char name[] = "eth0";
  return MessageBuilder(type, 0).raw(&link, sizeof link).attribute(IFLA_IFNAME, name, sizeof name).take();
}

inline Bytes neighbourMessage(uint16_t type, uint8_t family, int32_t index) {
  const ndmsg neighbour{family, 0, 0, index, 2, 0, 1};
  const uint8_t mac[] = {0x00, 0x50, 0x8d, 0x68, 0x50, 0x75};
  return MessageBuilder(type, 0)
      .raw(&neighbour, sizeof neighbour)
      .attribute(NDA_DST, "\x0a\x00\x00\x0c""abcdefghijkl", family == AF_INET6 ? 16 : 4)
      .attribute(NDA_LLADDR, mac, sizeof mac)
      .attribute(NDA_PROBES, "\x01\0\0\0", 4)
      .take();
}

inline Bytes addressMessage(uint16_t type, uint8_t family, bool hasLocal) {
  const ifaddrmsg address{family, 24, 0, 0, 3};
  const size_t bytes = family == AF_INET6 ? 16 : 4;
  MessageBuilder builder(type, 0);
  builder.raw(&address, sizeof address).attribute(IFA_ADDRESS, "\x0a\x00\x00\x01""abcdefghijkl", bytes);
  if (hasLocal) builder.attribute(IFA_LOCAL, "\x0a\x00\x00\x02""abcdefghijkl", bytes);
  return builder.take();
}

inline Bytes socketMessage(uint8_t family, bool isMapped) {
  inet_diag_msg socket{};
  socket.idiag_family = family;
  socket.idiag_state = 1;
  socket.id.idiag_sport = htons(443);
  socket.id.idiag_dport = htons(50000);
  if (isMapped) socket.id.idiag_src[2] = socket.id.idiag_dst[2] = htonl(0xffff);
  socket.id.idiag_src[3] = socket.id.idiag_dst[3] = htonl(0x0a000001);
  socket.id.idiag_src[0] = isMapped ? 0 : htonl(0x0a000002);
  socket.idiag_uid = 1000;
  socket.idiag_inode = 77777;
  const uint64_t group = 0x100000019;
  return MessageBuilder(SOCK_DIAG_BY_FAMILY, kFuzzSequence)
      .raw(&socket, sizeof socket)
      .attribute(INET_DIAG_SHUTDOWN, "", 1)
      .attribute(INET_DIAG_MARK, "\1\0\0\0", 4)
      .attribute(21, &group, sizeof group)
      .take();
}

inline std::vector<Bytes> corpus() {
  std::vector<Bytes> seeds;
  for (size_t payload : {0, 1, 20, 40, 127, 128}) {
    seeds.push_back(fullPacket(0x01020304, kFuzzFirstQueue, payload));
    seeds.push_back(plainPacket(0xffffffff, kFuzzFirstQueue + kFuzzQueueCount - 1, payload));
  }
  seeds.push_back(bridgedPacket(8, kFuzzFirstQueue));
  seeds.push_back(plainPacket(7, kFuzzFirstQueue + kFuzzQueueCount, 60));  // not our queue
  seeds.push_back(refusal(99, -2));
  seeds.push_back(refusal(100, 0));
  seeds.push_back(refusal(0xffffffff, INT32_MIN));
  seeds.push_back(MessageBuilder(NLMSG_NOOP, 1).take());
  seeds.push_back(MessageBuilder(NLMSG_DONE, 1).raw("\0\0\0\0", 4).take());
  seeds.push_back(MessageBuilder(messageType(NFQNL_MSG_PACKET), 0).family(kFuzzFirstQueue).take());
  for (const uint16_t type : {RTM_NEWLINK, RTM_DELLINK}) {
    seeds.push_back(linkMessage(type, AF_UNSPEC, 3, 0));
    seeds.push_back(linkMessage(type, AF_UNSPEC, 3, 1));
    seeds.push_back(linkMessage(type, AF_BRIDGE, 3, 0));
  }
  for (const uint8_t family : {AF_INET, AF_INET6, AF_BRIDGE}) {
    for (const uint16_t type : {RTM_NEWNEIGH, RTM_DELNEIGH}) seeds.push_back(neighbourMessage(type, family, 3));
    seeds.push_back(addressMessage(RTM_NEWADDR, family, true));
    seeds.push_back(addressMessage(RTM_DELADDR, family, false));
  }
  for (const uint8_t family : {AF_INET, AF_INET6, AF_UNIX}) {
    seeds.push_back(socketMessage(family, false));
    seeds.push_back(socketMessage(family, true));
  }
  seeds.push_back(refusal(kFuzzSequence, -2));
  seeds.push_back(MessageBuilder(NLMSG_DONE, kFuzzSequence).raw("\xea\xff\xff\xff", 4).take());
  // Several messages in one datagram, which the kernel never sends and the parser takes.
  MessageBuilder many(messageType(NFQNL_MSG_PACKET), 0);
  many.family(kFuzzFirstQueue).packetHeader(1, 1).attribute(NFQA_PAYLOAD, "abc", 3);
  for (uint32_t i = 2; i < 20; i++) {
    many.then(messageType(NFQNL_MSG_PACKET), 0).family(kFuzzFirstQueue).packetHeader(i, 1).word(NFQA_MARK, i);
    many.then(NLMSG_ERROR, i).raw("\xfe\xff\xff\xff", 4);
  }
  seeds.push_back(many.take());
  return seeds;
}

}  // namespace shaper
