// UTF-8 is decoded by hand: the C library's decoders depend on the locale of the process, which is the trainer's to
// choose.
#include "store/format/text.h"

#include <cstddef>
#include <cstdint>

#include "store/format/record_check.h"

namespace lastgood::format {
namespace {

constexpr std::size_t kShownBytes = 100;

/// One character: 1 to 4 bytes.
struct Sequence {
  std::size_t length = 0;  // 0: not UTF-8
  std::uint32_t code_point = 0;
};

/// As RFC 3629 has it: 0xc0 and 0xc1 could only begin overlong forms, and what is above 0xf4 lies beyond U+10FFFF.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

/// REQUIRES: text is not empty. A length of 0 says that what stands in front is not UTF-8.
Sequence first_sequence(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = sequence_length(lead);
  if (length == 0 || length > text.size()) return {};
  // A lead byte has `length` ones and a zero in front; the rest are the first bits of the character.
  std::uint32_t code_point = length == 1 ? lead : lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return {};
    code_point = code_point << 6 | (byte & 0x3fu);
  }
  // The smallest code point of three and four bytes; for two, the lead byte has told.
  const bool overlong = (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  if (overlong || surrogate || code_point > 0x10ffff) return {};
  return {length, code_point};
}

}  // namespace

// Control characters are refused everywhere, C1 included: names are printed to terminals, and some obey those.
bool is_clean_text(std::string_view text) {
  while (!text.empty()) {
    const Sequence sequence = first_sequence(text);
    if (sequence.length == 0) return false;
    if (sequence.code_point < 0x20 || (sequence.code_point >= 0x7f && sequence.code_point < 0xa0)) return false;
    text.remove_prefix(sequence.length);
  }
  return true;
}

std::string in_quotes(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string shown = "\"";
  while (!text.empty() && shown.size() < kShownBytes) {
    // Whole characters as they are, single bytes of anything else.
    const std::size_t length = first_sequence(text).length;
    if (length != 0 && is_clean_text(text.substr(0, length))) {
      shown += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    const auto byte = static_cast<unsigned char>(text.front());
    shown += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    text.remove_prefix(1);
  }
  return shown + (text.empty() ? "\"" : "...\"");
}

bool is_json_object(std::string_view text) {
  const auto parsed = parse_json(text);
  return parsed && parsed->is_object();
}

}  // namespace lastgood::format
