// Windows that count steps.
#include <catch2/catch.hpp>

#include "monitor/failure_log.h"
#include "monitor/step_window.h"

using namespace lastgood;
using namespace lastgood::monitor;
using Values = std::vector<double>;

TEST_CASE("A window holds as many steps as it is long, however many values they brought") {
  StepWindow<double> window(10);
  for (Step step = 0; step < 30; ++step) window.add(step, static_cast<double>(step));
  CHECK(window.values() == Values{20, 21, 22, 23, 24, 25, 26, 27, 28, 29});
  window.add(36, 36);
  CHECK(window.values() == Values{27, 28, 29, 36});
  window.add(100, 100);
  CHECK(window.values() == Values{100});
}

TEST_CASE("Time stands still for steps that are skipped") {
  StepWindow<double> window(10);
  window.add(0, 0);
  window.add(5, 5);
  for (Step step = 6; step < 500; ++step) window.skip(step);
  window.add(500, 500);
  CHECK(window.values() == Values{0, 5, 500});
}

TEST_CASE("A replaced value leaves the ends of the window") {
  StepWindow<double> window(10);
  for (Step step = 0; step < 5; ++step) window.add(step, static_cast<double>(step));
  window.replace(50, 50, 2);
  CHECK(window.values() == Values{0, 1, 2, 4, 50});
}

TEST_CASE("A rewound window goes on from the step before") {
  StepWindow<double> window(10);
  for (Step step = 0; step < 8; ++step) window.add(step, static_cast<double>(step));
  window.rewind(3);
  CHECK(window.values() == Values{0, 1, 2});
  window.add(11, 11);
  CHECK(window.values() == Values{2, 11});
  window.rewind(0);
  CHECK(window.size() == 0);
  window.add(0, 7);
  CHECK(window.values() == Values{7});
}

TEST_CASE("A failure counts once a step, running out of memory each time") {
  FailureLog log(100);
  log.note(5, &FailureCounts::nan);
  log.note(5, &FailureCounts::nan);
  log.note(5, &FailureCounts::oom);
  log.note(5, &FailureCounts::oom);
  CHECK(log.total() == FailureCounts{.nan = 1, .oom = 2});
}

TEST_CASE("Counts of the window end with it, totals do not") {
  FailureLog log(100);
  log.note(5, &FailureCounts::inf);
  CHECK(log.recent(104).inf == 1);
  CHECK(log.recent(105).inf == 0);
  log.note(300, &FailureCounts::inf);
  CHECK(log.total().inf == 2);
  log.rewind(300);
  CHECK(log.recent(300).inf == 0);
  CHECK(log.total().inf == 2);
}
