#include "recovery/diagnosis.h"

#include <algorithm>
#include <string>

#include "recovery/detail.h"

namespace lastgood {

namespace {

/// For a shell, where it needs it.
std::string quoted(const std::string& path) {
  constexpr const char* kHarmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%=";
  if (!path.empty() && path.find_first_not_of(kHarmless) == std::string::npos) return path;
  std::string text = "'";
  for (const char c : path) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

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
  report.last_good = detail.last_good;
  report.last_good_step = detail.last_good_step;
  if (detail.last_good) {
    report.command =
        "lastgood --store " + quoted(store.path()) + " rollback " + std::to_string(detail.last_good->value);
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
