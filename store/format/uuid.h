// 128 random bits that name a store, a pack and its save, a checkpoint or a session, never twice. The protocol rests on
// that: a name that was used before could lead a late reader or collector to another's file. Not of RFC 4122: all 128
// bits are random.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lastgood::format {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// From the kernel's generator: unaffected by any seed, and fresh after a fork.
  static Uuid random();
  /// 32 lower-case hexadecimal digits, no dashes; also the stem of a pack's file name.
  std::string hex() const;
  /// Upper-case digits too; nothing for anything else.
  static std::optional<Uuid> from_hex(std::string_view text);

  auto operator<=>(const Uuid&) const = default;
};

}  // namespace lastgood::format
