#include "sockets/process_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace shaper {
namespace {

// Some 170 entries of a directory.
constexpr size_t kEntriesBytes = 4096;

struct Entry {
  uint64_t inode;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[1];
};

// The inode of a socket from a link "socket:[INODE]"; 0 if it is none.
uint32_t inodeOf(int directory, const char* name) {
  char link[40];
  const ssize_t size = ::readlinkat(directory, name, link, sizeof link - 1);
  constexpr char kStart[] = "socket:[";
  constexpr size_t kStartBytes = sizeof kStart - 1;
  if (size <= static_cast<ssize_t>(kStartBytes) || std::memcmp(link, kStart, kStartBytes) != 0) return 0;
  link[size] = 0;
  return static_cast<uint32_t>(std::strtoul(link + kStartBytes, nullptr, 10));
}

// Reads a file of /proc as text. Returns whether there is any.
template <size_t N>
bool readText(const char* path, char (&text)[N]) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t size = ::read(fd, text, N - 1);
  ::close(fd);
  if (size <= 0) return false;
  text[size] = 0;
  return true;
}

// The number that stands `skip` numbers behind a name at the start of a line. Returns whether it is there.
bool numberAfter(const char* text, const char* name, int skip, uint32_t* to) {
  const char* at = std::strstr(text, name);
  if (!at) return false;
  at += std::strlen(name);
  for (int i = 0; i <= skip; i++) {
    char* end = nullptr;
    *to = static_cast<uint32_t>(std::strtoul(at, &end, 10));
    if (end == at) return false;
    at = end;
  }
  return true;
}

}  // namespace

int ProcessFiles::open(uint32_t pid) {
  for (uint32_t handle = 0; handle < kHandles; handle++) {
    if (fds_[handle] != 0) continue;
    char path[40];
    std::snprintf(path, sizeof path, "/proc/%u/fd", pid);
    const int fd = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    fds_[handle] = fd + 1;
    next_[handle] = 0;
    return static_cast<int>(handle);
  }
  return -EMFILE;
}

void ProcessFiles::close(uint32_t handle) {
  const int fd = fdOf(handle);
  if (fd < 0) return;
  ::close(fd);
  fds_[handle] = 0;
}

ProcessFiles::~ProcessFiles() {
  for (uint32_t handle = 0; handle < kHandles; handle++) close(handle);
  if (loadFd_ >= 0) ::close(loadFd_);
}

uint32_t ProcessFiles::inodeAt(uint32_t handle, uint32_t descriptor) const {
  const int fd = fdOf(handle);
  if (fd < 0) return 0;
  char name[16];
  std::snprintf(name, sizeof name, "%u", descriptor);
  return inodeOf(fd, name);
}

uint32_t ProcessFiles::openCount(uint32_t handle) const {
  struct stat status {};
  const int fd = fdOf(handle);
  return fd >= 0 && ::fstat(fd, &status) == 0 ? static_cast<uint32_t>(status.st_size) : 0;
}

int ProcessFiles::scan(uint32_t handle, bool isAnew, uint32_t inode, uint32_t descriptorsMax) {
  rows_ = looked_ = 0;
  const int fd = fdOf(handle);
  if (fd < 0) return kGone;
  if (isAnew) next_[handle] = 0;
  alignas(Entry) char bytes[kEntriesBytes];
  for (;;) {
    // Where the last entry said that the next one is, because a scan may stop in the middle of a buffer.
    if (::lseek(fd, next_[handle], SEEK_SET) < 0) return kGone;
    const long size = ::syscall(SYS_getdents64, fd, bytes, sizeof bytes);
    if (size < 0) return kGone;
    if (size == 0) return kEnded;
    for (long at = 0; at < size;) {
      const auto* const entry = reinterpret_cast<const Entry*>(bytes + at);
      at += entry->length;
      // "." and ".." are no descriptors.
      if (entry->name[0] == '.') {
        next_[handle] = entry->next;
        continue;
      }
      if (looked_ == descriptorsMax || rows_ == kSocketRows) return kMore;
      next_[handle] = entry->next;
      looked_++;
      const uint32_t found = inodeOf(fd, entry->name);
      if (found == 0) continue;
      columns_->descriptor[rows_] = static_cast<uint32_t>(std::strtoul(entry->name, nullptr, 10));
      columns_->inode[rows_] = found;
      rows_++;
      if (found == inode) return static_cast<int>(rows_ - 1);
    }
  }
}

bool readProcess(uint32_t pid, ProcessFields* process) {
  char path[40];
  char text[4096];
  std::snprintf(path, sizeof path, "/proc/%u/stat", pid);
  if (!readText(path, text)) return false;
  // "PID (NAME) STATE PARENT GROUP …", with the start as field 22. A name may hold ")".
  const char* at = std::strrchr(text, ')');
  char state = 0;
  unsigned long long start = 0;
  if (!at || std::sscanf(at + 1, " %c %u %u %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                         &state, &process->parent, &process->group, &start) != 4) {
    return false;
  }
  process->startHigh = static_cast<uint32_t>(start >> 32);
  process->startLow = static_cast<uint32_t>(start);
  std::snprintf(path, sizeof path, "/proc/%u/status", pid);
  // Of the four users and groups the last is that of new files and sockets.
  return state != 'Z' && state != 'X' && readText(path, text) &&
         numberAfter(text, "\nTgid:", 0, &process->threadGroup) && numberAfter(text, "\nUid:", 3, &process->uid) &&
         numberAfter(text, "\nGid:", 3, &process->gid);
}

uint32_t ProcessFiles::newestPid() {
  if (loadFd_ < 0) loadFd_ = ::open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  char text[128];
  const ssize_t size = loadFd_ < 0 ? -1 : ::pread(loadFd_, text, sizeof text - 1, 0);
  if (size <= 0) return 0;
  text[size] = 0;
  const char* const at = std::strrchr(text, ' ');
  return at ? static_cast<uint32_t>(std::strtoul(at, nullptr, 10)) : 0;
}

}  // namespace shaper
