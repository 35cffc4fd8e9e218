// What a training state was given, for other libraries of ours that act on it: recovery, time limits, the loop.
// Pointers are to the user's own objects.
#include <lastgood/torch/parts.h>

#include "store/torch/training_state.h"

namespace lastgood {

TrainingParts parts_of(const TrainingState& state) {
  const TrainingState::Impl& impl = state.impl();
  TrainingParts parts;
  for (const adapter::NamedModule& module : impl.modules) parts.modules.emplace_back(module.name, module.module);
  parts.optimizers = impl.optimizers;
  parts.data_positions = impl.data_positions;
  parts.has_gradients = impl.has_gradients;
  return parts;
}

}  // namespace lastgood
