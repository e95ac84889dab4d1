// The face of the native part. NativeQueue, NativeGuard, NativeHosts, NativeRawSender, NativeSockets, the
// look-ups of network devices and other functions have files of their own. src/io/nfqueue/addon.ts declares
// them for TypeScript.
#include <napi.h>

#include "face/devices.h"
#include "face/guard.h"
#include "face/hosts.h"
#include "face/layout.h"
#include "face/machine.h"
#include "face/queue.h"
#include "face/raw_sender.h"
#include "face/sockets.h"

namespace shaper {
namespace {

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports["NativeQueue"] = defineNativeQueue(env);
  exports["NativeHosts"] = defineNativeHosts(env);
  exports["NativeGuard"] = defineNativeGuard(env);
  exports["NativeRawSender"] = defineNativeRawSender(env);
  exports["NativeSockets"] = defineNativeSockets(env);
  exports["layout"] = describeLayout(env);
  addDevices(exports);
  addMachine(exports);
  return exports;
}

}  // namespace
}  // namespace shaper

static Napi::Object initialiseShaper(Napi::Env env, Napi::Object exports) {
  return shaper::initialise(env, exports);
}

NODE_API_MODULE(shaper, initialiseShaper)
