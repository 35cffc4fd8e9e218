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
bool is_tag_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '/' ||
         c == '-';
}

}  // namespace

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_reserved(std::string_view text) {
  return text == kHead || text == kLatest || text == kLastStable || text.starts_with(kStepPrefix);
}

bool is_tag_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTagBytes && std::all_of(text.begin(), text.end(), is_tag_character);
}

std::string printable(std::string_view text) {
  std::string shown(text.substr(0, kMaxShown));
  for (char& c : shown) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text.size() > kMaxShown ? shown + "..." : shown;
}

}  // namespace lastgood
