// The time of day, for people; nothing is decided by it.
#pragma once

#include <chrono>
#include <cstdint>

namespace lastgood::catalog {

inline std::int64_t now_ms() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

}  // namespace lastgood::catalog
