// Numbers as bars.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "cli/sparkline.h"

namespace lastgood::test {

using namespace cli;

namespace {

const double kNan = std::nan("");
const double kInfinity = std::numeric_limits<double>::infinity();

/// The rows as texts, from the top.
std::vector<std::string> drawn(const Series& values, std::size_t rows = 1, bool utf8 = true) {
  std::vector<std::string> lines;
  for (const auto& glyphs : sparkline(values, rows, scale_of(values), utf8)) {
    lines.emplace_back();
    for (const std::string& glyph : glyphs) lines.back() += glyph;
  }
  return lines;
}

}  // namespace

TEST_CASE("a bar is as high as its value between the smallest and the largest") {
  CHECK(drawn({0, 1, 2, 3, 4, 5, 6, 7}) == std::vector<std::string>{"▁▂▃▄▅▆▇█"});
  CHECK(drawn({0, 1, 2, 3, 4, 5, 6, 7}, 1, false) == std::vector<std::string>{".:-=+*%#"});
  CHECK(drawn({-7, 0, -3.5}) == std::vector<std::string>{"▁█▅"});
}

TEST_CASE("of several rows, bars grow from the lowest") {
  CHECK(drawn({0, 15, 7}, 2) == std::vector<std::string>{" █ ", "▁██"});
  CHECK(drawn({0, 15, 8}, 2) == std::vector<std::string>{" █▁", "▁██"});
}

TEST_CASE("nothing, one value and values that are all the same") {
  CHECK(drawn({}) == std::vector<std::string>{""});
  CHECK(drawn({std::nullopt, std::nullopt}) == std::vector<std::string>{"  "});
  CHECK(drawn({5}) == std::vector<std::string>{"▄"});
  CHECK(drawn({0, 0, 0}) == std::vector<std::string>{"▄▄▄"});
  CHECK(drawn({7, 7}, 2) == std::vector<std::string>{"  ", "██"});
  CHECK(drawn({1, std::nullopt, 2}) == std::vector<std::string>{"▁ █"});
}

TEST_CASE("bars that stand for many values go by the scale of all of them") {
  const Series all = {0, 8, 8, 16};
  const auto glyphs = sparkline(squeeze(all, 2), 1, scale_of(all), true);
  CHECK(glyphs == std::vector<std::vector<std::string>>{{"▅", "█"}});
}

TEST_CASE("what is not finite is marked, and moves no scale") {
  CHECK(drawn({1, kNan, 2, kInfinity, -kInfinity}) == std::vector<std::string>{"▁×█××"});
  CHECK(drawn({kNan, kInfinity}) == std::vector<std::string>{"××"});
  CHECK(drawn({kNan, 1, 2}, 2, false) == std::vector<std::string>{"x #", "x.#"});
  CHECK_FALSE(scale_of(Series{kNan, std::nullopt, kInfinity}));
}

TEST_CASE("the extremes of doubles are drawn like any others") {
  const double most = std::numeric_limits<double>::max(), least = std::numeric_limits<double>::denorm_min();
  CHECK(drawn({-most, 0, most}) == std::vector<std::string>{"▁▅█"});
  CHECK(drawn({0, least}) == std::vector<std::string>{"▁█"});
  CHECK(drawn({least, 1, most}) == std::vector<std::string>{"▁▅█"});
}

TEST_CASE("the scale is logarithmic where the largest of positive values is a hundred times the smallest") {
  CHECK(scale_of(Series{1, 100})->logarithmic);
  CHECK_FALSE(scale_of(Series{1, 99})->logarithmic);
  CHECK_FALSE(scale_of(Series{0, 1000})->logarithmic);
  CHECK_FALSE(scale_of(Series{-1, 1000})->logarithmic);
  CHECK(drawn({1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7}) == std::vector<std::string>{"▁▂▃▄▅▆▇█"});
}

TEST_CASE("many values are squeezed into equal shares, of which the largest stands for all") {
  CHECK(squeeze(Series{1, 9, 2, 3}, 2) == Series{9, 3});
  CHECK(squeeze(Series{1, 2, 3, 4, 5}, 2) == Series{2, 5});
  CHECK(squeeze(Series{1, 2}, 10) == Series{1, 2});
  CHECK(squeeze(Series{}, 10).empty());
  CHECK(squeeze(Series{1, 2}, 0).empty());
  CHECK(squeeze(Series{std::nullopt, 1, std::nullopt, std::nullopt}, 2) == Series{1, std::nullopt});
  CHECK(squeeze(Series{-5, -2, -9}, 1) == Series{-2});
  CHECK(std::isnan(*squeeze(Series{1, kNan, 5}, 1)[0]));
  CHECK(squeeze(Series{1, -kInfinity, 5}, 1) == Series{-kInfinity});
}

TEST_CASE("of verdicts the worst stands for its share") {
  using enum Health;
  CHECK(squeeze(std::vector{unchecked, healthy, warning, healthy, critical, warning}, 3) ==
        std::vector{healthy, warning, critical});
}

TEST_CASE("no value is lost: of any number, in any number of columns, the largest is there") {
  std::mt19937 random(1);
  for (int round = 0; round < 1000; ++round) {
    Series values(1 + random() % 200);
    for (auto& value : values) value = static_cast<double>(random());
    const Series columns = squeeze(values, 1 + random() % 300);
    CHECK(columns.size() <= values.size());
    CHECK(*std::max_element(columns.begin(), columns.end()) == *std::max_element(values.begin(), values.end()));
    CHECK(*columns.back() >= *values.back());
  }
}

}  // namespace lastgood::test
