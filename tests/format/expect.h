// What the tests of the format share: bytes from hexadecimal text, and the error that a call throws.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <lastgood/error.h>

namespace lastgood::test {

using Bytes = std::vector<std::byte>;

/// Bytes from pairs of digits; anything else between them is skipped.
inline Bytes from_hex(std::string_view text) {
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits),
                       [](char c) { return std::string_view(" \n").find(c) == std::string_view::npos; });
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

template <class Range>
std::string to_hex(const Range& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    const auto value = static_cast<unsigned>(byte);
    text += {kDigits[value >> 4], kDigits[value & 15]};
  }
  return text;
}

inline Bytes from_text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline Bytes random_bytes(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0xff);
  return bytes;
}

/// The Error that `call` throws; a test that expects one and gets none fails here.
template <class Call>
Error error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("no lastgood::Error was thrown");
}

/// "corruption: the message", so that one comparison asserts both.
template <class Call>
std::string failure_of(Call&& call) {
  const Error error = error_of(call);
  return std::string(to_string(error.code())) + ": " + error.what();
}

}  // namespace lastgood::test
