#include "face/port_memory.h"

#include <sys/mman.h>

namespace shaper {
namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kSharedAt = sizeof(Columns);
// Slots begin where a page does.
constexpr size_t kSlabAt = (kSharedAt + sizeof(Shared) + kPageBytes - 1) / kPageBytes * kPageBytes;
static_assert(kSharedAt % alignof(Shared) == 0, "no padding");

Napi::ArrayBuffer view(const std::shared_ptr<PortMemory>& memory, Napi::Env env, void* data, size_t bytes) {
  auto* share = new std::shared_ptr<PortMemory>(memory);
  const auto release = [](Napi::Env, void*, std::shared_ptr<PortMemory>* held) { delete held; };
  return Napi::ArrayBuffer::New(env, data, bytes, release, share);
}

}  // namespace

std::shared_ptr<PortMemory> PortMemory::map(size_t slabBytes) {
  void* data = mmap(nullptr, kSlabAt + slabBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return nullptr;
  return std::shared_ptr<PortMemory>(new PortMemory(static_cast<uint8_t*>(data), slabBytes));
}

PortMemory::~PortMemory() { munmap(data_, kSlabAt + slabBytes_); }

Columns* PortMemory::columns() const { return reinterpret_cast<Columns*>(data_); }

Shared* PortMemory::shared() const { return reinterpret_cast<Shared*>(data_ + kSharedAt); }

uint8_t* PortMemory::slab() const { return data_ + kSlabAt; }

void PortMemory::show(const std::shared_ptr<PortMemory>& memory, Napi::Object object) {
  const Napi::Env env = object.Env();
  object["columns"] = view(memory, env, memory->columns(), sizeof(Columns));
  object["shared"] = view(memory, env, memory->shared(), sizeof(Shared));
  object["slab"] = view(memory, env, memory->slab(), memory->slabBytes_);
}

}  // namespace shaper
