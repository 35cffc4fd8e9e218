// The inside of a TrainingState, and a restore from anywhere that has entries and can fill slots.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <lastgood/torch.h>

#include "store/torch/part.h"
#include "store/torch/restore_plan.h"

namespace lastgood {

struct TrainingState::Impl {
  std::set<std::string> names;
  std::vector<adapter::NamedModule> modules;
  std::vector<std::unique_ptr<adapter::Part>> parts;
  std::vector<std::pair<std::string, torch::optim::Optimizer*>> optimizers;
  std::vector<std::pair<std::string, Stateful*>> data_positions;
  bool has_gradients = false;

  /// Throws unless the name is well formed and new.
  void take_name(const std::string& name);

  /// What TrainingState::restore() does, all but finding the checkpoint.
  RestoreReport restore_from(const std::string& subject, const std::vector<EntrySpec>& saved,
                             const RestoreOptions& options, const adapter::LoadSlots& load);
};

}  // namespace lastgood
