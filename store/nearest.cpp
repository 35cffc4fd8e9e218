// Guesses, for messages alone: nothing is ever done to what was only guessed.
#include "store/nearest.h"

#include <algorithm>
#include <utility>

namespace lastgood {

namespace {

constexpr std::size_t kSuggestions = 3;

/// Without overflow at the ends of the range.
std::uint64_t distance(std::int64_t a, std::int64_t b) {
  const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
  return a < b ? y - x : x - y;
}

}  // namespace

/// The optimal string alignment distance, with three rows of its table: a cell needs the two rows above its own.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::vector<std::string> nearest_names(std::string_view word, const std::vector<std::string>& candidates) {
  // A third of the word may be wrong, and two letters of a short one.
  const std::size_t tolerated = std::max<std::size_t>(2, word.size() / 3);
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const std::string& candidate : candidates) {
    const std::size_t edits = edit_distance(word, candidate);
    // A longer name that begins with the word is likely meant, however much is missing.
    const bool begun = !word.empty() && candidate.starts_with(word);
    if (edits <= tolerated || begun) ranked.emplace_back(edits, candidate);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(kSuggestions, ranked.size()); ++i) names.push_back(ranked[i].second);
  return names;
}

std::vector<std::int64_t> nearest_numbers(std::int64_t number, std::vector<std::int64_t> candidates) {
  std::sort(candidates.begin(), candidates.end(), [&](std::int64_t a, std::int64_t b) {
    return std::pair(distance(a, number), a) < std::pair(distance(b, number), b);
  });
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  if (candidates.size() > kSuggestions) candidates.resize(kSuggestions);
  return candidates;
}

std::string did_you_mean(const std::vector<std::string>& suggestions) {
  if (suggestions.empty()) return {};
  std::string text = "; did you mean " + suggestions.front();
  for (std::size_t i = 1; i < suggestions.size(); ++i) {
    text += (i + 1 == suggestions.size() ? " or " : ", ") + suggestions[i];
  }
  return text + "?";
}

}  // namespace lastgood
