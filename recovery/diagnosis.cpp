#include "recovery/diagnosis.h"

#include <algorithm>
#include <string>

#include <lastgood/command_line.h>
#include <lastgood/history.h>

#include "recovery/detail.h"

namespace lastgood {

namespace {

template <RecoveryOutcome outcome>
bool is(const Recovery& recovery) {
  return recovery.outcome == outcome;
}

}  // namespace

namespace recovery {

std::vector<Recovery> attempts_in(std::span<const Recovery> history) {
  const auto success = std::find_if(history.rbegin(), history.rend(), is<RecoveryOutcome::succeeded>);
  std::vector<Recovery> tried(success.base(), history.end());
  std::erase_if(tried, is<RecoveryOutcome::halted>);
  return tried;
}

std::optional<HaltReport> diagnose(const Store& store, std::span<const Recovery> history) {
  const auto halt = std::find_if(history.rbegin(), history.rend(), is<RecoveryOutcome::halted>);
  if (halt == history.rend()) return std::nullopt;
  const Detail detail = read_detail(*halt);
  HaltReport report;
  report.run = halt->run;
  report.step = halt->step;
  report.epoch = halt->epoch;
  report.failure = halt->failure;
  report.errors = detail.errors;
  report.tensors = detail.tensors;
  report.tried = attempts_in({history.begin(), halt.base()});
  if (const auto good = last_stable(store, halt->run)) {
    report.last_good = good->id;
    report.last_good_step = good->step;
    report.command = command_line(store.path(), "rollback " + std::to_string(good->id.value));
  }
  return report;
}

}  // namespace recovery

std::optional<HaltReport> last_halt(const Store& store, const std::string& run) {
  std::vector<Recovery> history = list_recoveries(store, run);
  std::reverse(history.begin(), history.end());
  return recovery::diagnose(store, history);
}

}  // namespace lastgood
