#include "store/nearest.h"

#include <catch2/catch.hpp>

#include <limits>

using namespace lastgood;
using Names = std::vector<std::string>;

TEST_CASE("the edit distance counts insertions, deletions, replacements and swaps") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("", "ab") == 2);
  CHECK(edit_distance("best", "best") == 0);
  CHECK(edit_distance("best", "bast") == 1);
  CHECK(edit_distance("best", "bests") == 1);
  CHECK(edit_distance("best", "bets") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("a misspelt word finds what was meant, the nearest first, and at most three") {
  CHECK(nearest_names("bset", {"best", "beat", "worst"}) == Names{"best", "beat"});
  CHECK(nearest_names("aaaa", {"aaab", "aaac", "aaad", "aaae"}) == Names{"aaab", "aaac", "aaad"});
  CHECK(nearest_names("zzzzz", {"best"}).empty());
}

TEST_CASE("a word finds the longer names that it begins") {
  CHECK(nearest_names("rel", {"release/2024-final", "other-things"}) == Names{"release/2024-final"});
  CHECK(nearest_names("", {"release/2024-final"}).empty());
}

TEST_CASE("numbers are suggested by their distance, each once") {
  CHECK(nearest_numbers(10, {1, 9, 12, 100, 9}) == std::vector<std::int64_t>{9, 12, 1});
  CHECK(nearest_numbers(5, {}).empty());
  constexpr auto kLowest = std::numeric_limits<std::int64_t>::min(),
                 kHighest = std::numeric_limits<std::int64_t>::max();
  CHECK(nearest_numbers(kHighest, {kLowest, 0}) == std::vector<std::int64_t>{0, kLowest});
}

TEST_CASE("suggestions read as a question, and none as nothing") {
  CHECK(did_you_mean({}).empty());
  CHECK(did_you_mean({"a"}) == "; did you mean a?");
  CHECK(did_you_mean({"a", "b", "c"}) == "; did you mean a, b or c?");
}
