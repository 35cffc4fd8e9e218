// A limit on the memory that tensors on the CPU may take, as a card has one: past it an allocation fails as it does
// when memory is really used up.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>

#include <c10/core/CPUAllocator.h>
#include <lastgood/torch/version.h>

namespace demo {

/// Passes each allocation on to the allocator that was there before, and counts. For any number of threads.
class LimitedMemory : public c10::Allocator {
 public:
  /// Takes the place of LibTorch's allocator for the rest of the process; without a limit at first. Call it once,
  /// before other threads run.
  static LimitedMemory& install();

  /// Of all that is alive at once, from now on.
  void set_limit(std::size_t bytes) noexcept { limit_ = bytes; }
  /// What is alive, and the most that ever was at once, in bytes.
  std::size_t live() const noexcept { return live_; }
  std::size_t peak() const noexcept { return peak_; }

  /// Throws c10::OutOfMemoryError past the limit.
#if LASTGOOD_TORCH_AT_LEAST(2, 3)
  c10::DataPtr allocate(std::size_t bytes) override {
    return allocate_within_limit(bytes);
  }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
#else
  c10::DataPtr allocate(std::size_t bytes) const override {
    return allocate_within_limit(bytes);
  }
#endif

 private:
  explicit LimitedMemory(c10::Allocator* inner) : inner_(inner) {}
  c10::DataPtr allocate_within_limit(std::size_t bytes) const;

  c10::Allocator* inner_;
  std::atomic<std::size_t> limit_ = std::numeric_limits<std::size_t>::max();
  mutable std::atomic<std::size_t> live_ = 0;
  mutable std::atomic<std::size_t> peak_ = 0;
};

}  // namespace demo
