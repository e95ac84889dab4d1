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

  // Memory of exactly `bytes`; a difference means that addon and program are of different versions.
  template <typename T>
  bool memory(const char* name, size_t bytes, T** to, Napi::ObjectReference* pin) {
    const Napi::Value value = object_.Get(name);
    if (!value.IsArrayBuffer() || value.As<Napi::ArrayBuffer>().ByteLength() != bytes) {
      return refuse(std::string(name) + " must be an ArrayBuffer of " + std::to_string(bytes) +
                    " bytes: if addon and program differ, rebuild both");
    }
    *to = static_cast<T*>(value.As<Napi::ArrayBuffer>().Data());
    *pin = Napi::Persistent(value.As<Napi::Object>());
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
    Napi::RangeError::New(env_, what).ThrowAsJavaScriptException();
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
    if (copyBytes[q] < 1 || copyBytes[q] > kCopyBytesMax || copyBytes[q] > queue->slotBytes - kAttributeBytes) {
      return reader.refuse("copyBytes must be at least 1 and fit a slot beside its attributes");
    }
    queue->copyBytes[q] = copyBytes[q];
  }
  const auto* gso = reader.perQueue<uint8_t>("gso", napi_uint8_array, count);
  if (!gso) return false;
  for (uint32_t q = 0; q < count; q++) queue->gso[q] = gso[q] != 0;
  return true;
}

}  // namespace

bool readOptions(Napi::Env env, Napi::Value value, PortOptions* options) {
  OptionsReader reader(env, value.IsObject() ? value.As<Napi::Object>() : Napi::Object::New(env));
  QueueOptions& queue = options->queue;
  return reader.number("count", 1, kQueuesMax, &queue.count) &&
         reader.number("firstQueue", 0, 0x10000 - queue.count, &queue.firstQueue) &&
         reader.number("lengthPackets", 1, UINT32_MAX, &queue.lengthPackets) &&
         reader.number("receiveBufferBytes", 0, INT32_MAX, &queue.receiveBufferBytes) &&
         reader.number("slotBytes", kAttributeBytes + 1, kSlotBytesMax, &queue.slotBytes) &&
         reader.number("timerLeewayNs", 0, UINT32_MAX, &options->timerLeewayNs) && readQueues(reader, &queue) &&
         reader.memory("columns", sizeof(Columns), &options->columns, &options->pinned[0]) &&
         reader.memory("slab", queue.slabBytes(), &options->slab, &options->pinned[1]) &&
         reader.memory("counters", sizeof(Counters), &options->counters, &options->pinned[2]);
}

}  // namespace shaper
