// What the kernel tells of network devices: one that came, went, was renamed, or went up or down. Knows
// nothing of Node. Reads no attribute: whoever wants to know more asks for the device's present state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shaper {

class LinkSocket {
 public:
  LinkSocket() = default;
  LinkSocket(const LinkSocket&) = delete;
  LinkSocket& operator=(const LinkSocket&) = delete;
  ~LinkSocket();

  // Joins the kernel's group for devices of this network namespace. Returns 0 or errno.
  int open();
  void close();
  int fd() const { return fd_; }
  // Reads all that waits, and appends the indexes of devices that were down when the kernel told of them:
  // after a short flap, too. If the kernel had more to tell than fits the socket, some are missing.
  void read(std::vector<uint32_t>* down);

  // Reads one datagram of messages: read() without the socket.
  static void parse(const uint8_t* bytes, size_t size, std::vector<uint32_t>* down);

 private:
  int fd_ = -1;
};

// Interface index of a device; 0 if there is none of that name.
uint32_t linkIndex(const std::string& name);
// Name of the device with an interface index; empty if there is none.
std::string linkName(uint32_t index);
// Bytes that a packet of the device may have; 0 if there is none of that name.
uint32_t linkMtu(const std::string& name);

}  // namespace shaper
