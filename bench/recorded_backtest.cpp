// A failure is a stretch of failing steps, and is found by any alarm within it. An alarm soon after one is neither
// right nor false, since what a bad batch did to the weights shows for a while. All others are false.
#include "bench/recorded_backtest.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>

#include "bench/backtest_detectors.h"

namespace bench {
namespace {

using lastgood::ExplosionDetector;
using lastgood::Step;

constexpr Step kAftermath = 30;  // steps

struct Row {
  Step step = 0;
  double loss = 0, gradient_norm = 0;
  bool failing = false;
};

std::vector<Row> read_rows(const std::string& path) {
  std::ifstream file(path);
  std::vector<Row> rows;
  for (Row row; file >> row.step >> row.loss >> row.gradient_norm >> row.failing;) rows.push_back(row);
  return rows;
}

struct Column {
  const char* name;
  std::function<Detector()> make;
  double Row::*value;
};

const std::vector<Column>& columns() {
  static const std::vector<Column> all = {
      {"10x median (default)", [] { return explosion(ExplosionDetector::median_ratio); }, &Row::gradient_norm},
      {"log-MAD, k = 4", [] { return explosion(ExplosionDetector::log_mad); }, &Row::gradient_norm},
      {"ZClip, 2.5", zclip, &Row::gradient_norm},
      {"divergence, smoothed (default)", divergence, &Row::loss},
      {"divergence, two losses", two_losses, &Row::loss}};
  return all;
}

struct Counts {
  int failures = 0, found = 0, false_alarms = 0;
  Step late = 0;
};

/// A run begins where the steps begin anew, with a detector that knows nothing.
Counts judge(const std::vector<Row>& rows, const Column& column) {
  Counts counts;
  Detector detector;
  bool was_failing = false, found = false;
  Step onset = 0, last_failing = 0;
  for (const Row& row : rows) {
    if (row.step == 0) {
      detector = column.make();
      last_failing = -kAftermath - 1;
    }
    if (row.failing && !was_failing) {
      ++counts.failures;
      onset = row.step;
      found = false;
    }
    was_failing = row.failing;
    if (row.failing) last_failing = row.step;
    if (!detector(row.step, row.*column.value)) continue;
    if (!row.failing) {
      counts.false_alarms += row.step - last_failing > kAftermath;
    } else if (!found) {
      found = true;
      ++counts.found;
      counts.late += row.step - onset;
    }
  }
  return counts;
}

void print_row(const std::string& path, const std::vector<Row>& rows) {
  std::printf("| %s, %zu steps |", std::filesystem::path(path).filename().c_str(), rows.size());
  for (const Column& column : columns()) {
    const Counts counts = judge(rows, column);
    std::printf(" %d of %d", counts.found, counts.failures);
    if (counts.late > 0) std::printf(" after %.0f", static_cast<double>(counts.late) / counts.found);
    std::printf(", %d false |", counts.false_alarms);
  }
  std::printf("\n");
}

}  // namespace

int print_recorded(const std::vector<std::string>& files) {
  std::printf("| recorded series |");
  for (const Column& column : columns()) std::printf(" %s |", column.name);
  std::printf("\n|---|");
  for (std::size_t i = 0; i < columns().size(); ++i) std::printf("---|");
  std::printf("\n");
  for (const std::string& path : files) {
    const std::vector<Row> rows = read_rows(path);
    if (rows.empty() || rows.front().step != 0) {
      std::fprintf(stderr, "monitor_backtest: %s is no recorded series\n", path.c_str());
      return 1;
    }
    print_row(path, rows);
  }
  return 0;
}

}  // namespace bench
