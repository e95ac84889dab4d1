// VerdictWriter against a kernel that says no: every verdict must be sent exactly once or come back as a failure, in
// order, whatever send answers. Usage: verdicts_check ROUNDS
#include <cerrno>
#include <memory>

#include "../verdicts.h"
#include "check.h"

namespace shaper {
namespace {

// The pretended kernel: refuses datagrams above a size, and any datagram with some probability.
struct Kernel {
  size_t bytesMax = SIZE_MAX;
  uint32_t refusePerMille = 0;
  int refusal = ENOBUFS;
  uint32_t random = 1;
  std::vector<uint32_t> tags;
  size_t datagrams = 0;
} kernel;

ssize_t refuse(int error) {
  errno = error;
  return -1;
}

ssize_t pretendedSend(int, const void* data, size_t bytes, int) {
  kernel.random = kernel.random * 1664525u + 1013904223u;
  if ((kernel.random >> 16) % 1000 < kernel.refusePerMille) return refuse(kernel.refusal);
  if (bytes > kernel.bytesMax) return refuse(EMSGSIZE);
  kernel.datagrams++;
  const auto* at = static_cast<const uint8_t*>(data);
  const uint8_t* const end = at + bytes;
  while (at < end) {
    const auto header = readAs<nlmsghdr>(at);
    promise(header.nlmsg_len >= 32 && header.nlmsg_len % 4 == 0, "verdict message length");
    promise(header.nlmsg_len <= static_cast<size_t>(end - at), "verdict message inside the datagram");
    AttributeReader attribute(at + 20, at + header.nlmsg_len);
    uint32_t tagSum = 0;
    while (attribute.next()) {
      if (attribute.type() == NFQA_VERDICT_HDR) tagSum += readBe32(attribute.data() + 4);
      if (attribute.type() == NFQA_PAYLOAD && attribute.size() > 0) promise(attribute.data()[0] == 0x5a, "payload");
    }
    promise(attribute.clean(), "verdict attributes");
    promise(tagSum == header.nlmsg_seq, "id and tag belong together");
    kernel.tags.push_back(header.nlmsg_seq);
    at += header.nlmsg_len;
  }
  return static_cast<ssize_t>(bytes);
}

uint32_t draw(uint32_t bound) {
  kernel.random = kernel.random * 1664525u + 1013904223u;
  return (kernel.random >> 8) % bound;
}

// One set of rows, some with payload, some invalid.
std::vector<uint32_t> fill(Verdicts& rows, uint32_t count, bool payloads) {
  std::vector<uint32_t> invalid;
  for (uint32_t row = 0; row < count; row++) {
    rows.packetId[row] = rows.tag[row] = row + 1;
    rows.nfqueue[row] = draw(kFuzzQueueCount);
    rows.verdict[row] = draw(2) | (draw(2) ? kVerdictSetMark : 0) | (draw(2) ? kVerdictUpTo : 0);
    rows.mark[row] = draw(1u << 24);
    rows.payloadOffset[row] = 0;
    rows.payloadBytes[row] = !payloads || draw(3) ? 0 : draw(50) == 0 ? 65531 : draw(2000);
    if (payloads && draw(100) == 0) {
      invalid.push_back(row + 1);
      if (draw(2)) rows.nfqueue[row] = kFuzzQueueCount + draw(1000);
      else if (draw(2)) rows.payloadBytes[row] = 65532 + draw(1u << 20);
      else rows.payloadBytes[row] = 10, rows.payloadOffset[row] = kSlabBytes - draw(10);
    }
  }
  return invalid;
}

void round(VerdictWriter& writer, Columns& columns, const uint8_t* slab) {
  const uint32_t count = draw(kVerdictRows + 1);
  const bool payloads = draw(2) != 0;
  const std::vector<uint32_t> invalid = fill(columns.verdicts, count, payloads);
  kernel.tags.clear();
  std::vector<Failure> failures;
  promise(writer.send(0, slab, count, &failures) == failures.size(), "count of failures");
  std::vector<uint32_t> seen(count + 1);
  for (uint32_t tag : kernel.tags) seen[tag]++;
  for (const Failure& failure : failures) seen[failure.tag]++;
  for (uint32_t tag = 1; tag <= count; tag++) promise(seen[tag] == 1, "each verdict sent once or reported once");
  for (size_t i = 1; i < kernel.tags.size(); i++) promise(kernel.tags[i - 1] < kernel.tags[i], "order");
  size_t refused = 0;
  for (const Failure& failure : failures) refused += failure.errorNumber == EINVAL;
  promise(refused == invalid.size(), "rows out of range come back as EINVAL");
  const bool mayFail = kernel.refusePerMille > 0 || kernel.bytesMax < SIZE_MAX;
  promise(mayFail || failures.size() == invalid.size(), "nothing fails without cause");
}

}  // namespace
}  // namespace shaper

int main(int argc, char** argv) {
  using namespace shaper;
  const unsigned long rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000;
  auto columns = std::make_unique<Columns>();
  const std::unique_ptr<uint8_t[]> slab(new uint8_t[kSlabBytes]);
  std::memset(slab.get(), 0x5a, kSlabBytes);
  VerdictWriter writer(columns.get(), kFuzzFirstQueue, kFuzzQueueCount, pretendedSend);
  const int refusals[] = {ENOBUFS, ENOMEM, EAGAIN, EINTR, EMSGSIZE, ECONNREFUSED};
  for (unsigned long i = 0; i < rounds; i++) {
    kernel.bytesMax = draw(3) ? SIZE_MAX : 32 + draw(70000);
    kernel.refusePerMille = draw(3) ? 0 : draw(900);
    kernel.refusal = refusals[draw(6)];
    round(writer, *columns, slab.get());
  }
  // Without trouble, plain verdicts of one batch are one datagram.
  kernel = Kernel{};
  fill(columns->verdicts, kVerdictRows, false);
  std::vector<Failure> failures;
  writer.send(0, slab.get(), kVerdictRows, &failures);
  promise(kernel.datagrams == 1 && failures.empty(), "one send for a full set");
  std::printf("rounds %lu\n", rounds);
  return 0;
}
