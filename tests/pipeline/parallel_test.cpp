#include "store/pipeline/parallel.h"

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <catch2/catch.hpp>

using namespace lastgood::pipeline;

TEST_CASE("Every task of a loop runs once, on any number of threads") {
  const auto threads = GENERATE(0U, 1U, 2U, 7U);
  std::vector<std::atomic<int>> runs(100);
  parallel_for(threads, runs.size(), [&](std::size_t i) { ++runs[i]; });
  CHECK(std::all_of(runs.begin(), runs.end(), [](const auto& count) { return count == 1; }));
}

TEST_CASE("A loop of no tasks returns") {
  parallel_for(4, 0, [](std::size_t) { FAIL("there is no task"); });
}

TEST_CASE("The first exception of a loop ends it and is passed on") {
  const auto threads = GENERATE(1U, 3U);
  std::atomic<int> runs{0};
  CHECK_THROWS_WITH(parallel_for(threads, 10'000,
                                 [&](std::size_t i) {
                                   ++runs;
                                   if (i == 5) throw std::runtime_error("task 5");
                                 }),
                    "task 5");
  CHECK(runs < 10'000);
}

TEST_CASE("No wish for threads means one a core, and at most eight") {
  CHECK(thread_count(0) >= 1);
  CHECK(thread_count(0) <= 8);
  CHECK(thread_count(3) == 3);
}
