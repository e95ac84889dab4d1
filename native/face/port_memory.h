// The memory of a port: native code owns it, and TypeScript sees it as ArrayBuffers. It lasts as long as one
// side has it. Whatever JavaScript does with its buffers, native code may write to the memory.
#pragma once

#include <napi.h>

#include <memory>

#include "columns.h"

namespace shaper {

class PortMemory {
 public:
  // Zeros. Pages that nobody has touched cost only addresses. Null: there is no memory.
  static std::shared_ptr<PortMemory> map(size_t slabBytes);
  PortMemory(const PortMemory&) = delete;
  ~PortMemory();

  Columns* columns() const;
  Shared* shared() const;
  uint8_t* slab() const;
  // Gives `object` the properties `columns`, `shared` and `slab`. Once only: V8 allows one ArrayBuffer for
  // each piece of memory.
  static void show(const std::shared_ptr<PortMemory>& memory, Napi::Object object);

 private:
  PortMemory(uint8_t* data, size_t slabBytes) : data_(data), slabBytes_(slabBytes) {}

  uint8_t* const data_;
  const size_t slabBytes_;
};

}  // namespace shaper
