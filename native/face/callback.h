#pragma once

#include <napi.h>

namespace shaper {

// Calls a function of JavaScript from the event loop. An exception that it throws becomes an uncaught
// exception, as from any event.
inline void callBack(const Napi::AsyncContext& asyncContext, Napi::Object self, const Napi::FunctionReference& callback,
                     size_t count, const napi_value* arguments) {
  const napi_env env = self.Env();
  const napi_status status =
      napi_make_callback(env, asyncContext, self, callback.Value(), count, arguments, nullptr);
  napi_value exception = nullptr;
  if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
}

}  // namespace shaper
