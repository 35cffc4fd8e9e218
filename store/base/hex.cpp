// A file's name is made of these digits and read back from them, so both ways depend on no locale and no stream.
#include "store/base/hex.h"

#include <charconv>

namespace lastgood::base {

std::string to_hex(const std::array<std::uint8_t, 16>& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

// Total over any text, since it reads names in folders that anybody may write to.
std::optional<std::array<std::uint8_t, 16>> from_hex(std::string_view text) {
  std::array<std::uint8_t, 16> bytes{};
  if (text.size() != 2 * bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char* first = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(first, first + 2, bytes[i], 16);
    // from_chars stops at the first character that is no digit, without an error, hence the look at the end.
    if (error != std::errc{} || end != first + 2) return std::nullopt;
  }
  return bytes;
}

}  // namespace lastgood::base
