// The memory shared with TypeScript: mirror of src/packet/batch.ts and src/limits.ts. The program compares
// sizes and names when it loads the addon, so neither side can drift alone. Values are in host byte order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace shaper {

constexpr uint32_t kArrivalRows = 256;
constexpr uint32_t kVerdictRows = 1024;
constexpr uint32_t kFailureRows = 256;
constexpr uint32_t kQueuesMax = 65;

// The slab: one slot per arrival row, then the edit area, from which verdicts take the new bytes of packets.
// The size of a slot depends on how much the queues copy, so TypeScript chooses it and this side checks it.
//
// Room in a slot for everything of a message except the copied packet. The
// attributes we ask for need 180 bytes; slots of 576 and of 1,088 bytes made neither
// recvmmsg nor the parser faster, so attributes we never asked for fit as well.
constexpr uint32_t kAttributeBytes = 4096;
constexpr uint32_t kSlotBytesMax = 1 << 20;
constexpr uint32_t kEditBytes = 1 << 18;
// NFQA_PAYLOAD's length has 16 bits and counts the attribute's header of 4 bytes.
constexpr uint32_t kCopyBytesMax = 0xffff - 4;
static_assert(kEditBytes >= kCopyBytesMax, "the edit area holds any packet");

constexpr uint32_t kVerdictUpTo = 0x100;
constexpr uint32_t kVerdictSetMark = 0x200;

// One list per table: order in memory, and the names handed to TypeScript.
#define SHAPER_ARRIVAL_COLUMNS(X)                                                                               \
  X(packetId) X(nfqueue) X(hook) X(ifIndexIn) X(ifIndexOut) X(lengthBytes) X(copiedBytes) X(slabOffset) X(mark) \
  X(macHigh) X(macLow) X(skbInfo) X(portIn) X(portOut)
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

// What the kernel tells of neighbours and of addresses of this machine, one row a message: `change` is the
// RTM_* of the message, `family` 4 or 6. A neighbour has its address in word0 to word3, and `state` and
// `flags` as in ndmsg. An address of this machine has itself there, in peer0 to peer3 and `prefixBits` what
// lies behind the device, and `scope`. All in host byte order; the words of IPv4 are the first of each.
constexpr uint32_t kHostRows = 512;
#define SHAPER_HOST_COLUMNS(X)                                                                            \
  X(change) X(ifIndex) X(family) X(word0) X(word1) X(word2) X(word3) X(peer0) X(peer1) X(peer2) X(peer3) \
  X(prefixBits) X(scope) X(macHigh) X(macLow) X(state) X(flags)

struct HostColumns {
#define X(name) uint32_t name[kHostRows];
  SHAPER_HOST_COLUMNS(X)
#undef X
};

static_assert(sizeof(HostColumns) == 4 * 17 * kHostRows, "columns have no padding");

// Sockets of this network namespace, one row each: `family` 4 or 6, `protocol` IPPROTO_*, the words of IPv4
// are the first of each. `inode` is 0 for a socket that no process has yet, both words of the control group
// are 0 where the kernel tells none, `state` is TCP_* of the kernel. Row 0 is the question and its answer.
// Rows of a process have `inode` and `descriptor` only. All in host byte order.
constexpr uint32_t kSocketRows = 512;
#define SHAPER_SOCKET_COLUMNS(X)                                                                               \
  X(family) X(protocol) X(local0) X(local1) X(local2) X(local3) X(localPort) X(remote0) X(remote1) X(remote2) \
  X(remote3) X(remotePort) X(ifIndex) X(uid) X(inode) X(cgroupHigh) X(cgroupLow) X(state) X(descriptor)

// What is known of one process; its start counts clock ticks since the machine's.
#define SHAPER_PROCESS_FIELDS(X) X(threadGroup) X(parent) X(group) X(uid) X(gid) X(startHigh) X(startLow)

struct ProcessFields {
#define X(name) uint32_t name;
  SHAPER_PROCESS_FIELDS(X)
#undef X
};

struct SocketColumns {
#define X(name) uint32_t name[kSocketRows];
  SHAPER_SOCKET_COLUMNS(X)
#undef X
  ProcessFields process;
};

static_assert(sizeof(SocketColumns) == 4 * (19 * kSocketRows + 7), "columns have no padding");

// Float64, to count past 2^32. Native code writes them, TypeScript reads them without a call.
#define SHAPER_COUNTERS(X) \
  X(failureRows) X(enobufs) X(truncated) X(malformed) X(verdictErrors) X(sendErrors)

struct Counters {
#define X(name) double name;
  SHAPER_COUNTERS(X)
#undef X
};

// A visit: what native code does for a wake-up before it calls TypeScript, and afterwards, so that most
// wake-ups cross the border once, and once more for verdicts. `isOn` is 1 meanwhile. Before the call native
// code has read the clock (`nowNs`) and the socket (`rows`; kNoRows: somebody has taken them). TypeScript
// leaves in `dueNs` for when the timer is to be set; kNotArmed: as it is.
#define SHAPER_VISIT(X) X(isOn) X(nowNs) X(rows) X(dueNs)
constexpr double kNoRows = -1;
constexpr double kNotArmed = -1;

struct Visit {
#define X(name) double name;
  SHAPER_VISIT(X)
#undef X
};

// The memory that has both.
struct Shared {
  Counters counters;
  Visit visit;
};

}  // namespace shaper
