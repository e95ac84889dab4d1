// Starts the program anew in the same process (execve), by whatever thread, while another one hangs. The
// process keeps its number, its parent and its terminal; all other threads end, and all descriptors close.
#pragma once

#include <string>
#include <vector>

namespace shaper {

class Restart {
 public:
  // `text` is for the new start. Everything is made now: a thread that hangs can make nothing.
  Restart(std::string program, std::vector<std::string> arguments, std::vector<std::string> environment,
          std::string folder, std::string text);
  Restart(const Restart&) = delete;
  Restart& operator=(const Restart&) = delete;

  // Returns only if the kernel refuses. The new start finds SHAPER_RESUME in its environment:
  //
  //     PID  DESCRIPTOR of a file in memory with the text, or -1  NOTE
  //
  // By a thread that has its signals blocked.
  void exec(const char* note);

 private:
  const std::string program_;
  const std::vector<std::string> arguments_;
  const std::vector<std::string> environment_;
  const std::string folder_;
  const std::string text_;
  std::vector<char*> argv_;
  std::vector<char*> envp_;
  char resume_[160];
};

}  // namespace shaper
