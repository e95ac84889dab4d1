#include "loop/promptness.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

namespace shaper {
namespace {

constexpr int kFirst = -20;
constexpr int kAsOthers = 0;
// The shortest slice that the kernel accepts (sched_setattr, kernel/sched/syscalls.c). A batch of a few
// packets takes 20 to 50 us.
constexpr uint64_t kSliceNs = 100'000;
constexpr uint64_t kResetOnFork = 1;
constexpr char kSessionFile[] = "/proc/self/autogroup";

// First version of struct sched_attr (linux/sched/types.h), which only newer C libraries declare.
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
  wanted.niceness = now.niceness == kAsOthers ? kFirst : now.niceness;
  wanted.runtimeNs = kSliceNs;
  if (setAttributes(wanted)) return;
  // Niceness needs CAP_SYS_NICE or RLIMIT_NICE, a short slice needs nothing.
  wanted.niceness = now.niceness;
  setAttributes(wanted);
}

// Reads a line like "/autogroup-23 nice 0" (proc(5)). Returns 0 when there is no such file.
int readSessionNiceness() {
  int niceness = 0;
  if (FILE* file = fopen(kSessionFile, "re")) {
    if (fscanf(file, "%*s nice %d", &niceness) != 1) niceness = 0;
    fclose(file);
  }
  return niceness;
}

// The kernel refuses without CAP_SYS_NICE, so the caller reads the value back.
void writeSessionNiceness(int niceness) {
  const int fd = open(kSessionFile, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  char text[8];
  const int length = snprintf(text, sizeof text, "%d", niceness);
  [[maybe_unused]] const ssize_t written = write(fd, text, static_cast<size_t>(length));
  close(fd);
}

void askForSession() {
  if (getsid(0) == getpid() && readSessionNiceness() == kAsOthers) writeSessionNiceness(kFirst);
}

// Whether this thread was granted its niceness, and its session's, and may give them back.
thread_local bool ownsThreadNiceness = false;
thread_local bool ownsSessionNiceness = false;

}  // namespace

Promptness askForPromptness() {
  const SchedulingAttributes before = readAttributes();
  const int sessionBefore = readSessionNiceness();
  if (before.policy == SCHED_OTHER && before.size != 0) {
    askForThread(before);
    if (before.niceness == kAsOthers) askForSession();
  }
  const SchedulingAttributes after = readAttributes();
  const int session = readSessionNiceness();
  ownsThreadNiceness |= before.niceness == kAsOthers && after.niceness == kFirst;
  ownsSessionNiceness |= sessionBefore == kAsOthers && session == kFirst;
  return {after.niceness, after.policy == SCHED_OTHER ? after.runtimeNs : 0, session};
}

void setFirst(bool first) {
  const int niceness = first ? kFirst : kAsOthers;
  // "Process" 0 is the calling thread on Linux (setpriority(2), C library/kernel differences).
  if (ownsThreadNiceness) setpriority(PRIO_PROCESS, 0, niceness);
  if (ownsSessionNiceness) writeSessionNiceness(niceness);
}

}  // namespace shaper
