// What decides here is part of the interface: scripts hold tags. A tag that was allowed once can be deleted all the
// same: untag() asks none of these.
#include "store/names.h"

#include <algorithm>

namespace lastgood {

namespace {

constexpr std::size_t kMaxTagBytes = 128;
constexpr std::size_t kMaxShown = 80;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Not std::isalnum: a tag must mean the same under every locale.
bool begins_part(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_part(std::string_view text) {
  return !text.empty() && begins_part(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return begins_part(c) || c == '.' || c == '-'; });
}

}  // namespace

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_reserved(std::string_view text) {
  return text == kHead || text == kLatest || text == kLastStable || text.starts_with(kStepPrefix);
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    // As above: no locale.
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool looks_reserved(std::string_view text) {
  return is_reserved(in_lower_case(text));
}

bool is_tag_text(std::string_view text) {
  if (text.size() > kMaxTagBytes) return false;
  for (;;) {
    const std::size_t slash = text.find('/');
    if (!is_part(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

// For messages only: two names may look the same in it.
std::string printable(std::string_view text) {
  std::string shown(text.substr(0, kMaxShown));
  for (char& c : shown) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text.size() > kMaxShown ? shown + "..." : shown;
}

}  // namespace lastgood
