// Sends one input through the parser and checks the promises that hold whatever the input is. The libFuzzer
// target and the driver use it. A broken promise aborts; the sanitizers watch the memory.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "fuzz/messages.h"
#include "links/host_socket.h"
#include "links/link_socket.h"
#include "nfqueue/parser.h"
#include "sockets/diag_socket.h"

namespace shaper {

inline void promise(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

// The ids that must get a verdict and the tags of refusals, in
// order, as a slow, plain reading of a datagram finds them.
struct Expected {
  std::vector<uint32_t> ids;
  std::vector<uint32_t> tags;
};

// Finds the last readable NFQA_PACKET_HDR of the attributes in [at, end). Attributes behind the first broken
// one do not count, as in the kernel's own parser.
inline bool findPacketId(const uint8_t* data, size_t at, size_t end, uint32_t* id) {
  bool found = false;
  while (end - at >= 4) {
    const size_t length = data[at] | data[at + 1] << 8;
    const size_t type = (data[at + 2] | data[at + 3] << 8) & 0x3fff;
    if (length < 4 || length > end - at) break;
    if (type == 1 && length >= 11) {
      *id = static_cast<uint32_t>(data[at + 4]) << 24 | data[at + 5] << 16 | data[at + 6] << 8 | data[at + 7];
      found = true;
    }
    const size_t step = (length + 3) / 4 * 4;
    at = step < end - at ? at + step : end;
  }
  return found;
}

inline Expected expectedOf(const uint8_t* data, size_t size) {
  Expected expected;
  for (size_t at = 0; size - at >= 16;) {
    uint32_t length;
    std::memcpy(&length, data + at, 4);
    if (length < 16) break;
    const size_t end = length < size - at ? at + length : size;
    const int type = data[at + 4] | data[at + 5] << 8;
    if (type == 3 << 8 && end - at >= 20) {
      const uint32_t queue = static_cast<uint32_t>(data[at + 18] << 8 | data[at + 19]) - kFuzzFirstQueue;
      uint32_t id;
      if (findPacketId(data, at + 20, end, &id) && queue < kFuzzQueueCount) expected.ids.push_back(id);
    } else if (type == 2 && end - at >= 20) {
      uint32_t error, tag;
      std::memcpy(&error, data + at + 16, 4);
      std::memcpy(&tag, data + at + 8, 4);
      if (error != 0) expected.tags.push_back(tag);
    }
    const size_t step = (end - at + 3) / 4 * 4;
    at = step < size - at ? at + step : size;
  }
  return expected;
}

// Memory that all inputs share, so that an input costs no large allocation.
struct Bench {
  std::unique_ptr<Columns> columns = std::make_unique<Columns>();
  Counters counters{};
  Parser parser{columns.get(), &counters, kFuzzFirstQueue, kFuzzQueueCount};
  std::unique_ptr<HostColumns> hosts = std::make_unique<HostColumns>();
  HostParser hostParser{hosts.get()};
  std::unique_ptr<SocketColumns> sockets = std::make_unique<SocketColumns>();
  SocketParser socketParser{sockets.get()};
};

inline void checkRows(const Bench& bench, size_t size) {
  const Arrivals& a = bench.columns->arrivals;
  for (uint32_t p = 0; p < bench.parser.rows(); p++) {
    promise(a.nfqueue[p] < kFuzzQueueCount, "queue index in range");
    promise(a.slabOffset[p] <= size && a.copiedBytes[p] <= size - a.slabOffset[p], "copy inside the datagram");
    promise(a.lengthBytes[p] >= a.copiedBytes[p], "no more copied than there is");
    promise(a.hook[p] <= 0xff && a.macHigh[p] <= 0xffff, "narrow values");
  }
}

// How many rows of hosts a datagram can have at most, as a slow, plain reading finds it: one for each
// message of their kinds.
inline size_t hostMessagesOf(const uint8_t* data, size_t size) {
  size_t count = 0;
  for (size_t at = 0; size - at >= 16;) {
    uint32_t length;
    std::memcpy(&length, data + at, 4);
    if (length < 16) break;
    const int type = data[at + 4] | data[at + 5] << 8;
    count += type == RTM_NEWADDR || type == RTM_DELADDR || type == RTM_NEWNEIGH || type == RTM_DELNEIGH;
    const size_t step = (static_cast<size_t>(length) + 3) / 4 * 4;
    at = step < size - at ? at + step : size;
  }
  return count;
}

inline void checkHosts(Bench& bench, const uint8_t* data, size_t size) {
  bench.hostParser.begin();
  bench.hostParser.parse(data, size);
  const uint32_t rows = bench.hostParser.rows();
  promise(rows <= kHostRows && rows <= hostMessagesOf(data, size), "a row of hosts for a message at most");
  promise(rows <= size / HostParser::kRowMessageBytesMin, "no message with a row is shorter");
  const HostColumns& c = *bench.hosts;
  for (uint32_t r = 0; r < rows; r++) {
    promise(c.family[r] == 4 || c.family[r] == 6, "a known family");
    promise(c.ifIndex[r] > 0 && c.ifIndex[r] <= INT32_MAX, "an interface index is positive");
    promise(c.macHigh[r] <= 0xffff && c.prefixBits[r] <= 0xff && c.flags[r] <= 0xff, "narrow values of hosts");
    const uint32_t rest = c.word1[r] | c.word2[r] | c.word3[r] | c.peer1[r] | c.peer2[r] | c.peer3[r];
    promise(c.family[r] == 6 || rest == 0, "IPv4 has one word");
  }
}

inline void checkSockets(Bench& bench, const uint8_t* data, size_t size) {
  bench.socketParser.begin(6);
  bench.socketParser.parse(data, size, kFuzzSequence);
  const uint32_t rows = bench.socketParser.rows();
  promise(rows <= kSocketRows && rows <= size / SocketParser::kRowMessageBytes, "no message of a socket is shorter");
  const SocketColumns& c = *bench.sockets;
  for (uint32_t r = 0; r < rows; r++) {
    promise(c.family[r] == 4 || c.family[r] == 6, "a known family of sockets");
    promise(c.localPort[r] <= 0xffff && c.remotePort[r] <= 0xffff && c.state[r] <= 0xff, "narrow values of sockets");
    const uint32_t rest = c.local1[r] | c.local2[r] | c.local3[r] | c.remote1[r] | c.remote2[r] | c.remote3[r];
    promise(c.family[r] == 6 || rest == 0, "IPv4 of sockets has one word");
  }
  int error = -1;
  bench.socketParser.takeEnd(&error);
  promise(error >= 0 && error < 4096, "an error is an errno");
}

// `data` must be an allocation of exactly `size` bytes, so that the sanitizer sees a read beyond it.
inline void checkInput(Bench& bench, const uint8_t* data, size_t size, bool truncated) {
  const Expected expected = expectedOf(data, size);
  Expected got;
  uint32_t resumeAt = 0;
  for (bool done = false; !done;) {
    const uint32_t before = resumeAt;
    bench.parser.begin();
    done = bench.parser.parse(data, 0, static_cast<uint32_t>(size), truncated, &resumeAt);
    promise(done || resumeAt > before, "a full table was emptied for nothing");
    checkRows(bench, size);
    const Arrivals& a = bench.columns->arrivals;
    got.ids.insert(got.ids.end(), a.packetId, a.packetId + bench.parser.rows());
    const Failures& f = bench.columns->failures;
    got.tags.insert(got.tags.end(), f.tag, f.tag + bench.parser.failureRows());
  }
  promise(got.ids == expected.ids, "one row per readable packet id");
  promise(got.tags == expected.tags, "one failure row per refusal");
  checkHosts(bench, data, size);
  checkSockets(bench, data, size);
  std::vector<uint32_t> down;
  LinkSocket::parse(data, size, &down);
  for (const uint32_t index : down) promise(index > 0 && index <= INT32_MAX, "an interface index is positive");
}

}  // namespace shaper
