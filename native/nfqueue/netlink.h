// Netlink messages and attributes: reading with bounds checks, and building. Knows nothing of Node or of
// sockets. Structures: linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nfnetlink_queue.h.
#pragma once

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include <cstdint>
#include <cstring>

namespace shaper {

// Messages and attributes start at multiples of four (NLMSG_ALIGN, NLA_ALIGN).
constexpr uint32_t alignUp(uint32_t bytes) { return (bytes + 3u) & ~3u; }

// Reads at any alignment. The caller has checked that sizeof(T) bytes are there.
template <typename T>
inline T readAs(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline uint32_t readBe32(const uint8_t* at) { return ntohl(readAs<uint32_t>(at)); }
inline uint16_t readBe16(const uint8_t* at) { return ntohs(readAs<uint16_t>(at)); }

constexpr uint16_t messageType(uint8_t message) {
  return static_cast<uint16_t>(NFNL_SUBSYS_QUEUE << 8 | message);
}

// Walks the attributes of [begin, end) as the kernel's nla_ok and nla_next do (include/net/netlink.h). The
// padding of the last attribute may be missing: NFQA_PAYLOAD ends a message without any.
class AttributeReader {
 public:
  AttributeReader(const uint8_t* begin, const uint8_t* end) : at_(begin), end_(end) {}

  // Returns false at the end, and when the bytes that are left make no attribute: then clean() is false.
  bool next() {
    const auto left = static_cast<uint32_t>(end_ - at_);
    if (left < sizeof(nlattr)) return false;
    const auto header = readAs<nlattr>(at_);
    if (header.nla_len < sizeof(nlattr) || header.nla_len > left) return false;
    type_ = header.nla_type & NLA_TYPE_MASK;
    data_ = at_ + sizeof(nlattr);
    size_ = header.nla_len - static_cast<uint32_t>(sizeof(nlattr));
    const uint32_t step = alignUp(header.nla_len);
    at_ += step < left ? step : left;
    return true;
  }

  bool clean() const { return at_ == end_; }
  uint32_t type() const { return type_; }
  const uint8_t* data() const { return data_; }
  uint32_t size() const { return size_; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
  const uint8_t* data_ = nullptr;
  uint32_t type_ = 0;
  uint32_t size_ = 0;
};

}  // namespace shaper
