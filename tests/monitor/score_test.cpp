// Statistics, the health score and the trend of the loss.
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "monitor/score.h"
#include "monitor/statistics.h"
#include "monitor/text.h"

using namespace lastgood;
using namespace lastgood::monitor;

namespace {

std::vector<double> two_halves(double older, double newer) {
  std::vector<double> values(10, older);
  values.insert(values.end(), 10, newer);
  return values;
}

}  // namespace

TEST_CASE("The median of an even count lies between the two in the middle") {
  CHECK(median({3, 1, 2}) == 2);
  CHECK(median({4, 1, 3, 2}) == 2.5);
  CHECK(median({7}) == 7);
}

TEST_CASE("Mean and deviation do not overflow for numbers that are finite") {
  const double big = std::numeric_limits<double>::max();
  CHECK(mean(std::vector<double>{big, big, big}) == Approx(big));
  CHECK(std::isfinite(standard_deviation(std::vector<double>{0, big / 2, 0})));
  CHECK(standard_deviation(std::vector<double>{2, 4, 4, 4, 5, 5, 7, 9}) == Approx(2));
}

TEST_CASE("The robust deviation passes an outlier over") {
  CHECK(robust_deviation({1, 2, 3, 4, 1000}, 3) == Approx(1.4826));
}

TEST_CASE("The health score subtracts what the reference does") {
  CHECK(health_score({}, {}) == 100);
  CHECK(health_score({.nan = 1}, {}) == 80);
  CHECK(health_score({.inf = 1}, {}) == 80);
  CHECK(health_score({.gradient_explosion = 1}, {}) == 95);
  CHECK(health_score({.loss_divergence = 1}, {}) == 95);
  CHECK(health_score({.oom = 1}, {}) == 90);
  CHECK(health_score({.nan = 1, .inf = 1, .gradient_explosion = 2, .loss_divergence = 1, .oom = 1}, {}) == 35);
}

TEST_CASE("The health score is never below 0") {
  CHECK(health_score({.nan = 4, .inf = 2}, {}) == 0);
}

TEST_CASE("Unrest of gradient norms counts from 10 norms on, and at most 20") {
  // Mean 1, deviation 0.5.
  std::vector<double> norms = {0.5, 1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5};
  CHECK(health_score({}, norms) == Approx(95));
  CHECK(health_score({}, std::span(norms).first(9)) == 100);
  std::vector<double> wild(99, 0.0);
  wild.push_back(1000);
  CHECK(health_score({}, wild) == 80);
  CHECK(health_score({}, std::vector<double>(10, 0.0)) == 100);
}

TEST_CASE("The trend of the loss needs 20 losses") {
  const auto values = two_halves(2, 1);
  CHECK(loss_trend(std::span(values).first(19)) == LossTrend::insufficient_data);
  CHECK(loss_trend(values) == LossTrend::improving);
}

TEST_CASE("The trend of the loss trips strictly below 0.95 and above 1.05") {
  CHECK(loss_trend(two_halves(100, 95)) == LossTrend::stable);
  CHECK(loss_trend(two_halves(100, 94.9)) == LossTrend::improving);
  CHECK(loss_trend(two_halves(100, 105)) == LossTrend::stable);
  CHECK(loss_trend(two_halves(100, 105.1)) == LossTrend::degrading);
}

TEST_CASE("The trend is right for losses that are not positive") {
  CHECK(loss_trend(two_halves(-1, -2)) == LossTrend::improving);
  CHECK(loss_trend(two_halves(-2, -1)) == LossTrend::degrading);
  CHECK(loss_trend(two_halves(0, 0)) == LossTrend::stable);
  CHECK(loss_trend(two_halves(0, 0.1)) == LossTrend::degrading);
}

TEST_CASE("The trend looks at the last 20 losses alone") {
  std::vector<double> values(50, 1000);
  const auto last = two_halves(1, 1);
  values.insert(values.end(), last.begin(), last.end());
  CHECK(loss_trend(values) == LossTrend::stable);
}

TEST_CASE("Trends have the names of the reference") {
  CHECK(std::string(to_string(LossTrend::insufficient_data)) == "insufficient_data");
  CHECK(std::string(to_string(LossTrend::improving)) == "improving");
  CHECK(std::string(to_string(LossTrend::stable)) == "stable");
  CHECK(std::string(to_string(LossTrend::degrading)) == "degrading");
}

TEST_CASE("Numbers in messages have four digits, and NaN no sign") {
  CHECK(number_text(2.13149) == "2.131");
  CHECK(number_text(-std::numeric_limits<double>::quiet_NaN()) == "nan");
  CHECK(number_text(std::numeric_limits<double>::infinity()) == "inf");
}
