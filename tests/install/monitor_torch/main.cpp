// Checks a step of a module with the installed monitor, and one with a NaN. Exit status 0: it told them apart.
#include <cmath>
#include <cstdlib>

#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

#include <lastgood/torch/stability_monitor.h>

int main() {
  torch::nn::Linear model(3, 2);
  torch::optim::SGD optimizer(model->parameters(), 0.1);
  lastgood::StabilityMonitor monitor({.check_interval = 1});
  const torch::Tensor loss = model(torch::ones({4, 3})).square().mean();
  loss.backward();
  optimizer.step();
  const auto good = monitor.check_step(model, loss, optimizer, 0);
  model->bias.data().fill_(std::nan(""));
  const auto bad = monitor.check_step(model, loss, optimizer, 1);
  const bool told_apart = good.overall_health == lastgood::Health::healthy && bad.nan_tensors.size() == 1;
  return told_apart ? EXIT_SUCCESS : EXIT_FAILURE;
}
