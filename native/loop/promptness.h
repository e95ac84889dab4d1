// Asks the scheduler to let this thread run soon after it was woken. A due
// release waits for the timer (nanoseconds), for this thread's turn on a
// processor, and for the decision loop. On a busy machine the turn takes longest.
#pragma once

#include <cstdint>

namespace shaper {

// The thread's scheduling after it asked, whether granted then or before.
struct Promptness {
  // Niceness of this thread: -20 (first) to 19.
  int niceness = 0;
  // Time that the thread wants to run at a stretch: a short slice
  // comes sooner (EEVDF). 0 if the kernel does not tell (before 6.12).
  uint64_t sliceNs = 0;
  // Niceness of the whole session among sessions (autogroup); 0
  // also where the kernel does not group by sessions.
  int sessionNiceness = 0;
};

// Never fails: a setting that is refused stays as it was. A thread that was given another policy (chrt) or
// niceness keeps it. Only the process that leads a session asks for the session, so that nobody's shell is
// favoured. Threads and processes that this thread starts afterwards begin with normal settings.
//
// Measured on Linux 6.18, two processors that ten to twelve other sessions wanted: p99 of the
// lateness of releases at 20 Mbit/s, five runs of 2 s each. Nothing: 24 to 86 ms; session
// only: 1.1 to 3.5 ms; everything: 0.5 to 2.2 ms. Against two spinners in the same session,
// three runs each: nothing 6.4 to 8.7 ms, slice only 2.4 to 17 ms, niceness only 1.7 to 3.7
// ms, both 0.9 to 3.5 ms. With a processor to itself the thread has a p99 of about 0.1 ms
// without any of these. Timer slack (prctl) changes nothing: a timerfd has none.
Promptness askForPromptness();

// Gives back the niceness that this thread was granted (false), or asks for it again (true). The slice stays.
// A thread that was granted nothing stays as it is. src/io/nfqueue/courtesy.ts decides when.
void setFirst(bool first);

}  // namespace shaper
