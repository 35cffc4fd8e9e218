// By type where there is one, by words elsewhere: the CPU's allocator and vendors' libraries throw plain c10::Errors. A
// message that nobody here knows is no lack of memory, and passes on to the caller.
#include <algorithm>
#include <new>
#include <string_view>

#include <c10/util/Exception.h>
#include <lastgood/torch/recovery.h>
#include <torch/data/worker_exception.h>

namespace lastgood {
namespace {

/// As LibTorch's allocators (c10/core/impl/alloc_cpu.cpp) and NVIDIA's libraries say it.
constexpr std::string_view kMessages[] = {"not enough memory", "can't allocate memory", "out of memory",
                                          "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"};

}  // namespace

bool is_out_of_memory(const std::exception& error) noexcept {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  if (const auto* const worker = dynamic_cast<const torch::data::WorkerException*>(&error)) {
    try {
      std::rethrow_exception(worker->original_exception);
    } catch (const std::exception& original) {
      return is_out_of_memory(original);
    } catch (...) {
      return false;  // not an exception of the standard's: nothing is known of it
    }
  }
  const auto* const from_torch = dynamic_cast<const c10::Error*>(&error);
  if (from_torch == nullptr) return false;
  const std::string_view message = from_torch->msg();
  return std::any_of(std::begin(kMessages), std::end(kMessages),
                     [&](std::string_view text) { return message.find(text) != std::string_view::npos; });
}

}  // namespace lastgood
