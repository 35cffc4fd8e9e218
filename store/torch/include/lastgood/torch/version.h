// What differs between the versions of LibTorch that the adapter is built with (1.13 to 2.x). Nowhere else.
#pragma once

#include <optional>

#include <torch/types.h>
#include <torch/version.h>

namespace lastgood {

/// The optional of LibTorch's own interfaces.
#if TORCH_VERSION_MAJOR >= 2
template <class T>
using Optional = std::optional<T>;
#else
template <class T>
using Optional = c10::optional<T>;
#endif

}  // namespace lastgood
