// A name may come from a stranger's store and hold what moves the cursor, sets a colour, or reverses the line. It is
// shown as what it is, never obeyed. The width of characters is the C library's word, by set_text_locale().
#include "cli/text.h"

#include <wchar.h>

#include <algorithm>
#include <cctype>
#include <clocale>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace lastgood::cli {

namespace {

struct Decoded {
  char32_t code = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

/// The first character of `text`, which is not empty. Overlong forms, surrogates and what is beyond U+10FFFF are
/// refused.
Decoded decode(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1};
  // By RFC 3629; 0xc0 and 0xc1 begin overlong forms only, and what is above 0xf4 lies beyond U+10FFFF.
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  char32_t code = lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<std::uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return {};
    code = code << 6 | (next & 0x3fu);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, length};
}

/// Control characters, and those that hide text or change its direction. Zero-width and directional characters (U+200B
/// to U+200F, U+2028 to U+202E, U+2060 to U+206F), and the byte order mark.
bool is_unsafe(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

std::string escaped(char32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\t') return "\\t";
  char text[16];
  std::snprintf(text, sizeof text, code < 0x100 ? "\\x%02x" : "\\u{%x}", static_cast<unsigned>(code));
  return text;
}

/// Byte by byte where it is not UTF-8, character by character where it is.
std::string escape_all_but(std::string_view text, char32_t allowed) {
  std::string result;
  while (!text.empty()) {
    const Decoded next = decode(text);
    const std::size_t bytes = std::max<std::size_t>(next.bytes, 1);
    if (next.bytes == 0) {
      result += escaped(static_cast<std::uint8_t>(text[0]));
    } else if (is_unsafe(next.code) && next.code != allowed) {
      result += escaped(next.code);
    } else {
      result += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return result;
}

constexpr char kEscape = '\x1b';
constexpr const char* kNoColor = "\x1b[0m";

/// What the C library does not know counts as one column.
std::size_t width_of(const Decoded& character) {
  const int width = wcwidth(static_cast<wchar_t>(character.code));
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

/// One character, or one of paint()'s sequences, which end with an m and are the only escapes in a text of ours.
struct Piece {
  std::size_t bytes = 0;
  std::size_t columns = 0;
};

Piece piece_of(std::string_view text) {
  if (text[0] == kEscape) return {std::min(text.find('m'), text.size() - 1) + 1, 0};
  const Decoded next = decode(text);
  return next.bytes == 0 ? Piece{1, 1} : Piece{next.bytes, width_of(next)};
}

}  // namespace

std::string escape(std::string_view text) {
  return escape_all_but(text, 0xffffffff);
}

std::string escape_lines(std::string_view text) {
  return escape_all_but(text, '\n');
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Decoded next = decode(text);
    columns += next.bytes == 0 ? 1 : width_of(next);
    text.remove_prefix(std::max<std::size_t>(next.bytes, 1));
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t used = 0, taken = 0;
  while (taken < text.size()) {
    const Decoded next = decode(text.substr(taken));
    const std::size_t width = next.bytes == 0 ? 1 : width_of(next);
    if (used + width > columns - 1) break;
    used += width;
    taken += std::max<std::size_t>(next.bytes, 1);
  }
  return std::string(text.substr(0, taken)) + "…";
}

std::size_t painted_width(std::string_view text) {
  std::size_t columns = 0;
  for (; !text.empty(); text.remove_prefix(piece_of(text).bytes)) columns += piece_of(text).columns;
  return columns;
}

std::string fit_painted(std::string_view text, std::size_t columns) {
  if (painted_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string result;
  std::size_t used = 0;
  bool painted = false;
  while (!text.empty()) {
    const Piece next = piece_of(text);
    if (used + next.columns > columns - 1) break;
    used += next.columns;
    if (text[0] == kEscape) painted = text.substr(0, next.bytes) != kNoColor;
    result += text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
  }
  return result + "…" + (painted ? kNoColor : "");
}

std::string ascii_only(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const Piece next = piece_of(text);
    const std::string_view piece = text.substr(0, next.bytes);
    if (static_cast<std::uint8_t>(piece[0]) < 0x80) {
      result += piece;
    } else {
      result += piece == "…" ? "~" : std::string(next.columns, '?');
    }
    text.remove_prefix(next.bytes);
  }
  return result;
}

bool has_utf8_locale() {
  // The first that is set counts, by POSIX; what it names need not be installed.
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string locale = value;
    std::transform(locale.begin(), locale.end(), locale.begin(), [](unsigned char c) { return std::tolower(c); });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

std::string counted(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

// Not the user's locale: names are UTF-8 wherever they are read, and numbers must look the same everywhere.
void set_text_locale() {
  // Only the classification of characters: numbers and dates keep the C locale's form.
  std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace lastgood::cli
