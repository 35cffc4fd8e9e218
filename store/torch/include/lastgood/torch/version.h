// What differs between the versions of LibTorch that the adapter is built with (1.13 to 2.x). Nowhere else, so that a
// new version is looked at in one place; what is written into a checkpoint does not depend on it.
#pragma once

#include <sstream>
#include <string>
#include <type_traits>
#include <utility>

#include <torch/optim/optimizer.h>
#include <torch/types.h>
#include <torch/version.h>

/// Whether LibTorch is at least of that version. Of the headers that the program is compiled with.
#define LASTGOOD_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

namespace lastgood {

/// The optional of LibTorch's own interfaces: c10's, later the standard one.
template <class T>
using Optional = torch::optional<T>;

/// An optimizer's state, by parameter: a hash map whose key changed between versions.
using OptimizerStates = std::decay_t<decltype(std::declval<torch::optim::Optimizer&>().state())>;

/// The key of a parameter's state: the address of its implementation; in older versions printed as a text. Good as long
/// as the parameter lives, in this process alone: a checkpoint has parameters' names in its place.
template <class Key = OptimizerStates::key_type>
Key optimizer_state_key(const at::Tensor& parameter) {
  void* address = parameter.unsafeGetTensorImpl();
  if constexpr (std::is_same_v<Key, std::string>) {
    std::ostringstream text;
    text << address;
    return text.str();
  } else {
    return address;
  }
}

}  // namespace lastgood
