// What /proc tells of processes and of their open files. Knows nothing of Node, and judges nothing.
#pragma once

#include <cstdint>

#include "columns.h"

namespace shaper {

// Directories /proc/PID/fd that stay open, each by its handle. Such a directory is that of one process: it is
// empty when the process has ended, also if its number is given to another one.
class ProcessFiles {
 public:
  static constexpr int kHandles = 256;
  // Of a scan, beside the row of its hit.
  static constexpr int kEnded = -1;
  static constexpr int kMore = -2;
  static constexpr int kGone = -3;

  explicit ProcessFiles(SocketColumns* columns) : columns_(columns) {}
  ProcessFiles(const ProcessFiles&) = delete;
  ProcessFiles& operator=(const ProcessFiles&) = delete;
  ~ProcessFiles();

  // Returns a handle, or -errno: -ENOENT if there is no such process, -EACCES if its files may not be seen,
  // -EMFILE if every handle is in use.
  int open(uint32_t pid);
  void close(uint32_t handle);
  // The inode of the socket behind a descriptor of the process; 0 if there is none.
  uint32_t inodeAt(uint32_t handle, uint32_t descriptor) const;
  // How many descriptors the process has open; 0 where the kernel does not tell (before Linux 6.2).
  uint32_t openCount(uint32_t handle) const;
  // Writes descriptors that are sockets as rows, from row 0 on, in ascending order. It begins anew or goes on
  // where the last scan of this handle ended. It looks at `descriptorsMax` descriptors at most, and stops at
  // the socket with this inode (0: none). Returns the row of that, kEnded, kMore if descriptors are left, or
  // kGone if the process has ended.
  int scan(uint32_t handle, bool isAnew, uint32_t inode, uint32_t descriptorsMax);
  uint32_t rows() const { return rows_; }
  // How many descriptors the last scan looked at.
  uint32_t looked() const { return looked_; }
  // The number of the newest process or thread of this pid namespace, 0 if /proc does not tell.
  uint32_t newestPid();

 private:
  int fdOf(uint32_t handle) const { return handle < kHandles ? fds_[handle] - 1 : -1; }

  SocketColumns* columns_;
  // One more than the descriptor of ours; 0 where the handle is free.
  int fds_[kHandles] = {};
  int64_t next_[kHandles] = {};
  uint32_t rows_ = 0;
  uint32_t looked_ = 0;
  int loadFd_ = -1;
};

// Fills the fields. Returns false if there is no such process or thread, or if it has ended and waits for its
// parent.
bool readProcess(uint32_t pid, ProcessFields* process);

}  // namespace shaper
