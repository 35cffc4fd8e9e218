#include "recovery/torch/clear_cache.h"

#include <lastgood/torch/version.h>

// From 2.9 on the allocators of all devices answer to one interface; before, CUDA's has one of its own.
#if LASTGOOD_TORCH_AT_LEAST(2, 9)
#include <ATen/DeviceAccelerator.h>
#elif defined(LASTGOOD_HAS_CUDA)
#include <c10/cuda/CUDACachingAllocator.h>
#endif

namespace lastgood::recovery {

void clear_cache() {
#if LASTGOOD_TORCH_AT_LEAST(2, 9)
  const auto device = at::getAccelerator();
  if (!device.has_value()) return;
  at::DeviceAllocator* const allocator = at::getDeviceAllocator(*device);
  if (allocator->initialized()) allocator->emptyCache();
#elif defined(LASTGOOD_HAS_CUDA)
  c10::cuda::CUDACachingAllocator::emptyCache();
#endif
}

}  // namespace lastgood::recovery
