// One netlink socket that owns queues, at first [firstQueue, firstQueue + count): opens and binds them,
// changes them while packets flow, receives into the slab, gives verdicts. Free of Node.
// Configuration goes through libmnl and libnetfilter_queue, the hot path does not.
#pragma once

#include <sys/socket.h>

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "columns.h"
#include "nfqueue/parser.h"
#include "nfqueue/verdicts.h"

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
  // Queues that are bound from the start.
  uint32_t count = 0;
  uint32_t lengthPackets = 0;
  uint32_t receiveBufferBytes = 0;
  // Room for one message: kAttributeBytes and the longest copy that any queue makes.
  uint32_t slotBytes = 0;
  // Slots may grow to so much.
  uint32_t slotBytesMost = 0;
  std::array<uint32_t, kQueuesMax> copyBytes{};
  std::bitset<kQueuesMax> gso;

  uint32_t slabBytes() const { return kArrivalRows * slotBytesMost + kEditBytes; }
};

// What the kernel agreed to.
struct Granted {
  std::bitset<kQueuesMax> gso;
  uint32_t receiveBufferBytes = 0;
};

class Queue {
 public:
  // `columns`, `slab` (options.slabBytes()) and `counters` stay the caller's and must outlive the queue.
  Queue(Columns* columns, uint8_t* slab, Counters* counters, const QueueOptions& options);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Opens and binds all queues, or none: false fills *error and leaves the queue closed.
  bool open(SystemError* error);
  // Unbinds by closing the socket; the kernel drops what it still holds. Harmless when repeated.
  void close();

  // Binds queue `index`, or gives a bound one another length and another GSO flag. *granted says whether the
  // kernel gives superpackets now. False fills *error, and a queue that was not bound before is not bound.
  bool setUp(uint32_t index, uint32_t lengthPackets, uint32_t copyBytes, bool gso, bool* granted, SystemError* error);
  // Gives each slot so many bytes from now on, at most options.slotBytesMost and no fewer than it has.
  // Between two batches only: the rows of the last one point to where slots were.
  void growSlots(uint32_t slotBytes);
  uint32_t slotBytes() const { return slotBytes_; }
  // The kernel drops what it still holds for the queue.
  bool unbind(uint32_t index, SystemError* error);
  // Asks for so much memory for unread messages, and returns how much there is.
  uint32_t setReceiveBuffer(uint32_t bytes);

  // Fills the next rows of the arrivals table. Reads nothing while messages of the last receive are unparsed.
  // False: the socket failed in a way that reading on cannot mend, and *error says how.
  bool drain(uint32_t* rows, SystemError* error);
  // Lets await() wait for at most `timeoutNs`. The socket may block from now on; drain() never does.
  void allowWaiting(int64_t timeoutNs);
  // Waits until the socket has messages, and reads them for the next drain(). False: none came, or the last
  // ones are still unparsed.
  bool await();
  // Sends verdict rows [0, count); count <= kVerdictRows.
  void send(uint32_t count);
  // Whether the next drain finds something that the socket will not announce again.
  bool hasLeftover() const;
  // Messages that the kernel could not put into the full socket since it was opened.
  uint32_t socketDrops() const;

  int fd() const { return fd_; }
  const Granted& granted() const { return granted_; }

 private:
  struct EarlyMessage {
    std::vector<uint8_t> bytes;
    bool truncated;
  };

  void placeSlots();
  bool openSocket(SystemError* error);
  void sizeSendBuffer();
  bool configure(uint32_t index, bool bind, uint32_t lengthPackets, uint32_t copyBytes, SystemError* error);
  bool setFlag(uint32_t index, uint32_t flag, bool set, bool* granted, SystemError* error);
  int request(nlmsghdr* message);
  bool readEarly(nlmsghdr* answered, int32_t* errorNumber);
  bool receive(SystemError* error);
  int receiveSlots(int flags);
  void takeEarly();

  const QueueOptions options_;
  uint8_t* const slab_;
  uint32_t slotBytes_;
  // Beyond the highest index that has been bound.
  uint32_t queueCount_;
  Parser parser_;
  VerdictWriter writer_;
  Granted granted_;

  mnl_socket* socket_ = nullptr;
  int fd_ = -1;
  bool mayWait_ = false;
  uint32_t sequence_ = 0;

  // The last receive: slots [nextSlot_, filledSlots_) are unparsed, the first of them from resumeAt_ on.
  std::unique_ptr<mmsghdr[]> headers_;
  std::unique_ptr<iovec[]> vectors_;
  uint32_t filledSlots_ = 0;
  uint32_t nextSlot_ = 0;
  uint32_t resumeAt_ = 0;

  std::bitset<kQueuesMax> bound_;
  // Messages that came before or between the acknowledgements of requests, in order: packets, and refusals of
  // verdicts. They are older than all that the socket still has.
  std::vector<EarlyMessage> early_;
  // Verdicts that could not be sent; the next drains report them.
  std::vector<Failure> unsent_;
};

}  // namespace shaper
