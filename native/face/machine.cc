#include "face/machine.h"

#include <sys/wait.h>

#include <csignal>

#include "face/arguments.h"
#include "loop/promptness.h"
#include "rules/generation.h"

namespace shaper {
namespace {

Napi::Value askForPromptness(const Napi::CallbackInfo& info) {
  const Promptness promptness = shaper::askForPromptness();
  Napi::Object result = Napi::Object::New(info.Env());
  result["niceness"] = Napi::Number::New(info.Env(), promptness.niceness);
  result["sliceNs"] = Napi::Number::New(info.Env(), static_cast<double>(promptness.sliceNs));
  result["sessionNiceness"] = Napi::Number::New(info.Env(), promptness.sessionNiceness);
  return result;
}

void setFirst(const Napi::CallbackInfo& info) { shaper::setFirst(info[0].ToBoolean().Value()); }

Napi::Value rulesGeneration(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(shaper::rulesGeneration()));
}

// A terminal with `stty tostop` stops a program in the background that writes to it. It spares those that
// ignore the signal; for one that handles it, as Node can, the write would begin again for ever.
void ignoreTerminalStop(const Napi::CallbackInfo&) { std::signal(SIGTTOU, SIG_IGN); }

// Of a child that the program before had (modules/restart.h): libuv asks for its own children alone. Returns
// whether it has gone.
Napi::Value reapChild(const Napi::CallbackInfo& info) {
  uint32_t pid = 0;
  if (!readNumber(info, 0, "pid", 1, INT32_MAX, &pid)) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG) != 0);
}

void endChild(const Napi::CallbackInfo& info) {
  uint32_t pid = 0;
  if (readNumber(info, 0, "pid", 1, INT32_MAX, &pid)) kill(static_cast<pid_t>(pid), SIGKILL);
}

}  // namespace

void addMachine(Napi::Object exports) {
  const Napi::Env env = exports.Env();
  exports["askForPromptness"] = Napi::Function::New<askForPromptness>(env, "askForPromptness");
  exports["endChild"] = Napi::Function::New<endChild>(env, "endChild");
  exports["ignoreTerminalStop"] = Napi::Function::New<ignoreTerminalStop>(env, "ignoreTerminalStop");
  exports["reapChild"] = Napi::Function::New<reapChild>(env, "reapChild");
  exports["rulesGeneration"] = Napi::Function::New<rulesGeneration>(env, "rulesGeneration");
  exports["setFirst"] = Napi::Function::New<setFirst>(env, "setFirst");
}

}  // namespace shaper
