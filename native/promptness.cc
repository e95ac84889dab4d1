#include "promptness.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

namespace shaper {
namespace {

constexpr int kFirst = -20;
// The shortest the kernel takes (sched_setattr, kernel/sched/syscalls.c); a batch of a few packets takes 20 to 50 us.
constexpr uint64_t kSliceNs = 100'000;
constexpr uint64_t kResetOnFork = 1;
constexpr char kSessionFile[] = "/proc/self/autogroup";

// struct sched_attr of linux/sched/types.h, first version; newer C libraries declare it too, older ones do not.
struct SchedulingAttributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t niceness;
  uint32_t priority;
  uint64_t runtimeNs;
  uint64_t deadlineNs;
  uint64_t periodNs;
};
static_assert(sizeof(SchedulingAttributes) == 48, "no padding");

SchedulingAttributes readAttributes() {
  SchedulingAttributes attributes{};
  syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0);
  return attributes;
}

bool setAttributes(const SchedulingAttributes& attributes) {
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

void askForThread(const SchedulingAttributes& now) {
  SchedulingAttributes wanted{};
  wanted.size = sizeof wanted;
  wanted.policy = SCHED_OTHER;
  wanted.flags = now.flags | kResetOnFork;
  wanted.niceness = now.niceness == 0 ? kFirst : now.niceness;
  wanted.runtimeNs = kSliceNs;
  if (setAttributes(wanted)) return;
  // Niceness takes CAP_SYS_NICE or RLIMIT_NICE, a short slice takes nothing.
  wanted.niceness = now.niceness;
  setAttributes(wanted);
}

// "/autogroup-23 nice 0" (proc(5)); 0 when there is no such file.
int readSessionNiceness() {
  int niceness = 0;
  if (FILE* file = fopen(kSessionFile, "re")) {
    if (fscanf(file, "%*s nice %d", &niceness) != 1) niceness = 0;
    fclose(file);
  }
  return niceness;
}

void askForSession() {
  if (getsid(0) != getpid() || readSessionNiceness() != 0) return;
  const int fd = open(kSessionFile, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  char text[8];
  const int length = snprintf(text, sizeof text, "%d", kFirst);
  // Refused without CAP_SYS_NICE; what holds is read back.
  [[maybe_unused]] const ssize_t written = write(fd, text, static_cast<size_t>(length));
  close(fd);
}

}  // namespace

Promptness askForPromptness() {
  const SchedulingAttributes before = readAttributes();
  if (before.policy == SCHED_OTHER && before.size != 0) {
    askForThread(before);
    if (before.niceness == 0) askForSession();
  }
  const SchedulingAttributes after = readAttributes();
  return {after.niceness, after.policy == SCHED_OTHER ? after.runtimeNs : 0, readSessionNiceness()};
}

}  // namespace shaper
