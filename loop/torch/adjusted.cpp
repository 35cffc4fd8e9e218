#include "loop/torch/adjusted.h"

#include <cstddef>
#include <sstream>

namespace lastgood::loop {
namespace {

constexpr std::size_t kNamed = 4;  // of a line: an optimizer may have a hundred groups

void add(KnobValues& values, const Knob& knob) {
  if (knob.read) values.emplace_back(knob.name, knob.read());
}

}  // namespace

KnobValues read_knobs(const RecoveryTarget& target) {
  KnobValues values;
  for (const Knob& rate : target.learning_rates) add(values, rate);
  add(values, target.epsilon);
  add(values, target.batch_size);
  return values;
}

std::string moves(const KnobValues& before, const KnobValues& after) {
  std::ostringstream text;
  std::size_t moved = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].second == after[i].second || ++moved > kNamed) continue;
    text << (moved > 1 ? ", " : "") << before[i].first << ' ' << before[i].second << " -> " << after[i].second;
  }
  if (moved > kNamed) text << " and " << moved - kNamed << " more";
  return text.str();
}

}  // namespace lastgood::loop
