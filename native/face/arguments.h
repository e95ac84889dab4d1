// Arguments of calls that are not of the data path.
#pragma once

#include <napi.h>

#include <cmath>
#include <string>

namespace shaper {

// Reads argument `at` as a whole number. False leaves a JavaScript exception pending.
inline bool readNumber(const Napi::CallbackInfo& info, size_t at, const char* name, uint32_t min, uint32_t max,
                       uint32_t* to) {
  const double number = info[at].IsNumber() ? info[at].As<Napi::Number>().DoubleValue() : NAN;
  if (number >= min && number <= max && std::floor(number) == number) {
    *to = static_cast<uint32_t>(number);
    return true;
  }
  const std::string range = std::to_string(min) + " to " + std::to_string(max);
  Napi::RangeError::New(info.Env(), std::string(name) + " must be a whole number from " + range)
      .ThrowAsJavaScriptException();
  return false;
}

}  // namespace shaper
