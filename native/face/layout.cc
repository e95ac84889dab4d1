#include "face/layout.h"

#include "columns.h"

namespace shaper {
namespace {

#define X(name) #name,
constexpr const char* kArrivalNames[] = {SHAPER_ARRIVAL_COLUMNS(X)};
constexpr const char* kVerdictNames[] = {SHAPER_VERDICT_COLUMNS(X)};
constexpr const char* kFailureNames[] = {SHAPER_FAILURE_COLUMNS(X)};
constexpr const char* kHostNames[] = {SHAPER_HOST_COLUMNS(X)};
constexpr const char* kSocketNames[] = {SHAPER_SOCKET_COLUMNS(X)};
constexpr const char* kProcessNames[] = {SHAPER_PROCESS_FIELDS(X)};
constexpr const char* kCounterNames[] = {SHAPER_COUNTERS(X)};
constexpr const char* kVisitNames[] = {SHAPER_VISIT(X)};
#undef X

template <size_t N>
Napi::Array toArray(Napi::Env env, const char* const (&names)[N]) {
  Napi::Array array = Napi::Array::New(env, N);
  for (uint32_t i = 0; i < N; i++) array[i] = Napi::String::New(env, names[i]);
  return array;
}

}  // namespace

Napi::Object describeLayout(Napi::Env env) {
  const struct {
    const char* name;
    uint32_t value;
  } numbers[] = {{"arrivalRows", kArrivalRows}, {"verdictRows", kVerdictRows},     {"failureRows", kFailureRows},
                 {"queuesMax", kQueuesMax},     {"attributeBytes", kAttributeBytes}, {"editBytes", kEditBytes},
                 {"copyBytesMax", kCopyBytesMax}, {"hostRows", kHostRows},
                 {"socketRows", kSocketRows}};
  Napi::Object layout = Napi::Object::New(env);
  for (const auto& [name, value] : numbers) layout[name] = Napi::Number::New(env, value);
  layout["arrivals"] = toArray(env, kArrivalNames);
  layout["verdicts"] = toArray(env, kVerdictNames);
  layout["failures"] = toArray(env, kFailureNames);
  layout["hosts"] = toArray(env, kHostNames);
  layout["sockets"] = toArray(env, kSocketNames);
  layout["process"] = toArray(env, kProcessNames);
  layout["counters"] = toArray(env, kCounterNames);
  layout["visit"] = toArray(env, kVisitNames);
  return layout;
}

}  // namespace shaper
