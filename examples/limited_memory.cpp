#include "examples/limited_memory.h"

#include <memory>
#include <utility>

#include <c10/util/Exception.h>

namespace demo {
namespace {

/// Counts while it is alive.
struct Block {
  Block(std::atomic<std::size_t>& live_bytes, std::size_t size) : live(live_bytes), bytes(size) { live += bytes; }
  ~Block() { live -= bytes; }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::atomic<std::size_t>& live;
  std::size_t bytes;
  c10::DataPtr memory = {};
};

void release(void* block) {
  delete static_cast<Block*>(block);
}

void raise(std::atomic<std::size_t>& peak, std::size_t value) {
  std::size_t seen = peak;
  while (seen < value && !peak.compare_exchange_weak(seen, value)) {
  }
}

}  // namespace

LimitedMemory& LimitedMemory::install() {
  // Never destroyed: tensors of static lifetime give back to it.
  auto* const memory = new LimitedMemory(c10::GetCPUAllocator());
  c10::SetCPUAllocator(memory, std::numeric_limits<std::uint8_t>::max());
  return *memory;
}

c10::DataPtr LimitedMemory::allocate_within_limit(std::size_t bytes) const {
  auto block = std::make_unique<Block>(live_, bytes);
  TORCH_CHECK_WITH(OutOfMemoryError, live_ <= limit_, "not enough memory: ", bytes, " bytes more make ", live_.load(),
                   ", and the limit is ", limit_.load());
  raise(peak_, live_);
  block->memory = inner_->allocate(bytes);
  void* const data = block->memory.get();
  return {data, block.release(), release, c10::Device(c10::DeviceType::CPU)};
}

}  // namespace demo
