// The columns shared with TypeScript: mirror of src/packet/batch.ts and src/limits.ts. Both sides compare sizes when
// a port opens, and a unit test compares the names, so neither can drift alone. Values are in host byte order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shaper {

constexpr uint32_t kArrivalRows = 256;
constexpr uint32_t kVerdictRows = 1024;
constexpr uint32_t kFailureRows = 256;
constexpr uint32_t kCopyBytes = 128;
// Room in a slot for everything of a message but the copied packet. What we ask for needs 180 bytes; slots of 576 and
// of 1,088 bytes made neither recvmmsg nor the parser faster, so there is room for what we never asked for, too.
constexpr uint32_t kAttributeBytes = 4096;
constexpr uint32_t kSlotBytes = kAttributeBytes + kCopyBytes;
constexpr uint32_t kSlabBytes = kArrivalRows * kSlotBytes;
constexpr uint32_t kQueuesMax = 64;

constexpr uint32_t kNone = 0xffffffff;
constexpr uint32_t kVerdictUpTo = 0x100;
constexpr uint32_t kVerdictSetMark = 0x200;

// One list per table: order in memory, and the names handed to TypeScript.
#define SHAPER_ARRIVAL_COLUMNS(X)                                                                               \
  X(packetId) X(nfqueue) X(hook) X(ifIndexIn) X(ifIndexOut) X(lengthBytes) X(copiedBytes) X(slabOffset) X(mark)   \
  X(macHigh) X(macLow) X(uid) X(gid) X(skbInfo)
#define SHAPER_VERDICT_COLUMNS(X) \
  X(packetId) X(nfqueue) X(verdict) X(mark) X(tag) X(payloadOffset) X(payloadBytes)
#define SHAPER_FAILURE_COLUMNS(X) X(tag) X(errorNumber)

struct Arrivals {
#define X(name) uint32_t name[kArrivalRows];
  SHAPER_ARRIVAL_COLUMNS(X)
#undef X
};

struct Verdicts {
#define X(name) uint32_t name[kVerdictRows];
  SHAPER_VERDICT_COLUMNS(X)
#undef X
};

// `errno` is a macro in C, so this column has another name here than in TypeScript.
struct Failures {
#define X(name) uint32_t name[kFailureRows];
  SHAPER_FAILURE_COLUMNS(X)
#undef X
};

struct Columns {
  Arrivals arrivals;
  Verdicts verdicts;
  Failures failures;
};

static_assert(sizeof(Columns) == 4 * (14 * kArrivalRows + 7 * kVerdictRows + 2 * kFailureRows),
              "columns have no padding");

// Float64 so that they count past 2^32; written by native only, read by TypeScript without a call.
#define SHAPER_COUNTERS(X) \
  X(failureRows) X(enobufs) X(truncated) X(malformed) X(verdictErrors) X(sendErrors)

struct Counters {
#define X(name) double name;
  SHAPER_COUNTERS(X)
#undef X
};

}  // namespace shaper
