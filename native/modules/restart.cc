#include "modules/restart.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace shaper {
namespace {

// A descriptor with the text, which the next program inherits; -1 if there is none.
int openText(const std::string& text) {
  const int file = memfd_create("shaper-resume", 0);
  size_t written = 0;
  while (file >= 0 && written < text.size()) {
    const ssize_t bytes = write(file, text.data() + written, text.size() - written);
    if (bytes <= 0) {
      close(file);
      return -1;
    }
    written += static_cast<size_t>(bytes);
  }
  if (file >= 0) lseek(file, 0, SEEK_SET);
  return file;
}

// Node has all descriptors that it was given close at an execve().
void keepStandard(bool isKept) {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) fcntl(fd, F_SETFD, isKept ? 0 : FD_CLOEXEC);
}

}  // namespace

Restart::Restart(std::string program, std::vector<std::string> arguments, std::vector<std::string> environment,
                 std::string folder, std::string text)
    : program_(std::move(program)),
      arguments_(std::move(arguments)),
      environment_(std::move(environment)),
      folder_(std::move(folder)),
      text_(std::move(text)) {
  // execve() does not write to them.
  for (const std::string& one : arguments_) argv_.push_back(const_cast<char*>(one.c_str()));
  for (const std::string& one : environment_) envp_.push_back(const_cast<char*>(one.c_str()));
  argv_.push_back(nullptr);
  envp_.push_back(resume_);
  envp_.push_back(nullptr);
}

void Restart::exec(const char* note) {
  const int file = openText(text_);
  std::snprintf(resume_, sizeof resume_, "SHAPER_RESUME=%d %d %s", static_cast<int>(getpid()), file, note);
  sigset_t none, before;
  sigemptyset(&none);
  // The module may have changed the folder, from which arguments count.
  const bool isThere = chdir(folder_.c_str()) == 0;
  pthread_sigmask(SIG_SETMASK, &none, &before);
  keepStandard(true);
  if (isThere) execve(program_.c_str(), argv_.data(), envp_.data());
  keepStandard(false);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (file >= 0) close(file);
}

}  // namespace shaper
