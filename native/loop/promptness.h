// Asks the scheduler to let this thread run soon after something woke it. A release that is due waits for three things:
// the timer (nanoseconds), this thread's turn on a processor, and us. On a busy machine the turn is what takes long.
#pragma once

#include <cstdint>

namespace shaper {

// What the thread has afterwards, asked for or not.
struct Promptness {
  // Of this thread: -20 (first) to 19.
  int niceness = 0;
  // How long it wants to run at a time: who wants little gets it sooner (EEVDF). 0: the kernel does not say (< 6.12).
  uint64_t sliceNs = 0;
  // Of the whole session among sessions (autogroup); 0 also where the kernel does not group by sessions.
  int sessionNiceness = 0;
};

// Never fails: what is refused stays as it was. A thread that was given another policy (chrt) or niceness keeps it. A
// session is asked for only by the process that leads it, so that nobody's shell is favoured. Threads and processes
// that this thread starts afterwards begin as normal ones.
//
// Measured on Linux 6.18, two processors that ten to twelve other sessions wanted: p99 of the lateness of releases at
// 20 Mbit/s, five runs of 2 s each. Nothing asked: 24 to 86 ms; session only: 1.1 to 3.5 ms; everything: 0.5 to 2.2 ms.
// Against two spinners in the same session, three runs each: nothing 6.4 to 8.7 ms, slice only 2.4 to 17 ms, niceness
// only 1.7 to 3.7 ms, both 0.9 to 3.5 ms. With a processor to itself p99 is about 0.1 ms without any of it. Timer slack
// (prctl) changes nothing, a timerfd has none.
Promptness askForPromptness();

// Takes back the niceness that this thread was granted (false), or asks for it again (true); the slice stays. Nothing was
// granted: nothing happens. src/io/courtesy.ts says when.
void setFirst(bool first);

}  // namespace shaper
