// VerdictWriter against a kernel that refuses: every verdict must be sent exactly once or come back as a
// failure, in order, whatever send returns. Usage: verdicts_check ROUNDS
#include <cerrno>
#include <memory>

#include "fuzz/check.h"
#include "nfqueue/verdicts.h"

namespace shaper {
namespace {

// As small as a port's slab can be.
constexpr uint32_t kSlabBytes = kArrivalRows * (kAttributeBytes + 1) + kEditBytes;
const Verdicts* sentRows;
const uint8_t* slabStart;

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

void checkPayload(uint32_t row, const uint8_t* data, uint32_t size) {
  promise(size > 0 && size == sentRows->payloadBytes[row], "length of the new bytes");
  promise(std::memcmp(data, slabStart + sentRows->payloadOffset[row], size) == 0, "new bytes");
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
      if (attribute.type() == NFQA_PAYLOAD) checkPayload(header.nlmsg_seq - 1, attribute.data(), attribute.size());
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

// Makes one row invalid in one of the ways that memory safety or the kernel's reading depends on.
void spoil(Verdicts& rows, uint32_t row) {
  rows.payloadBytes[row] = 10;
  rows.payloadOffset[row] = 0;
  switch (draw(5)) {
    case 0:
      rows.nfqueue[row] = kFuzzQueueCount + draw(1000);
      break;
    case 1:
      rows.payloadBytes[row] = kCopyBytesMax + 1 + draw(1u << 20);
      break;
    case 2:
      rows.payloadOffset[row] = kSlabBytes - draw(10);
      break;
    case 3:
      rows.payloadOffset[row] = 0xffffffff - draw(20);
      break;
    default:
      rows.verdict[row] |= kVerdictUpTo;
  }
}

// Fills one set of rows, some with new bytes, some invalid. Returns the tags of the invalid ones.
std::vector<uint32_t> fill(Verdicts& rows, uint32_t count, bool payloads) {
  std::vector<uint32_t> invalid;
  for (uint32_t row = 0; row < count; row++) {
    rows.packetId[row] = rows.tag[row] = row + 1;
    rows.nfqueue[row] = draw(kFuzzQueueCount);
    rows.verdict[row] = draw(2) | (draw(2) ? kVerdictSetMark : 0) | (draw(2) ? kVerdictUpTo : 0);
    rows.mark[row] = draw(1u << 24);
    rows.payloadBytes[row] = !payloads || draw(3) ? 0 : draw(50) == 0 ? kCopyBytesMax : draw(2000);
    rows.payloadOffset[row] = draw(20) ? draw(kSlabBytes - kCopyBytesMax) : kSlabBytes - rows.payloadBytes[row];
    if (rows.payloadBytes[row] > 0) rows.verdict[row] &= ~kVerdictUpTo;
    if (payloads && draw(100) == 0) {
      invalid.push_back(row + 1);
      spoil(rows, row);
    }
  }
  return invalid;
}

void round(VerdictWriter& writer, Columns& columns) {
  const uint32_t count = draw(kVerdictRows + 1);
  const bool payloads = draw(2) != 0;
  const std::vector<uint32_t> invalid = fill(columns.verdicts, count, payloads);
  kernel.tags.clear();
  std::vector<Failure> failures;
  promise(writer.send(0, count, &failures) == failures.size(), "count of failures");
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
  for (uint32_t i = 0; i < kSlabBytes; i++) slab[i] = static_cast<uint8_t>(i * 2654435761u >> 24);
  sentRows = &columns->verdicts;
  slabStart = slab.get();
  VerdictWriter writer(columns.get(), slab.get(), kSlabBytes, kFuzzFirstQueue, kFuzzQueueCount, pretendedSend);
  const int refusals[] = {ENOBUFS, ENOMEM, EAGAIN, EINTR, EMSGSIZE, ECONNREFUSED};
  for (unsigned long i = 0; i < rounds; i++) {
    kernel.bytesMax = draw(3) ? SIZE_MAX : 32 + draw(70000);
    kernel.refusePerMille = draw(3) ? 0 : draw(900);
    kernel.refusal = refusals[draw(6)];
    round(writer, *columns);
  }
  // Without trouble, plain verdicts of one batch are one datagram.
  kernel = Kernel{};
  fill(columns->verdicts, kVerdictRows, false);
  std::vector<Failure> failures;
  writer.send(0, kVerdictRows, &failures);
  promise(kernel.datagrams == 1 && failures.empty(), "one send for a full set");
  std::printf("rounds %lu\n", rounds);
  return 0;
}
