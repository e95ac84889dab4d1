#include "face/options.h"

#include <cmath>
#include <string>

namespace shaper {
namespace {

class OptionsReader {
 public:
  OptionsReader(Napi::Env env, Napi::Object object) : env_(env), object_(object) {}

  bool number(const char* name, uint32_t min, uint32_t max, uint32_t* to) {
    const Napi::Value value = object_.Get(name);
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
    if (!(number >= min && number <= max && std::floor(number) == number)) {
      return refuse(std::string(name) + " must be a whole number from " + std::to_string(min) + " to " +
                    std::to_string(max));
    }
    *to = static_cast<uint32_t>(number);
    return true;
  }

  // A typed array with one element per queue; null with an exception pending if it is anything else.
  template <typename T>
  const T* perQueue(const char* name, napi_typedarray_type type, uint32_t count) {
    const Napi::Value value = object_.Get(name);
    if (value.IsTypedArray()) {
      const auto array = value.As<Napi::TypedArray>();
      if (array.TypedArrayType() == type && array.ElementLength() == count) {
        return value.As<Napi::TypedArrayOf<T>>().Data();
      }
    }
    refuse(std::string(name) + " must be a typed array with one element per queue");
    return nullptr;
  }

  bool refuse(const std::string& what) {
    // The exception of a getter is pending already, and throwing a second one ends the process.
    if (!env_.IsExceptionPending()) Napi::RangeError::New(env_, what).ThrowAsJavaScriptException();
    return false;
  }

 private:
  Napi::Env env_;
  Napi::Object object_;
};

bool readQueues(OptionsReader& reader, QueueOptions* queue) {
  const uint32_t count = queue->count;
  const auto* copyBytes = reader.perQueue<uint32_t>("copyBytes", napi_uint32_array, count);
  if (!copyBytes) return false;
  for (uint32_t q = 0; q < count; q++) {
    // Another thread may write to this memory, so each value is read once.
    const uint32_t bytes = static_cast<const volatile uint32_t*>(copyBytes)[q];
    if (bytes < 1 || bytes > kCopyBytesMax || bytes > queue->slotBytes - kAttributeBytes) {
      return reader.refuse("copyBytes must be at least 1 and fit a slot beside its attributes");
    }
    queue->copyBytes[q] = bytes;
  }
  const auto* gso = reader.perQueue<uint8_t>("gso", napi_uint8_array, count);
  if (!gso) return false;
  for (uint32_t q = 0; q < count; q++) queue->gso[q] = gso[q] != 0;
  return true;
}

}  // namespace

bool readOptions(Napi::Env env, Napi::Value value, PortOptions* options) {
  if (!value.IsObject()) {
    Napi::TypeError::New(env, "options must be an object").ThrowAsJavaScriptException();
    return false;
  }
  OptionsReader reader(env, value.As<Napi::Object>());
  QueueOptions& queue = options->queue;
  return reader.number("count", 1, kQueuesMax, &queue.count) &&
         reader.number("firstQueue", 0, 0x10000 - queue.count, &queue.firstQueue) &&
         reader.number("lengthPackets", 1, UINT32_MAX, &queue.lengthPackets) &&
         reader.number("receiveBufferBytes", 0, INT32_MAX, &queue.receiveBufferBytes) &&
         reader.number("slotBytes", kAttributeBytes + 1, kSlotBytesMax, &queue.slotBytes) &&
         reader.number("slotBytesMost", queue.slotBytes, kSlotBytesMax, &queue.slotBytesMost) &&
         reader.number("timerLeewayNs", 0, UINT32_MAX, &options->timerLeewayNs) && readQueues(reader, &queue);
}

}  // namespace shaper
