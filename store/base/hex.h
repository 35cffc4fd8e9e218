// Hexadecimal text of fixed-size byte arrays: hashes and uuids.
//
// Functions are pure and safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lastgood::base {

/// 32 lower-case digits.
std::string to_hex(const std::array<std::uint8_t, 16>& bytes);
/// Accepts upper-case digits too; nothing for any other length or character.
std::optional<std::array<std::uint8_t, 16>> from_hex(std::string_view text);

}  // namespace lastgood::base
