// A process of its own that takes the rules away while the shaper stands still: stopped by a signal, by a
// debugger, or hung. Packets then pass instead of waiting for verdicts that nobody gives.
//
//   shaper-watchdog PID
//
// PID is the nft that owns our table: the kernel removes the table when nft ends. Standard input is a pipe on
// which the shaper sends a byte every BEAT_MS (src/io/rules/watchdog.ts).
//
// Exit status: 0 if nft or the shaper has ended, 1 if it has ended nft because the heart stopped, 2 if it
// cannot watch.
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace {

// Looks in a row without a byte after which the heart counts as stopped: one second. Looks are counted, and
// no clock is read: if the whole machine stands still, the first look afterwards misses once, no more.
constexpr int kLookMs = 250;
constexpr int kMissedLooks = 4;
// The shaper has gone. Its nft has lost its input, and ends by itself unless somebody has stopped it.
constexpr int kEndMs = 2000;

int openProcess(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// A handle of a process cannot mean a later process with the same number.
void kill(int process) { syscall(SYS_pidfd_send_signal, process, SIGKILL, nullptr, 0); }

bool hasEnded(int process, int waitMs) {
  pollfd end{process, POLLIN, 0};
  return poll(&end, 1, waitMs) > 0;
}

// Signals to the shaper's service or terminal must not end the watch before the shaper ends.
void ignoreSignals() {
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE, SIGUSR1, SIGUSR2}) std::signal(signal, SIG_IGN);
}

// A tree of control groups, mounted nowhere: the mounts of this machine, or of a container, do not matter.
int openControlGroups(const char* type, const char* controller) {
  const int tree = static_cast<int>(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
  if (tree < 0) return -1;
  if (controller != nullptr) syscall(SYS_fsconfig, tree, FSCONFIG_SET_FLAG, controller, nullptr, 0);
  syscall(SYS_fsconfig, tree, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
  const int root = static_cast<int>(syscall(SYS_fsmount, tree, FSMOUNT_CLOEXEC, 0));
  close(tree);
  return root;
}

void moveToRoot(int root, pid_t pid) {
  const int members = openat(root, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (members >= 0 && dprintf(members, "%d\n", pid) < 0) errno = 0;
  close(members);
}

bool hasOldFreezer() {
  char text[4096] = "";
  const int file = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
  const ssize_t got = read(file, text, sizeof text - 1);
  close(file);
  return got > 0 && strstr(text, ":freezer:") != nullptr;
}

// Whoever freezes the control group of the shaper would freeze the watch too. Leaving needs full root;
// without it the watch stays where it is. In a frozen group of the old kind not even SIGKILL ends a process,
// so nft leaves it as well. The caller goes first, so that nobody can freeze it with half of the work done.
void leaveControlGroups(pid_t watchdog, pid_t nft) {
  const int unified = openControlGroups("cgroup2", nullptr);
  for (pid_t pid : {getpid(), watchdog}) moveToRoot(unified, pid);
  close(unified);
  if (!hasOldFreezer()) return;
  const int freezer = openControlGroups("cgroup", "freezer");
  for (pid_t pid : {getpid(), nft, watchdog}) moveToRoot(freezer, pid);
  close(freezer);
}

// A service whose system calls are filtered (SystemCallFilter= of systemd) is killed at a call that it may
// not make. So a child makes these. Nobody waits for the child: it may be frozen, and the watch must not be.
void tryToLeaveControlGroups(pid_t nft) {
  const pid_t watchdog = getpid();
  std::signal(SIGCHLD, SIG_IGN);
  if (fork() != 0) return;
  leaveControlGroups(watchdog, nft);
  _exit(0);
}

// Returns false if the shaper has closed the pipe.
bool readBeats() {
  char bytes[256];
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN || errno == EINTR;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: shaper-watchdog PID, with a heartbeat on standard input\n");
    return 2;
  }
  const pid_t pid = atoi(argv[1]);
  const int nft = openProcess(pid);
  if (nft < 0) return errno == ESRCH ? 0 : 2;
  ignoreSignals();
  if (chdir("/") != 0 || fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) != 0) return 2;
  tryToLeaveControlGroups(pid);
  for (int missed = 0; missed < kMissedLooks;) {
    pollfd events[2] = {{STDIN_FILENO, POLLIN, 0}, {nft, POLLIN, 0}};
    const int ready = poll(events, 2, kLookMs);
    if (ready < 0 && errno != EINTR) return 2;
    if (ready == 0) missed++;
    if (ready <= 0) continue;
    if (events[1].revents != 0) return 0;
    missed = 0;
    if (!readBeats()) {
      if (!hasEnded(nft, kEndMs)) kill(nft);
      return 0;
    }
  }
  kill(nft);
  return 1;
}
