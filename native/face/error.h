// A failed system call as a JavaScript Error with code, errno, syscall and queue;
// src/io/nfqueue/nfqueue-error.ts adds the hint.
#pragma once

#include <napi.h>
#include <uv.h>

#include <cstring>

#include "nfqueue/queue.h"

namespace shaper {

inline Napi::Error toError(Napi::Env env, const SystemError& failure) {
  const char* code = uv_err_name(-failure.number);
  Napi::Error error = Napi::Error::New(env, std::string(failure.syscall) + ": " + std::strerror(failure.number));
  error.Set("code", Napi::String::New(env, code));
  error.Set("errno", Napi::Number::New(env, failure.number));
  error.Set("syscall", Napi::String::New(env, failure.syscall));
  error.Set("queue", Napi::Number::New(env, failure.queue));
  return error;
}

}  // namespace shaper
