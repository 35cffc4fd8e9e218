// What somebody may have meant: the names, or numbers, closest to one that is not there.
//
// Pure functions, safe from any thread. For an error message, where a slow answer is no matter and a wrong guess does
// no harm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lastgood {

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// At most three of `candidates` that are plausibly a misspelt `word`, the nearest first.
std::vector<std::string> nearest_names(std::string_view word, const std::vector<std::string>& candidates);

/// At most three of `candidates`, the nearest to `number` first.
std::vector<std::int64_t> nearest_numbers(std::int64_t number, std::vector<std::int64_t> candidates);

/// "; did you mean a, b or c?", or nothing where there are no suggestions.
std::string did_you_mean(const std::vector<std::string>& suggestions);

}  // namespace lastgood
