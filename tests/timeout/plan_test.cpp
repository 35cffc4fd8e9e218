// When saves are due, and what is kept for them.
#include <catch2/catch.hpp>

#include "tests/timeout/fake_machine.h"
#include "timeout/check_intervals.h"
#include "timeout/reserve.h"
#include "timeout/save_plan.h"

using namespace lastgood;
using namespace lastgood::test;
using namespace lastgood::timeout;

namespace {

const BootTime kEnd{12h};

SaveCost cost(double seconds, std::uint64_t logical, std::uint64_t written, bool failed = false) {
  SaveCost cost;
  if (!failed) cost.checkpoint = CheckpointId{1};
  cost.bytes_logical = logical;
  cost.bytes_new = written;
  cost.durable = std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
  return cost;
}

constexpr std::uint64_t kGiB = 1u << 30;

}  // namespace

TEST_CASE("The first save is due at the threshold, or at the reserve where that is more") {
  CHECK(next_save({kEnd, 30min, 10s, {}}, std::nullopt) == kEnd - 30min);
  CHECK(next_save({kEnd, 30min, 40min, {}}, std::nullopt) == kEnd - 40min);
  CHECK(next_save({kEnd, 0s, 10s, {}}, std::nullopt) == kEnd - 10s);
  CHECK(next_save({kEnd, 30min, 10s, {}}, kEnd - 5h) == kEnd - 30min);
}

TEST_CASE("Where no end is known none is due, and nothing is over") {
  const Outlook outlook{BootTime::max(), 30min, 10s, {}};
  CHECK(next_save(outlook, std::nullopt) == BootTime::max());
  CHECK_FALSE(is_over(outlook, BootTime(100h), BootTime(200h)));
}

TEST_CASE("Saves go on until the reserve is all that is left, each after half of what was left") {
  const Outlook outlook{kEnd, 30min, 10s, {}};
  std::vector<std::chrono::milliseconds> left;
  std::optional<BootTime> saved;
  for (BootTime due = next_save(outlook, saved); due != BootTime::max(); due = next_save(outlook, saved)) {
    REQUIRE(left.size() < 20);
    CHECK_FALSE(is_over(outlook, saved, due));
    left.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(kEnd - due));
    saved = due;
  }
  CHECK(left ==
        std::vector<std::chrono::milliseconds>{30min, 15min, 450s, 225s, 112'500ms, 56'250ms, 28'125ms, 14'062ms, 10s});
  CHECK(is_over(outlook, saved, *saved));
}

TEST_CASE("A regular checkpoint that is fresher than a save takes is not saved again") {
  const Outlook outlook{kEnd, 30min, 2min, {}};
  CHECK(next_save(outlook, kEnd - 31min) == kEnd - 29min);
  CHECK(next_save(outlook, kEnd - 33min) == kEnd - 30min);
  CHECK(next_save(outlook, kEnd - 3min) == kEnd - 2min);  // but the last chance is taken
  CHECK(next_save(outlook, kEnd - 2min) == BootTime::max());
}

TEST_CASE("A signal makes a save due at once, unless the state was saved since") {
  Outlook outlook{kEnd, 30min, 10s, BootTime(5h)};
  CHECK(next_save(outlook, std::nullopt) == BootTime(5h));
  CHECK(next_save(outlook, BootTime(4h)) == BootTime(5h));
  CHECK(next_save(outlook, BootTime(5h)) == kEnd - 30min);
  outlook.end = BootTime::max();
  CHECK(next_save(outlook, BootTime(4h)) == BootTime(5h));
  CHECK(next_save(outlook, BootTime(6h)) == BootTime::max());
}

TEST_CASE("It is over when the last save has been made, or the end has passed without one") {
  const Outlook outlook{kEnd, 30min, 10s, {}};
  CHECK_FALSE(is_over(outlook, kEnd - 11s, kEnd - 5s));
  CHECK(is_over(outlook, kEnd - 10s, kEnd - 5s));
  CHECK(is_over(outlook, std::nullopt, kEnd));
  CHECK_FALSE(is_over(outlook, std::nullopt, kEnd - 1ns));
}

TEST_CASE("The reserve is one and a half slow saves, a slow step and the drain") {
  CHECK(reserve(10s, 300ms, 5s) == 20'300ms);
  CHECK(reserve(std::nullopt, 300ms, 5s) == 5'300ms);
}

TEST_CASE("A save's time is the 95 % quantile of those of its size") {
  std::vector<SaveCost> costs;
  for (int i = 1; i <= 100; ++i) costs.push_back(cost(i, kGiB, kGiB));
  costs.push_back(cost(10'000, 3 * kGiB, kGiB));
  costs.push_back(cost(10'000, kGiB / 3, kGiB));
  costs.push_back(cost(10'000, kGiB, 0, true));
  CHECK(save_time(costs, kGiB) == 95s);
}

TEST_CASE("Without saves of its size it is the bytes over the slow tail of bandwidths") {
  std::vector<SaveCost> costs{cost(2, kGiB, kGiB), cost(4, kGiB, kGiB)};
  CHECK(save_time(costs, kGiB) == 4s);  // two are too few
  CHECK(save_time(costs, 10 * kGiB) == 40s);
  costs.push_back(cost(1, 1000, 1000));  // fixed costs, no bandwidth
  CHECK(save_time(costs, 10 * kGiB) == 40s);
  CHECK_FALSE(save_time({}, kGiB));
  CHECK_FALSE(save_time(std::vector{cost(1, 1000, 1000), cost(1, kGiB, kGiB, true)}, kGiB));
}

TEST_CASE("The window of intervals forgets all but the latest 1024") {
  IntervalWindow window;
  CHECK(window.quantile(0.99) == 0ns);
  window.add(5s);
  CHECK(window.quantile(0.99) == 5s);
  for (int i = 0; i < 1024; ++i) window.add(std::chrono::milliseconds(i));
  CHECK(window.quantile(0.99) == 1013ms);
  CHECK(window.quantile(1) == 1023ms);
}

TEST_CASE("An evaluation's checks do not push out what a step took") {
  CheckIntervals intervals;
  BootTime now{1h};
  const auto check_after = [&](std::chrono::nanoseconds time, std::optional<Step> step) {
    intervals.add(now += time, step);
  };
  check_after(90s, 1);
  CHECK(intervals.quantile(0.99) == 0ns);  // since when is not known
  check_after(90s, 2);
  CHECK(intervals.quantile(0.99) == 90s);
  SECTION("that names the step that it evaluates") {
    for (int i = 0; i < 5000; ++i) check_after(5ms, 2);
  }
  SECTION("or none") {
    for (int i = 0; i < 5000; ++i) check_after(5ms, {});
  }
  CHECK(intervals.quantile(0.99) == 90s);
}

TEST_CASE("A step counts with the longest time between two of its checks") {
  CheckIntervals intervals;
  BootTime now{1h};
  for (Step step = 0; step < 100; ++step) {
    for (int batch = 0; batch < 20; ++batch) intervals.add(now += 2s, {});
    intervals.add(now += 3s, step);
  }
  CHECK(intervals.quantile(0.99) == 3s);  // neither the 43 s of a step, nor the 2 s of most checks
}

TEST_CASE("Checks that name no step are known by their latest 1024 alone") {
  CheckIntervals intervals;
  BootTime now{1h};
  intervals.add(now, {});
  intervals.add(now += 90s, {});
  CHECK(intervals.quantile(0.99) == 90s);
  for (int i = 0; i < 1024; ++i) intervals.add(now += 5ms, {});
  CHECK(intervals.quantile(0.99) == 5ms);
}

TEST_CASE("What passes between an interruption and the next check is no interval") {
  CheckIntervals intervals;
  intervals.add(BootTime(1h), 1);
  intervals.interrupt();
  intervals.add(BootTime(2h), 2);
  CHECK(intervals.quantile(1) == 0ns);
  intervals.add(BootTime(2h + 1s), 3);
  CHECK(intervals.quantile(1) == 1s);
}
