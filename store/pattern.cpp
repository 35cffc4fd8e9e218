#include <lastgood/pattern.h>

#include <cstddef>

namespace lastgood {

/// Only the last `*` is ever taken up again, which is enough: what an earlier one could gain by taking more, the last
/// one can take as well. So the steps are at most the product of the lengths, whatever the pattern.
bool matches_pattern(std::string_view pattern, std::string_view name) noexcept {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;  // the last `*`, and where in the name its run may end
  std::size_t resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace lastgood
