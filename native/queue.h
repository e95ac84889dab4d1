// One netlink socket that owns the queues [first, first + count): open and bind, receive into the slab, give
// verdicts. Free of Node. Configuration goes through libmnl and libnetfilter_queue, the hot path does not.
#pragma once

#include <sys/socket.h>

#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "columns.h"
#include "parser.h"
#include "verdicts.h"

struct mnl_socket;
struct nlmsghdr;

namespace shaper {

// A system call that failed; `queue` is the queue number concerned, -1 for none.
struct SystemError {
  int number = 0;
  const char* syscall = "";
  int queue = -1;
};

struct QueueOptions {
  uint32_t firstQueue = 0;
  uint32_t count = 0;
  uint32_t lengthPackets = 0;
  uint32_t copyBytes = 0;
  uint32_t receiveBufferBytes = 0;
  std::bitset<kQueuesMax> gso;
  bool uidGid = false;
};

// What the kernel agreed to.
struct Granted {
  std::bitset<kQueuesMax> gso;
  bool uidGid = false;
  uint32_t receiveBufferBytes = 0;
};

class Queue {
 public:
  // `columns`, `slab` (kSlabBytes) and `counters` stay the caller's and must outlive the queue.
  Queue(Columns* columns, uint8_t* slab, Counters* counters, const QueueOptions& options);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Opens and binds all queues, or none: false fills *error and leaves the queue closed.
  bool open(SystemError* error);
  // Unbinds by closing the socket; the kernel drops what it still holds. Harmless when repeated.
  void close();

  // Next batch: rows of the arrivals table. Reads nothing while messages of the last receive are unparsed. False:
  // the socket failed in a way that reading on cannot mend, *error says how.
  bool drain(uint32_t* rows, SystemError* error);
  // Verdict rows [0, count); count <= kVerdictRows.
  void send(uint32_t count);
  // Something is left for the next drain that the socket will not announce again.
  bool hasLeftover() const;
  // Messages the kernel could not put into the full socket since it was opened.
  uint32_t socketDrops() const;

  int fd() const { return fd_; }
  const Granted& granted() const { return granted_; }

 private:
  struct EarlyMessage {
    std::vector<uint8_t> bytes;
    bool truncated;
  };

  bool openSocket(SystemError* error);
  void sizeBuffers();
  bool bindQueue(uint32_t queueNumber, SystemError* error);
  bool setFlag(uint32_t queueNumber, uint32_t flag, bool* granted, SystemError* error);
  int request(nlmsghdr* message);
  bool receive(SystemError* error);
  void takeEarly();

  const QueueOptions options_;
  uint8_t* const slab_;
  Parser parser_;
  VerdictWriter writer_;
  Granted granted_;

  mnl_socket* socket_ = nullptr;
  int fd_ = -1;
  uint32_t sequence_ = 0;

  // The last receive: slots [nextSlot_, filledSlots_) are unparsed, the first of them from resumeAt_ on.
  std::unique_ptr<mmsghdr[]> headers_;
  std::unique_ptr<iovec[]> vectors_;
  uint32_t filledSlots_ = 0;
  uint32_t nextSlot_ = 0;
  uint32_t resumeAt_ = 0;

  // Packets that came between the acknowledgements of open(), when rules already sent them here.
  std::vector<EarlyMessage> early_;
  // Verdicts that could not be sent, waiting for a drain to report them.
  std::vector<Failure> unsent_;
};

}  // namespace shaper
