// What the fuzz targets share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include <lastgood/error.h>

namespace lastgood::fuzz {

inline std::span<const std::byte> input(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

/// A broken promise: the fuzzer keeps the input.
inline void expect(bool promise) {
  if (!promise) std::abort();
}

/// Runs a decoder on hostile bytes: it may refuse them in the two ways that it documents, and in no other.
template <class Decode>
void refuse_or(Decode&& decode) {
  try {
    decode();
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::corruption || error.code() == ErrorCode::unsupported_version);
  }
}

}  // namespace lastgood::fuzz
