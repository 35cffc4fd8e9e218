// Refers to the user's modules and optimizers and owns none of them: they outlive the run, as the state asks for.
#include "loop/torch/watched.h"

#include <vector>

#include <lastgood/torch/parts.h>

namespace lastgood::loop {
namespace {

/// Shared with nobody: the state's modules belong to the user.
std::shared_ptr<torch::nn::Module> borrowed(torch::nn::Module* module) {
  return {std::shared_ptr<void>(), module};
}

std::shared_ptr<torch::nn::Module> one_of_all(const TrainingParts& parts) {
  if (parts.modules.size() == 1) return borrowed(parts.modules.front().second);
  auto all = std::make_shared<torch::nn::Module>();
  for (const auto& [name, module] : parts.modules) all->register_module(name, borrowed(module));
  return all;
}

std::vector<const torch::optim::Optimizer*> optimizers_of(const TrainingParts& parts) {
  std::vector<const torch::optim::Optimizer*> optimizers;
  for (const auto& [name, optimizer] : parts.optimizers) optimizers.push_back(optimizer);
  return optimizers;
}

}  // namespace

Watched::Watched(const TrainingState& state)
    : model_(one_of_all(parts_of(state))), optimizers_(optimizers_of(parts_of(state))) {}

}  // namespace lastgood::loop
