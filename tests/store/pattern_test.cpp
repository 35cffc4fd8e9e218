#include <lastgood/pattern.h>

#include <string>

#include <catch2/catch.hpp>

using namespace lastgood;

TEST_CASE("A pattern matches whole names, `*` any run and `?` one character") {
  CHECK(matches_pattern("layer.*.weight", "layer.12.weight"));
  CHECK(matches_pattern("*", ""));
  CHECK(matches_pattern("*", "anything"));
  CHECK(matches_pattern("a?c", "abc"));
  CHECK(matches_pattern("*b*b*", "abcb"));
  CHECK(matches_pattern("**x", "aax"));
  CHECK_FALSE(matches_pattern("layer", "layer.0"));
  CHECK_FALSE(matches_pattern("a?c", "ac"));
  CHECK_FALSE(matches_pattern("", "a"));
  CHECK_FALSE(matches_pattern("*b", "abc"));
  CHECK(matches_pattern("", ""));
}

TEST_CASE("A pattern that could be tried in many ways ends soon") {
  const std::string name(4000, 'a');
  CHECK_FALSE(matches_pattern("*a*a*a*a*a*a*a*a*a*a*b", name));
}
